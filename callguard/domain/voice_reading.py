"""What a call's voice has told so far, and when that is news to whoever judges the call."""

from dataclasses import dataclass

from callguard.domain.signals import SignalState

SCORE_MOVED = 0.05
"""Less would move the verdict by two points at most."""
SPEECH_GREW = 2.0
"""Times as much speech as was last told: the score counts more, and people see from how much it comes."""
SPEECH_SETTLED_S = 10.0
"""From so much speech on a score counts wholly, and more of it is no news."""


@dataclass(frozen=True, slots=True)
class VoiceReading:
    """How synthetic one stream's caller sounds.

    `score` 0-1 with the interval `low` to `high`, from `speech_seconds` of scored speech; all None where the
    state is not MEASURED. `reason` is then the detector's code. `windows` were scored.
    """

    state: SignalState
    speech_seconds: float
    windows: int
    model: str
    score: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def is_news(told: VoiceReading | None, now: VoiceReading) -> bool:
    """Whether `now` is worth another look at the call; `told` is what was stored last."""
    if told is None or told.state is not now.state or told.reason != now.reason:
        return True
    if told.score is None or now.score is None:
        return False
    settled = told.speech_seconds >= SPEECH_SETTLED_S
    grew = now.speech_seconds >= SPEECH_GREW * told.speech_seconds
    return abs(now.score - told.score) >= SCORE_MOVED or (grew and not settled)
