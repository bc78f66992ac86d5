"""Copies of a voice: each sample resynthesised by WORLD and by Griffin-Lim, and what neural engines made
of it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import librosa
import numpy as np
import pyworld

from callguard.voice.speaker.speech import RATE
from training.speaker.clips import Sound, levelled, manifest, read, telephone

_WIDTH: Final = 512
_STEP: Final = 128


def world(sound: Sound) -> Sound:
    """Analysed into pitch, envelope and aperiodicity, and made again of these (Morise et al., 2016)."""
    exact = sound.astype(np.float64)
    pitch, times = pyworld.harvest(exact, RATE)
    envelope = pyworld.cheaptrick(exact, pitch, times, RATE)
    aperiodicity = pyworld.d4c(exact, pitch, times, RATE)
    made: Sound = pyworld.synthesize(pitch, envelope, aperiodicity, RATE)[: len(sound)].astype(np.float32)
    return made


def griffin_lim(sound: Sound) -> Sound:
    """Its magnitudes with phases found by iteration (Griffin and Lim, 1984)."""
    magnitudes = np.abs(librosa.stft(sound, n_fft=_WIDTH, hop_length=_STEP))
    made: Sound = librosa.griffinlim(
        magnitudes, n_iter=32, hop_length=_STEP, n_fft=_WIDTH, length=len(sound), random_state=1
    )
    return made


def neural(data: Path) -> Iterator[tuple[str, Path, Sound]]:
    """Speaker, the human original and a neural engine's copy of it."""
    for row in manifest(data / "neural"):
        if row["label"] != "human" and row["paired_with"]:
            sound = levelled(telephone(*read(data / "neural" / row["path"])))
            yield row["voice"], data / "neural" / row["paired_with"], sound
