"""One recording or stream through a detector: the windows' scores as they come, and all of them as one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from callguard.voice.activity import SpeechTape, Window
from callguard.voice.deepfake.port import CallScore, Detector, Reason, WindowScore, aggregate


@dataclass(frozen=True, slots=True)
class Heard:
    """A window, by when its speech begins and ends in the recording, and its score or why there is none."""

    start_s: float
    end_s: float
    score: float | None
    reason: Reason | None


def rounded(score: float | None) -> float | None:
    """As it is told: batches of other sizes differ in later digits."""
    return None if score is None else round(score, 4)


class Listener:
    """Hears 8 kHz mono samples chunk by chunk; how they are cut changes nothing. Keeps scores, no samples."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._tape = SpeechTape()
        self._scores: list[WindowScore] = []
        self.track: list[Heard] = []

    @property
    def speech_seconds(self) -> float:
        """How much speech there was so far."""
        return self._tape.speech_seconds

    @property
    def version(self) -> str:
        """Of the detector."""
        return self._detector.version

    def feed(self, samples: NDArray[np.float32]) -> list[Heard]:
        """The windows that are complete with these samples. Raises DetectorError."""
        return self._judge(self._tape.feed(samples))

    def end(self) -> list[Heard]:
        """The last, shorter window, where there is one. Feed no more."""
        return self._judge(self._tape.flush())

    def so_far(self) -> CallScore:
        """What all windows say together."""
        return aggregate(self._scores)

    def _judge(self, windows: list[Window]) -> list[Heard]:
        scores = self._detector.score([window.samples for window in windows]) if windows else []
        heard = [
            Heard(window.start_s, window.end_s, rounded(score.score), score.reason)
            for window, score in zip(windows, scores, strict=True)
        ]
        self._scores += scores
        self.track += heard
        return heard
