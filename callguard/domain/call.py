"""A call's legs, and how their status may move: callbacks come late, twice and in any order."""

from collections.abc import Sequence

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


def conference_name(user_id: object, timestamp: int) -> str:
    """`User-{user_id}-{timestamp}`, the timestamp in milliseconds."""
    return f"User-{user_id}-{timestamp}"
