"""What earlier calls say about a caller: how much each still counts, and the sentences that tell people why.

Pure: ages come in as days. A mark is what one earlier call left, linked to this one by its number or by its
script. It fades by half in its half-life. callguard's own verdicts count little, fade fast and never add up
to what one person's word does, so that callguard can't confirm itself. A number marked safe protects only
while the network vouches for it (attestation A): anybody can show any number otherwise. A number or a script
that people reported counts whatever else is known, and a script never speaks for a caller, since anybody can
say anything.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import floor, log2

from callguard.domain.feedback import Answer
from callguard.domain.memory_texts import Because, because
from callguard.domain.signals import AttestationLevel, CallerHistory

# A campaign rings for weeks; what a person has said about a caller stays true for longer.
VERDICT_HALF_LIFE_DAYS = 30.0
PEOPLE_HALF_LIFE_DAYS = 180.0

REPORTED_POINTS = 70.0
SAFE_POINTS = 50.0
"""Marked safe in two calls is trusted: twice this is the most."""
VERDICT_POINTS = {"SUSPECT": 10.0, "SCAM": 20.0}
MOST_OF_VERDICTS = 30.0
LEAST = 5.0
"""What weighs less counts no more, is not told, and is deleted."""
MOST = 100


class Link(StrEnum):
    """What two calls have in common."""

    NUMBER = "number"
    SCRIPT = "script"


@dataclass(frozen=True, slots=True)
class Mark:
    """An earlier call. `verdict` is its verdict, None before any; `people_say` overrules it.

    `days`: how long ago it began, or was spoken about; `own`: it was to the same person.
    """

    link: Link
    verdict: str | None
    people_say: Answer | None
    days: float
    own: bool


def faded(points: float, days: float, half_life: float) -> float:
    """What is left of `points` after `days`, 0 below LEAST; what lies in the future counts as now."""
    left = float(points * 0.5 ** (max(0.0, days) / half_life))
    return left if left >= LEAST else 0.0


def days_kept(points: float, half_life: float) -> int:
    """After how many whole days `points` count no more."""
    return floor(half_life * log2(points / LEAST)) + 1


def reported(mark: Mark) -> float:
    """0 to REPORTED_POINTS: what a mark weighs because people called it a fraud."""
    if mark.people_say is not Answer.SCAM:
        return 0.0
    return faded(REPORTED_POINTS, mark.days, PEOPLE_HALF_LIFE_DAYS)


def judged(mark: Mark) -> float:
    """What a mark weighs by its verdict alone: nothing once people said what it was."""
    if mark.people_say in (Answer.SCAM, Answer.NOT_SCAM):
        return 0.0
    return faded(VERDICT_POINTS.get(mark.verdict or "", 0.0), mark.days, VERDICT_HALF_LIFE_DAYS)


def vouched(mark: Mark) -> float:
    """What a mark weighs in the caller's favour: only by the number."""
    if mark.link is Link.SCRIPT or mark.people_say is not Answer.NOT_SCAM:
        return 0.0
    return faded(SAFE_POINTS, mark.days, PEOPLE_HALF_LIFE_DAYS)


def history(marks: Iterable[Mark], attestation: AttestationLevel, language: str) -> CallerHistory:
    """How the caller stands with these people, and why, in their language; no reasons where nothing counts.

    What was reported stands by itself; our own verdicts are weighed against what was marked safe.
    """
    known = list(marks)
    against = sum(map(reported, known))
    verdicts = min(MOST_OF_VERDICTS, sum(map(judged, known)))
    safe = sum(map(vouched, known))
    counted = safe if attestation is AttestationLevel.A else 0.0
    standing = against + verdicts if against else verdicts - counted
    return CallerHistory(
        standing=max(-MOST, min(MOST, round(standing))),
        reasons=tuple(_reasons(known, safe, counted, language)),
    )


def _reasons(marks: list[Mark], safe: float, counted: float, language: str) -> list[str]:
    """At most one sentence of each kind, about its newest mark."""
    told = []
    for because_, link, weigh, own in _TELLING:
        fitting = [m for m in marks if m.link is link and own in (None, m.own) and weigh(m)]
        if fitting:
            told.append(because(because_, language, days=min(m.days for m in fitting)))
    if safe:
        times = sum(vouched(mark) > 0 for mark in marks)
        told.append(because(Because.SAFE if counted else Because.SAFE_UNPROVEN, language, times=times))
    return told


_TELLING = (
    (Because.NUMBER_REPORTED, Link.NUMBER, reported, True),
    (Because.NUMBER_REPORTED_BY_OTHERS, Link.NUMBER, reported, False),
    (Because.SCRIPT_REPORTED, Link.SCRIPT, reported, None),
    (Because.NUMBER_JUDGED, Link.NUMBER, judged, None),
    (Because.SCRIPT_JUDGED, Link.SCRIPT, judged, None),
)
