"""Recordings for the stand-in's calls: the demo's own, and any WAV file as the telephone line carries it."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from callguard.domain.transcript import Speaker, Turn
from callguard.errors import AudioError
from callguard.speech import wav

AUDIO_FOLDER: Final = Path(__file__).parent / "audio"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One call of the demo: its two tracks share one timeline, and `stir` is the caller's attestation.

    `expected`: that it alerts, that it does not, or nothing: it shows what the models make of it.
    """

    name: str
    caller: Path
    callee: Path
    expected: Literal["alert", "quiet", "shown"]
    language: str
    from_number: str
    stir: Literal["A", "B", "C", "none"]
    description: str
    turns: tuple[Turn, ...]


def scenarios() -> tuple[Scenario, ...]:
    """The demo's calls, in the order in which they ring."""
    manifest = tomllib.loads((AUDIO_FOLDER / "manifest.toml").read_text(encoding="utf-8"))
    return tuple(
        Scenario(
            name=entry["name"],
            caller=AUDIO_FOLDER / entry["caller"],
            callee=AUDIO_FOLDER / entry["callee"],
            expected=entry["expected"],
            language=entry["language"],
            from_number=entry["from_number"],
            stir=entry["stir"],
            description=entry["description"],
            turns=tuple(Turn(Speaker(speaker), text) for speaker, text in entry["turns"]),
        )
        for entry in manifest["scenario"]
    )


def enrolled_recordings() -> tuple[Path, ...]:
    """What the demo enrolls of the voice of `family.ENROLLED`: a human's."""
    return tuple(AUDIO_FOLDER / f"enrolled-{number}.wav" for number in (1, 2, 3))


def load_mulaw(path: Path) -> bytes:
    """The recording as mu-law bytes, 8 kHz, one channel.

    Takes what `callguard.speech.wav` reads. Raises AudioError, AUDIO_NOT_FOUND besides the codes named there.
    """
    return wav.telephone_audio(_content(path))


def load_samples(path: Path) -> tuple[NDArray[np.float64], int]:
    """The recording's samples, mixed down, full scale 1.0, and their rate in Hz. Errors: see `load_mulaw`."""
    return wav.samples(_content(path))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AudioError(
            "The recording can't be opened. Give the path of a WAV file that this user may read.",
            code="AUDIO_NOT_FOUND",
        ) from error
