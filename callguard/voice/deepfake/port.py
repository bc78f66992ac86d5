"""The one door every deepfake detector serves, and the score of a whole call from those of its windows.

A detector gets windows of active speech (float32 mono at 8 kHz, 3 to 4 s, each overlapping the next by
half: `callguard.voice.activity`) and answers for each with a calibrated probability that the voice is
synthetic, or with the reason why it can't say.
"""

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

WINDOW_S = 4.0
MOST_CERTAIN = 0.999
WITHIN_CALL = 1.0
PRIOR_WINDOWS = 4
BETWEEN_CALLS = 0.5
Z_95 = 1.96
MAD_TO_SD = 1.4826
MEDIAN_VARIANCE = math.pi / 2


class Reason(StrEnum):
    """Why there is a state instead of a score. The values are stable: they are stored and sent."""

    NOT_ENOUGH_SPEECH = "NOT_ENOUGH_SPEECH"
    SILENCE = "SILENCE"
    NOISE = "NOISE"
    TONES = "TONES"
    MUSIC = "MUSIC"
    CLIPPED = "CLIPPED"
    DAMAGED = "DAMAGED"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class WindowScore:
    """One window's answer: the calibrated probability of synthesis (0-1), or the reason why there is none."""

    score: float | None
    reason: Reason | None
    speech_s: float

    def __post_init__(self) -> None:
        if (self.score is None) == (self.reason is None):
            raise ValueError("a window has either a score or a reason why not")
        if self.score is not None and not 0.0 <= self.score <= 1.0:
            raise ValueError("a score is a probability from 0 to 1")


class Detector(Protocol):
    """Judges windows of speech. `version` names model and calibration in all that is stored or sent."""

    @property
    def version(self) -> str:
        """Such as 'onnx 1f0c52aa 9be01c77'."""
        ...

    def score(self, windows: Sequence[NDArray[np.float32]]) -> list[WindowScore]:
        """One answer for each window, in order. Raises CallguardError when none can be given at all."""
        ...


@dataclass(frozen=True, slots=True)
class CallScore:
    """What the windows say together.

    `score` (0-1) lies within its 95 % interval `low` to `high`; all three are None with a `reason` where no
    window could be scored. `speech_s` and `windows` count what was scored, the overlap of windows once.
    """

    score: float | None
    low: float | None
    high: float | None
    speech_s: float
    windows: int
    reason: Reason | None


def aggregate(scores: Sequence[WindowScore]) -> CallScore:
    """The windows of one call in their order, as one score with its uncertainty.

    The score is the median of the windows' log-odds (held within 999 to 1): fewer than half of the windows
    can't carry it off, however odd they are, and it never falls when a window rises. The interval is normal
    on the log-odds. Its variance is what two calls of one kind differ by however long they are
    (BETWEEN_CALLS squared; it never shrinks) plus that of a median (pi/2 times that of a mean: Huber &
    Ronchetti, Robust Statistics, 2009) of as many *independent* windows as there are spans of 4 s of speech.
    The spread within the call is 1.4826 times the median absolute deviation, pooled with a prior worth four
    windows, since one or two windows alone know nothing of their spread.
    """
    judged = [score.score for score in scores if score.score is not None]
    if not judged:
        return CallScore(None, None, None, 0.0, 0, _chief_reason(scores))
    logits = [_logit(score) for score in judged]
    centre = statistics.median(logits)
    mad = MAD_TO_SD * statistics.median(abs(logit - centre) for logit in logits)
    pooled = (PRIOR_WINDOWS * WITHIN_CALL**2 + len(logits) * mad**2) / (PRIOR_WINDOWS + len(logits))
    speech_s = _speech_judged(scores)
    independent = max(speech_s, 1.0) / WINDOW_S
    half = Z_95 * math.sqrt(BETWEEN_CALLS**2 + MEDIAN_VARIANCE * pooled / independent)
    return CallScore(
        score=_probability(centre),
        low=_probability(centre - half),
        high=_probability(centre + half),
        speech_s=speech_s,
        windows=len(judged),
        reason=None,
    )


def _chief_reason(scores: Sequence[WindowScore]) -> Reason:
    """What kept most windows from being scored; the earliest of equals, so that the answer is stable."""
    reasons = Counter(score.reason for score in scores if score.reason is not None)
    return reasons.most_common(1)[0][0] if reasons else Reason.NOT_ENOUGH_SPEECH


def _speech_judged(scores: Sequence[WindowScore]) -> float:
    """Seconds of speech behind the score: of a window whose forerunner was scored too, the new half only."""
    total, follows = 0.0, False
    for score in scores:
        if score.score is not None:
            total += score.speech_s / 2 if follows else score.speech_s
        follows = score.score is not None
    return total


def _logit(probability: float) -> float:
    held = min(max(probability, 1 - MOST_CERTAIN), MOST_CERTAIN)
    return math.log(held / (1 - held))


def _probability(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
