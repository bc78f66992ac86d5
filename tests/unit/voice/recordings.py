"""Recordings of made-up voices: bright ones and dull ones, which a small network tells apart."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from callguard.voice.deepfake.remote import wav
from tests.unit.voice.sounds import speech

Samples = NDArray[np.float32]


@cache
def voice(seconds: float, seed: int, *, bright: bool) -> Samples:
    """Speech with its highs raised or cut; a trace of noise, as lines have it."""
    plain, dull = speech(seconds, seed), np.ones(3) / 3
    shaped = np.append(np.diff(plain), np.float32(0)) if bright else np.convolve(plain, dull, "same")
    level = shaped * (0.1 / np.sqrt(np.mean(shaped**2)))
    noisy: Samples = (level + np.random.default_rng(seed).normal(0, 0.0005, len(level))).astype(np.float32)
    return noisy


def recording(path: Path, seconds: float = 6.0, seed: int = 0, *, bright: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav(voice(seconds, seed, bright=bright)))
    return path
