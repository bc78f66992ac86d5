"""Calls that were, through another set-up: which would wake the analysis, how they would be judged, who would
be told. Pure: it reads calls that are given to it, and tells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from callguard.analysis.models import Scorer
from callguard.domain.scoring import SCAM_FROM, SUSPECT_FROM, AlertLevel, fuse
from callguard.domain.signals import Attestation
from callguard.domain.transcript import Utterance, as_text, turns
from callguard.evaluation.waking import Phrases, woken_at


class Wake(StrEnum):
    """How early a call is judged. Offline `always` is what `local_always` is: nobody else is asked."""

    AFTER_KEYWORD = "after_keyword"
    LOCAL_ALWAYS = "local_always"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call to try again. `phrases` and `wake` are what its person has now; `label` is the truth where it is
    known, `told` the highest risk that was stored when it happened.
    """

    id: str
    at: datetime | None
    language: str
    utterances: tuple[Utterance, ...]
    phrases: Phrases
    wake: Wake = Wake.AFTER_KEYWORD
    attestation: Attestation | None = None
    label: str | None = None
    told: int | None = None


@dataclass(frozen=True, slots=True)
class SetUp:
    """How calls are judged. `phrases` by language and `wake` stand for a call's own where they are given."""

    model: str
    scorer: Scorer
    phrases: Mapping[str, Phrases] = field(default_factory=dict)
    wake: Wake | None = None
    warning_from: int = SUSPECT_FROM
    danger_from: int = SCAM_FROM


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call. Turns count from 1; None where it never came to that."""

    woken_turn: int | None
    risk: int
    level: AlertLevel | None
    alert_turn: int | None


class Change(StrEnum):
    """How the other set-up differs on a call, the gravest first; the first that holds is named."""

    NEWLY_ALERTS = "newly alerts"
    NO_LONGER_ALERTS = "no longer alerts"
    LOUDER = "danger instead of a warning"
    QUIETER = "a warning instead of danger"
    EARLIER = "alerts earlier"
    LATER = "alerts later"
    NEWLY_WAKES = "newly woken"
    NO_LONGER_WAKES = "no longer woken"
    OTHER_RISK = "another risk alone"
    SAME = "the same"


@dataclass(frozen=True, slots=True)
class Compared:
    """A call in both set-ups."""

    call: PastCall
    before: Outcome
    after: Outcome

    @property
    def change(self) -> Change:
        before, after = self.before, self.after
        if before.level != after.level:
            return _CHANGES_OF_LEVEL[before.level, after.level]
        if before.alert_turn != after.alert_turn:
            return Change.EARLIER if (after.alert_turn or 0) < (before.alert_turn or 0) else Change.LATER
        if (before.woken_turn is None) != (after.woken_turn is None):
            return Change.NEWLY_WAKES if before.woken_turn is None else Change.NO_LONGER_WAKES
        return Change.OTHER_RISK if before.risk != after.risk else Change.SAME


_CHANGES_OF_LEVEL = {
    (None, AlertLevel.WARNING): Change.NEWLY_ALERTS,
    (None, AlertLevel.DANGER): Change.NEWLY_ALERTS,
    (AlertLevel.WARNING, None): Change.NO_LONGER_ALERTS,
    (AlertLevel.DANGER, None): Change.NO_LONGER_ALERTS,
    (AlertLevel.WARNING, AlertLevel.DANGER): Change.LOUDER,
    (AlertLevel.DANGER, AlertLevel.WARNING): Change.QUIETER,
}


def tried(call: PastCall, setup: SetUp) -> Outcome:
    """The call through a set-up, result by result, from the one that wakes the analysis on."""
    wake = setup.wake or call.wake
    phrases = setup.phrases.get(call.language, call.phrases)
    woken = woken_at(call.utterances, phrases) if wake is Wake.AFTER_KEYWORD else 0
    if woken is None:
        return Outcome(None, 0, None, None)
    highest, alerted = 0, None
    for place in range(woken, len(call.utterances)):
        risk = _risk(call, setup.scorer, call.utterances[: place + 1])
        highest = max(highest, risk)
        if alerted is None and risk >= setup.warning_from:
            alerted = place
    return Outcome(
        woken_turn=_turn(call, woken),
        risk=highest,
        level=_level(setup, highest),
        alert_turn=None if alerted is None else _turn(call, alerted),
    )


def compared(call: PastCall, before: SetUp, after: SetUp) -> Compared:
    """The call through both."""
    return Compared(call, tried(call, before), tried(call, after))


def _risk(call: PastCall, scorer: Scorer, heard: Sequence[Utterance]) -> int:
    score = scorer.score(heard, call.language)
    return fuse([score] if call.attestation is None else [score, call.attestation]).risk


def _level(setup: SetUp, risk: int) -> AlertLevel | None:
    if risk >= setup.danger_from:
        return AlertLevel.DANGER
    return AlertLevel.WARNING if risk >= setup.warning_from else None


def _turn(call: PastCall, place: int) -> int:
    """The turn, from 1, in which an utterance was said."""
    return len(turns(call.utterances[: place + 1]))


@dataclass(frozen=True, slots=True)
class Totals:
    """How many calls a set-up wakes and alerts."""

    calls: int
    woken: int
    warned: int
    in_danger: int


@dataclass(frozen=True, slots=True)
class CallLine:
    """What is told of a call. `words` is a line a turn, None unless words were asked for."""

    id: str
    at: datetime | None
    language: str
    label: str | None
    told: int | None
    change: Change
    before: Outcome
    after: Outcome
    words: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Backtest:
    """A backtest as a whole; sums for all calls and, where the truth is known, by it.

    `without_consent` calls were left out because their person did not allow it. `changed` holds every call
    that is not the same, the gravest change first.
    """

    source: str
    setups: tuple[str, str]
    calls: int
    without_consent: int
    before: Mapping[str, Totals]
    after: Mapping[str, Totals]
    changes: Mapping[Change, int]
    changed: tuple[CallLine, ...]


def backtest(
    source: str,
    setups: tuple[str, str],
    found: Sequence[Compared],
    without_consent: int = 0,
    *,
    show_words: bool = False,
) -> Backtest:
    """The sums of what was found, and the calls that changed."""
    order = list(Change)
    labels = sorted({c.call.label for c in found if c.call.label is not None})
    groups = {"all": list(found)} | {label: [c for c in found if c.call.label == label] for label in labels}
    changes = [c.change for c in found]
    changed = sorted(
        (c for c in found if c.change is not Change.SAME),
        key=lambda c: (order.index(c.change), -abs(c.after.risk - c.before.risk)),
    )
    return Backtest(
        source=source,
        setups=setups,
        calls=len(found),
        without_consent=without_consent,
        before={name: _totals([c.before for c in group]) for name, group in groups.items()},
        after={name: _totals([c.after for c in group]) for name, group in groups.items()},
        changes={change: changes.count(change) for change in order if change in changes},
        changed=tuple(_line(c, show_words=show_words) for c in changed),
    )


def _totals(outcomes: Sequence[Outcome]) -> Totals:
    return Totals(
        calls=len(outcomes),
        woken=sum(o.woken_turn is not None for o in outcomes),
        warned=sum(o.level is AlertLevel.WARNING for o in outcomes),
        in_danger=sum(o.level is AlertLevel.DANGER for o in outcomes),
    )


def _line(found: Compared, *, show_words: bool) -> CallLine:
    call = found.call
    words = tuple(as_text(call.utterances).splitlines()) if show_words else None
    return CallLine(
        call.id, call.at, call.language, call.label, call.told, found.change, found.before, found.after, words
    )
