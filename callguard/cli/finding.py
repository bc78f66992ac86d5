"""What `callguard check` tells of a part."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a part fares."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One part, what was seen, and what to do about it."""

    part: str
    state: State
    seen: str
    todo: str = ""
