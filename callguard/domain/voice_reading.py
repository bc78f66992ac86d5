"""What a call's voice has told so far, and when that is news to whoever judges the call."""

from collections.abc import Sequence
from dataclasses import dataclass

from callguard.domain.scoring import SPEECH_ENOUGH_S, SYNTHETIC_FROM
from callguard.domain.signals import KnownVoice, SignalState, VoiceMatch

SCORE_MOVED = 0.05
"""Less would move the verdict by four points at most."""
SCORE_MOVED_BELOW = 0.15
"""The same where a score weighs nothing, and is only shown."""
SPEECH_GREW = 2.0
"""Times as much speech as was last told: the score counts for more, and people see from how much it comes."""
SIMILARITY_MOVED = 0.15


@dataclass(frozen=True, slots=True)
class VoiceReading:
    """How synthetic one stream's caller sounds.

    `score` 0-1 with the interval `low` to `high`, from `speech_seconds` of scored speech in `windows`; all
    three are None where the state is not MEASURED, and `reason` is the detector's code then.
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
    """Whether `now` is worth another look at the call; `told` is what was told last."""
    if told is None or told.state is not now.state or told.reason != now.reason:
        return True
    if told.score is None or now.score is None:
        return False
    weighs = max(told.score, now.score) > SYNTHETIC_FROM
    moved = abs(now.score - told.score) >= (SCORE_MOVED if weighs else SCORE_MOVED_BELOW)
    enough = min(SPEECH_ENOUGH_S, SPEECH_GREW * told.speech_seconds)
    return moved or told.speech_seconds < enough <= now.speech_seconds


@dataclass(frozen=True, slots=True)
class Likeness:
    """A stream's caller beside one enrolled voice; `match` is None where they spoke too little to tell, and
    then there is no `similarity` (-1 to 1) either.
    """

    match: VoiceMatch | None
    similarity: float | None
    model: str


def likeness_is_news(told: Likeness | None, now: Likeness) -> bool:
    """Whether `now` is worth another look at the call."""
    if told is None or told.match is not now.match:
        return True
    return abs((now.similarity or 0.0) - (told.similarity or 0.0)) >= SIMILARITY_MOVED


_TELLING = (VoiceMatch.SAME, VoiceMatch.REPLAYED, VoiceMatch.UNDECIDED, VoiceMatch.OTHER)


def best_of(compared: Sequence[KnownVoice]) -> KnownVoice | None:
    """Where the caller may be one of several: who is like one of them is not another, and who can't be told
    from one of them may be that one.
    """
    return min(compared, key=lambda known: (_TELLING.index(known.match), -known.similarity), default=None)
