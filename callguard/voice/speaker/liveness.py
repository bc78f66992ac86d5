"""Is the voice synthetic? What a detector says of one recording."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.voice.deepfake.port import CallScore, Detector, WindowScore, aggregate
from callguard.voice.speaker.speech import RATE, speech_of

_WIDTH: Final = 4 * RATE
_HOP: Final = 2 * RATE

Judge = Callable[[NDArray[np.float32]], CallScore]


def judged_by(detector: Detector) -> Judge:
    """A judge of recordings, float32 [n] at 8000 Hz, by the windows of speech in them."""

    def judge(samples: NDArray[np.float32]) -> CallScore:
        windows = _windows(speech_of(samples).samples)
        scores: list[WindowScore] = detector.score(windows) if windows else []
        return aggregate(scores)

    return judge


def _windows(speech: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """4 s each 2 s, of speech that is nothing else; all of it where it is shorter."""
    last = max(len(speech) - _WIDTH, 0)
    return [speech[start : start + _WIDTH] for start in range(0, last + 1, _HOP)] if len(speech) else []
