"""A call to be placed, and the record of what became of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeVar

from callguard.domain.transcript import Speaker
from callguard.errors import AudioError
from callguard.local.twilio.options import Track
from callguard.local.twilio.speech import SpokenWord

AfterTurn = Callable[[str, int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class AudioConversation:
    """What both parties say, as 8 kHz mu-law on one timeline that starts when both are on the line.

    Without `callee` the person only listens. The caller hangs up when the longer of the two has ended.
    """

    caller: bytes = field(repr=False)
    callee: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.caller and not self.callee:
            raise AudioError("The conversation has no audio; give the caller's or the callee's.")


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """Everything one party says before the other speaks."""

    speaker: Speaker
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DialogueConversation:
    """A conversation by its words alone: no audio, but the same transcription results.

    After each turn, once its results are delivered, `after_turn(call_sid, turn_number)` is awaited before the
    next turn begins; turns are numbered from 1. `language` is told where the transcription asked for `multi`.
    """

    turns: Sequence[SpokenTurn]
    after_turn: AfterTurn | None = None
    language: str = "en-US"


Conversation = AudioConversation | DialogueConversation


class TranscriptionHabit(StrEnum):
    """How a call's real-time transcriptions fare. WITHHELD: no callback ever comes, as for a wrong engine.
    FAILS: an error event follows the start, and nothing after it. DEAF: it starts, and no words come.
    …_AT_FIRST: so the first session of a leg fares, and the next one works.
    """

    WORKS = "works"
    WITHHELD = "withheld"
    FAILS = "fails"
    DEAF = "deaf"
    WITHHELD_AT_FIRST = "withheld-at-first"
    FAILS_AT_FIRST = "fails-at-first"

    def of_session(self, number: int) -> "TranscriptionHabit":
        """How a leg's session `number` fares, counted from 0."""
        if not self.endswith("-at-first"):
            return self
        return TranscriptionHabit(self.removesuffix("-at-first")) if number == 0 else TranscriptionHabit.WORKS


@dataclass(frozen=True, slots=True)
class CallPlan:
    """A call from outside to a number of the account.

    `from_number` may be a withheld caller ('anonymous', '+266696687'). `stir` is the attestation that the
    carrier signed; without it the call isn't STIR-capable and carries no CallToken. A caller who hears nobody
    for `patience_seconds` hangs up: scaled by the speed, but never under five real seconds (or
    `patience_seconds`, if that is less), because the product's own work takes its real time.

    `keys` are pressed one after the other where TwiML asks for them, and `answers` are what the caller says
    where it listens for words, an empty one being silence; `message` is mu-law spoken after the tone of a
    <Record>, after which they hang up or, with `waits_after_message`, wait.
    """

    from_number: str
    to_number: str
    conversation: Conversation
    stir: Literal["A", "B", "C"] | None = None
    forwarded_from: str | None = None
    patience_seconds: float = 20.0
    transcription: TranscriptionHabit = TranscriptionHabit.WORKS
    keys: str = ""
    answers: Sequence[str] = ()
    message: bytes = field(default=b"", repr=False)
    waits_after_message: bool = False


class Outcome(StrEnum):
    """How a placed call ended. NO_ANSWER: no person came on the line. FAILED: the product gave no TwiML."""

    COMPLETED = "completed"
    NO_ANSWER = "no-answer"
    REJECTED = "rejected"
    FAILED = "failed"


class EndedBy(StrEnum):
    """Who ended a leg."""

    CALLER = "caller"
    CALLEE = "callee"
    TWIML = "twiml"
    API = "api"
    CONFERENCE = "conference"
    CARRIER = "carrier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened on a leg: `at` by time.monotonic(), `wall` by the calendar."""

    call_sid: str
    at: float
    wall: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing(Moment):
    """A leg began."""

    direction: str
    from_number: str
    to_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Moment):
    """A leg was answered: by Twilio when inbound, by the handset when outbound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected(Moment):
    """Caller and person are both on the line: the conversation begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStarted(Moment):
    """A turn of a dialogue, numbered from 1."""

    turn: int
    speaker: Speaker


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribed(Moment):
    """A transcription result was handed to its webhook. Only finals carry `words`."""

    track: Track
    text: str
    is_final: bool
    words: tuple[SpokenWord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnded(Moment):
    """A leg ended with one of Twilio's final call statuses."""

    status: str
    ended_by: EndedBy


AnyMoment = TypeVar("AnyMoment", bound=Moment)


@dataclass(frozen=True, slots=True)
class LegRecord:
    """One leg of a call as it ended."""

    call_sid: str
    direction: str
    from_number: str
    to_number: str
    status: str
    ended_by: EndedBy


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What became of a placed call: its own leg first in `legs`, everything that happened in `timeline`."""

    call_sid: str
    outcome: Outcome
    ended_by: EndedBy
    legs: tuple[LegRecord, ...]
    timeline: tuple[Moment, ...]

    def of(self, kind: type[AnyMoment]) -> tuple[AnyMoment, ...]:
        """The moments of one kind, in order."""
        return tuple(moment for moment in self.timeline if isinstance(moment, kind))
