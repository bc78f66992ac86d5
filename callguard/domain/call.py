"""How far a call and its legs are, and how that may move: callbacks come late, twice and in any order.

A call's life is a declared state machine; what is told twice or late is a transition of it like any other:

              person came          machine came      over
    waiting   talking              waiting           missed
    talking   talking              waiting           finished
    missed    finished (told late) missed            missed
    finished  finished             missed            finished
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

ANSWERED = "in-progress"
UNANSWERED = frozenset({"busy", "no-answer", "failed", "canceled"})
FINAL = UNANSWERED | {"completed"}

_ORDER: Sequence[frozenset[str]] = (
    frozenset({"requested"}),
    frozenset({"queued"}),
    frozenset({"initiated"}),
    frozenset({"ringing"}),
    frozenset({ANSWERED}),
    FINAL,
)


def is_leg_status(status: str) -> bool:
    """Whether it is a status that legs have here."""
    return any(status in group for group in _ORDER)


def leg_may_follow(status: str) -> list[str]:
    """The statuses that `status` may replace."""
    rank = next(i for i, group in enumerate(_ORDER) if status in group)
    return [earlier for group in _ORDER[:rank] for earlier in sorted(group)]


def is_machine(answered_by: str) -> bool:
    """Whether Twilio's `AnsweredBy` names a voicemail or a fax; `human` and `unknown` count as people."""
    return answered_by == "fax" or answered_by.startswith("machine")


def conference_name(user_id: object, arrived_at: datetime, call_sid: str) -> str:
    """`User-{user_id}-{timestamp}`, the timestamp in nanoseconds.

    Its last three digits are the call's own: callers who ring at the same moment must not meet.
    """
    since_epoch = (arrived_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return f"User-{user_id}-{since_epoch}{int(call_sid.removeprefix('CA'), 16) % 1000:03}"


class Life(StrEnum):
    """How far a call is. Missed: it is over, and nobody came on the line."""

    WAITING = "waiting"
    TALKING = "talking"
    MISSED = "missed"
    FINISHED = "finished"

    @classmethod
    def of(cls, *, is_over: bool, is_connected: bool) -> "Life":
        if is_over:
            return cls.FINISHED if is_connected else cls.MISSED
        return cls.TALKING if is_connected else cls.WAITING

    @property
    def is_over(self) -> bool:
        return self in (Life.MISSED, Life.FINISHED)

    @property
    def is_connected(self) -> bool:
        return self in (Life.TALKING, Life.FINISHED)


class Turn(StrEnum):
    """What moves a call: somebody answered, it was a machine and nobody else is there, the caller is gone."""

    PERSON_CAME = "person_came"
    MACHINE_CAME = "machine_came"
    OVER = "over"


TRANSITIONS: Final[Mapping[tuple[Life, Turn], Life]] = {
    (Life.WAITING, Turn.PERSON_CAME): Life.TALKING,
    (Life.WAITING, Turn.MACHINE_CAME): Life.WAITING,
    (Life.WAITING, Turn.OVER): Life.MISSED,
    (Life.TALKING, Turn.PERSON_CAME): Life.TALKING,
    (Life.TALKING, Turn.MACHINE_CAME): Life.WAITING,
    (Life.TALKING, Turn.OVER): Life.FINISHED,
    (Life.MISSED, Turn.PERSON_CAME): Life.FINISHED,
    (Life.MISSED, Turn.MACHINE_CAME): Life.MISSED,
    (Life.MISSED, Turn.OVER): Life.MISSED,
    (Life.FINISHED, Turn.PERSON_CAME): Life.FINISHED,
    (Life.FINISHED, Turn.MACHINE_CAME): Life.MISSED,
    (Life.FINISHED, Turn.OVER): Life.FINISHED,
}


def turn_of_leg(status: str, *, is_callers: bool) -> Turn | None:
    """What a leg's status does to its call, if anything."""
    if is_callers:
        return Turn.OVER if status in FINAL else None
    return Turn.PERSON_CAME if status == ANSWERED else None


def turn_of_conference(event: str, label: str | None) -> Turn | None:
    """What a conference event does to its call, if anything."""
    if event == "conference-end":
        return Turn.OVER
    return Turn.PERSON_CAME if event == "participant-join" and label == "person" else None
