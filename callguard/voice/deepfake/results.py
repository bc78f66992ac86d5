"""What is told of a recording: the JSON of `callguard score`, and its row in `callguard batch`.

The names of the fields are stable; docs/voice-detectors.md explains them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from callguard.domain.audio import SAMPLE_RATE
from callguard.voice.deepfake.labels import Label, RiskLevel, label, risk_level
from callguard.voice.deepfake.listener import Heard, Listener, rounded
from callguard.voice.deepfake.port import Detector, Reason


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a recording was heard, and what its windows say so far: of `windows` scored ones."""

    seconds: float
    speech_seconds: float
    score: float | None
    low: float | None
    high: float | None
    label: Label
    windows: int
    newest: tuple[Heard, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """A recording's score, or the reason why it has none; `windows` is its track."""

    file_path: str
    score: float | None
    low: float | None
    high: float | None
    label: Label
    risk_level: RiskLevel
    reason: Reason | None
    speech_seconds: float
    duration_seconds: float
    model_version: str
    windows: tuple[Heard, ...]


class Scoring:
    """Scores one recording, piece by piece: iterate for its progress, then ask for the `result`."""

    def __init__(self, file_path: str, pieces: Iterable[NDArray[np.float32]], detector: Detector) -> None:
        self._file_path, self._pieces = file_path, pieces
        self._listener = Listener(detector)
        self._seconds = 0.0

    def __iter__(self) -> Iterator[Progress]:
        """After each piece of 8 kHz mono samples; the windows left over at the end stand in the result."""
        for piece in self._pieces:
            newest = self._listener.feed(piece)
            self._seconds += len(piece) / SAMPLE_RATE
            call = self._listener.so_far()
            yield Progress(
                seconds=round(self._seconds, 3),
                speech_seconds=round(self._listener.speech_seconds, 2),
                score=rounded(call.score),
                low=rounded(call.low),
                high=rounded(call.high),
                label=label(call.score),
                windows=call.windows,
                newest=tuple(newest),
            )
        self._listener.end()

    def result(self) -> Scored:
        """Of the whole recording, once it was iterated through."""
        call = self._listener.so_far()
        return Scored(
            file_path=self._file_path,
            score=rounded(call.score),
            low=rounded(call.low),
            high=rounded(call.high),
            label=label(call.score),
            risk_level=risk_level(call.score),
            reason=call.reason,
            speech_seconds=round(self._listener.speech_seconds, 2),
            duration_seconds=round(self._seconds, 3),
            model_version=self._listener.version,
            windows=tuple(self._listener.track),
        )


def scored(file_path: str, pieces: Iterable[NDArray[np.float32]], detector: Detector) -> Scored:
    """A recording, heard to its end."""
    scoring = Scoring(file_path, pieces, detector)
    for _ in scoring:
        pass
    return scoring.result()
