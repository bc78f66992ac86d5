"""What people say a call was, and how the thresholds would have fared on it. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from callguard.domain.proportions import wilson
from callguard.domain.scoring import SUSPECT_FROM

NOTE_MOST = 500
THRESHOLDS = tuple(range(40, 95, 5))


class Answer(StrEnum):
    """What somebody says a call was; the weightier first."""

    SCAM = "scam"
    NOT_SCAM = "not_scam"
    UNSURE = "unsure"


def resolved(answers: Iterable[Answer]) -> Answer:
    """What a call counts as, of which at least one person spoke: one who calls it a scam outweighs all who
    don't, and who isn't sure nobody.
    """
    said = set(answers)
    return next(answer for answer in Answer if answer in said)


@dataclass(frozen=True, slots=True)
class JudgedCall:
    """A call that people spoke about: the highest `risk` reached, 0 where nothing woke the judge."""

    risk: float
    answer: Answer
    is_judged: bool


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `of`, with the 95 % interval of Wilson (1927); nothing is known where `of` is 0."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.hits, self.of)


@dataclass(frozen=True, slots=True)
class Fared:
    """What alerting from a threshold on would have done: calls by what they were and whether it alerts."""

    threshold: int
    caught: int
    missed: int
    false_alarms: int
    left_alone: int

    @property
    def precision(self) -> Share:
        return Share(self.caught, self.caught + self.false_alarms)

    @property
    def recall(self) -> Share:
        return Share(self.caught, self.caught + self.missed)

    @property
    def false_alarm_share(self) -> Share:
        return Share(self.false_alarms, self.false_alarms + self.left_alone)


def fared(calls: Iterable[JudgedCall], threshold: int) -> Fared:
    """What people weren't sure of counts nowhere."""
    counts = {(scam, alerts): 0 for scam in (True, False) for alerts in (True, False)}
    for call in calls:
        if call.answer is not Answer.UNSURE:
            counts[call.answer is Answer.SCAM, call.risk >= threshold] += 1
    return Fared(
        threshold,
        caught=counts[True, True],
        missed=counts[True, False],
        false_alarms=counts[False, True],
        left_alone=counts[False, False],
    )


# With fewer, each interval is wider than any decision could bear.
ENOUGH_OF_EACH = 20


def advice(calls: Sequence[JudgedCall]) -> str:
    """What to make of it, in plain words. A threshold is worth a change only where its interval says so."""
    shipped = fared(calls, SUSPECT_FROM)
    scams, benign = shipped.recall.of, shipped.false_alarm_share.of
    if min(scams, benign) < ENOUGH_OF_EACH:
        return (
            f"Too few answers to judge by: {scams} scams and {benign} harmless calls, where "
            f"{ENOUGH_OF_EACH} of each are needed. Keep alerting from {SUSPECT_FROM} on, and collect more."
        )
    least = shipped.recall.interval[0]
    better = [
        other
        for other in (fared(calls, threshold) for threshold in THRESHOLDS)
        if other.recall.value is not None and other.recall.value >= least
        if other.false_alarm_share.interval[1] < shipped.false_alarm_share.interval[0]
    ]
    never_woken = sum(call.answer is Answer.SCAM and not call.is_judged for call in calls)
    if never_woken * 2 > shipped.missed > 0:
        return (
            f"Of {shipped.missed} scams missed, {never_woken} were never judged, since no keyword was heard: "
            "no threshold changes that, more keywords may."
        )
    if better:
        best = max(better, key=lambda other: (other.caught, -other.false_alarms))
        return (
            f"Alerting from {best.threshold} on would have cut false alarms from {shipped.false_alarms} to "
            f"{best.false_alarms} of {benign} harmless calls, and caught {best.caught} instead of "
            f"{shipped.caught} of {scams} scams."
        )
    return f"Nothing here speaks clearly for another threshold than {SUSPECT_FROM}."
