"""Is the voice synthetic? What a detector says of one recording."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from callguard.voice.activity import speech_windows
from callguard.voice.deepfake.port import CallScore, Detector, aggregate

Judge = Callable[[NDArray[np.float32]], CallScore]


def judged_by(detector: Detector) -> Judge:
    """A judge of recordings, float32 [n] at 8000 Hz, by the windows of speech in them."""

    def judge(samples: NDArray[np.float32]) -> CallScore:
        windows = [window.samples for window in speech_windows(samples)]
        return aggregate(detector.score(windows) if windows else [])

    return judge
