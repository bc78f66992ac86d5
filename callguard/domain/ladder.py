"""The ladder inside a call: what is done on the line itself, asked for by a verdict or by a contact.

Pure; the alerting room carries it out. A step is a row that moves forward:

    asked ─> taken ─> done ─> undone        taken: Twilio agreed, and the rest is told later
      └────────────────────> skipped | failed

Whatever is told late, twice or out of order finds the row further on and changes nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from callguard.domain.scoring import AlertLevel, level_of

END_ABOVE: Final = 90
"""The risk above which the caller's leg is ended, where the person opted in …"""
END_LOCAL_FROM: Final = 60
"""… and the local scorer alone sees at least this much."""
HOLD_SECONDS: Final = 180.0
"""A hold that nobody ends goes on for this long: nobody is left in a dead line."""


class Step(StrEnum):
    """What can be done on the line."""

    WHISPER = "whisper"
    HOLD = "hold"
    BRING_IN = "bring_in"
    END = "end"


class Wording(StrEnum):
    """What is whispered to the person alone."""

    WARNING = "warning"
    DANGER = "danger"
    ALL_CLEAR = "all_clear"
    ON_HOLD = "on_hold"


class AskedBy(StrEnum):
    """Whose wish a step is: the policy's, by a verdict and the person's opt-in, or a contact's."""

    POLICY = "policy"
    CONTACT = "contact"


class StepState(StrEnum):
    """How far a step is."""

    ASKED = "asked"
    TAKEN = "taken"
    DONE = "done"
    UNDONE = "undone"
    SKIPPED = "skipped"
    FAILED = "failed"


_BEFORE: Final = {
    StepState.TAKEN: {StepState.ASKED},
    StepState.DONE: {StepState.ASKED, StepState.TAKEN},
    StepState.UNDONE: {StepState.ASKED, StepState.TAKEN, StepState.DONE, StepState.FAILED},
    StepState.SKIPPED: {StepState.ASKED},
    StepState.FAILED: {StepState.ASKED},
}


def step_may_follow(state: StepState) -> list[str]:
    """The states that `state` may replace."""
    return sorted(_BEFORE.get(state, ()))


@dataclass(frozen=True, slots=True)
class OptIns:
    """The steps that the person lets the policy take by itself."""

    whisper: bool = False
    hold: bool = False
    bring_in: bool = False
    end: bool = False


@dataclass(frozen=True, slots=True)
class Rung:
    """A step as it is asked for; a whisper has a wording."""

    step: Step
    wording: Wording | None = None


def rungs(
    risk: int, local_risk: int, opted_in: OptIns, asked: Collection[Rung], *, is_safe: bool
) -> tuple[Rung, ...]:
    """The steps that a verdict asks for, beyond those that were asked for already.

    None in a call that a contact called safe. A whisper for each level, upwards only; hold and a contact from
    danger on. Where the caller's leg is to end, nothing else is begun.
    """
    level = level_of(risk)
    if level is None or is_safe:
        return ()
    end = Rung(Step.END)
    if opted_in.end and risk > END_ABOVE and local_risk >= END_LOCAL_FROM and end not in asked:
        return (end,)
    wanted = []
    if opted_in.whisper and Rung(Step.WHISPER, Wording.DANGER) not in asked:
        wanted.append(Rung(Step.WHISPER, Wording(level)))
    if level is AlertLevel.DANGER:
        wanted += [Rung(Step.HOLD)] if opted_in.hold else []
        wanted += [Rung(Step.BRING_IN)] if opted_in.bring_in else []
    return tuple(rung for rung in wanted if rung not in asked)


@dataclass(frozen=True, slots=True)
class Standing:
    """A step and its call when somebody looks at it. `is_ripe`: an end of the hold was asked for, or is due.

    `is_safe` and `is_live` are the call's; `has_conference` is not so where the person was dialled directly.
    """

    rung: Rung
    state: StepState
    asked_by: AskedBy
    is_live: bool
    is_safe: bool
    has_conference: bool
    is_ripe: bool


class Move(StrEnum):
    """What to do about a step now."""

    TAKE = "take"
    UNDO = "undo"
    SKIP = "skip"
    REST = "rest"


def next_move(standing: Standing) -> Move:
    """A hold is undone even where it may not have come about: taking a caller back twice does no harm."""
    step, asked = standing.rung.step, standing.state is StepState.ASKED
    if not standing.is_live or not (standing.has_conference or step is Step.END):
        return Move.SKIP if asked else Move.REST
    if step is Step.HOLD and standing.is_ripe:
        return Move.REST if standing.state is StepState.SKIPPED else Move.UNDO
    if not asked:
        return Move.REST
    needless = (
        standing.asked_by is AskedBy.POLICY
        and standing.is_safe
        and standing.rung.wording is not Wording.ALL_CLEAR
    )
    return Move.SKIP if needless else Move.TAKE
