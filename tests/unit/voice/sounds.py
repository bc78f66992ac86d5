"""Sounds made up for the tests of the voice: float32, 8 kHz, mono, between -1 and 1."""

import numpy as np
from numpy.typing import NDArray

RATE = 8000


def silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * RATE), np.float32)


def hiss(seconds: float, rms: float, seed: int = 7) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, rms, round(seconds * RATE)).astype(np.float32)


def tone(seconds: float, hertz: float = 440.0, amplitude: float = 0.3) -> NDArray[np.float32]:
    time = np.arange(round(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def speech(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """A voice that changes its vowel and swells four times a second, as syllables do; about -20 dBFS."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = 120 + 15 * np.sin(2 * np.pi * 0.7 * time + seed)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    syllable = (time * 4).astype(int)
    first = rng.uniform(300, 800, int(seconds * 4) + 2)[syllable]
    second = rng.uniform(900, 2300, int(seconds * 4) + 2)[syllable]
    signal = np.zeros_like(time)
    for harmonic in range(1, 28):
        hertz = pitch * harmonic
        loudness = sum(np.exp(-(((hertz - formant) / 150) ** 2)) for formant in (first, second, 2700.0))
        signal += (0.05 + loudness) * np.sin(harmonic * phase)
    signal *= 0.55 + 0.45 * np.sin(2 * np.pi * 4 * time)
    return (signal * 0.1 / max(1e-9, float(np.sqrt(np.mean(signal**2))))).astype(np.float32)
