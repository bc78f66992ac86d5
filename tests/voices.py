"""Recordings of voices, cut from what the demo plays: float32 at 8000 Hz, speech alone."""

import wave
from functools import cache
from pathlib import Path

import numpy as np

from callguard.local.recordings import AUDIO_FOLDER
from callguard.voice.files import read
from callguard.voice.speaker.speech import RATE, Samples, speech_of

OFFICER, MOTHER, DAUGHTER, ANNOUNCER = (
    "scam-caller",
    "scam-callee",
    "harmless-family-caller",
    "harmless-human-caller",
)
_CUTS = {OFFICER: 4, MOTHER: 3, DAUGHTER: 2, ANNOUNCER: 3}


@cache
def voice(name: str) -> tuple[Samples, ...]:
    """Recordings of 3.6 s and more of one voice."""
    samples, _ = read(AUDIO_FOLDER / f"{name}.wav")
    spoken = speech_of(samples).samples
    return tuple(np.array_split(spoken, _CUTS[name]))


def written(file: Path, samples: Samples) -> Path:
    """The same as a WAV file of 16 bits."""
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return file
