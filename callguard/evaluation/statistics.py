"""Figures of a sample, with the intervals that its size allows. All intervals are of 95 %."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, erf, sqrt

import numpy as np
import numpy.typing as npt

from callguard.domain.proportions import Z_95, wilson

Values = npt.NDArray[np.float64]
BINS = 10


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with Wilson's interval. `value`, `low` and `high` are None of none."""

    count: int
    of: int
    value: float | None
    low: float | None
    high: float | None


def share(count: int, of: int) -> Share:
    """The share of `count` in `of`."""
    return Share(count, of, count / of, *wilson(count, of)) if of else Share(0, 0, None, None, None)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure between 0 and 1 with its interval."""

    value: float
    low: float
    high: float


def f1(hits: int, wrong: int) -> Estimate | None:
    """F1 of `hits` found rightly and `wrong` missed or found wrongly; None where there were none of either.

    F1 is 2J / (1 + J), J being the share of hits among both: so Wilson's interval of J gives that of F1.
    """
    if not hits + wrong:
        return None
    jaccard = (hits / (hits + wrong), *wilson(hits, hits + wrong))
    return Estimate(*(2 * part / (1 + part) for part in jaccard))


def auc(scams: Sequence[float], benign: Sequence[float]) -> Estimate | None:
    """The share of pairs in which the scam scores higher, ties half; None without either.

    The interval is of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988), cut at 0 and 1. It has no
    width where all pairs agree.
    """
    if not scams or not benign:
        return None
    of_scams, of_benign = _placements(scams, benign)
    value = float(of_scams.mean())
    margin = Z_95 * sqrt(_variance(of_scams) / len(scams) + _variance(of_benign) / len(benign))
    return Estimate(value, max(0.0, value - margin), min(1.0, value + margin))


def auc_difference(
    scams: tuple[Sequence[float], Sequence[float]], benign: tuple[Sequence[float], Sequence[float]]
) -> tuple[float, float] | None:
    """The AUC of the second scorer less that of the first on the same calls, and the two-sided p of DeLong's
    test. None without scams or without benign calls.
    """
    if not scams[0] or not benign[0]:
        return None
    first, second = (_placements(s, b) for s, b in zip(scams, benign, strict=True))
    difference = float(second[0].mean() - first[0].mean())
    variance = sum(_variance(b - a) / len(a) for a, b in zip(first, second, strict=True))
    if variance == 0:
        return difference, 1.0 if difference == 0 else 0.0
    return difference, 1 - erf(abs(difference) / sqrt(2 * variance))


def _placements(scams: Sequence[float], benign: Sequence[float]) -> tuple[Values, Values]:
    """For each scam the share of benign calls below it, for each benign call the share of scams above."""
    return _share_below(scams, benign), 1 - _share_below(benign, scams)


def _share_below(values: Sequence[float], others: Sequence[float]) -> Values:
    ordered = np.sort(np.asarray(others, dtype=float))
    below = np.searchsorted(ordered, values, side="left")
    not_above = np.searchsorted(ordered, values, side="right")
    return (below + not_above) / (2 * len(ordered))


def _variance(values: Values) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def mcnemar(only_first: int, only_second: int) -> float:
    """The two-sided exact p (McNemar 1947, by the binomial) that two scorers are right equally often, from
    the calls on which only one of them was right.
    """
    discordant = only_first + only_second
    tail = sum(comb(discordant, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / (1 << discordant))


def roc(scams: Sequence[float], benign: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """The curve from (0, 0) to (1, 1) as (false alarms, scams found), a corner for each threshold;
    nothing without either.
    """
    if not scams or not benign:
        return ()
    thresholds = sorted({*scams, *benign}, reverse=True)
    above_s, above_b = (np.sort(np.asarray(values, dtype=float)) for values in (scams, benign))
    points = [(0.0, 0.0)]
    for threshold in thresholds:
        found = len(above_s) - np.searchsorted(above_s, threshold, side="left")
        wrong = len(above_b) - np.searchsorted(above_b, threshold, side="left")
        points.append((float(wrong / len(above_b)), float(found / len(above_s))))
    return tuple(points)


@dataclass(frozen=True, slots=True)
class Bin:
    """Calls whose risk lay between two tenths: how many, their mean risk 0-1, and how many were scams."""

    low: float
    high: float
    count: int
    mean: float
    scams: Share


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far a risk can be read as a probability. `ece`: the expected calibration error over equal bins
    (Naeini 2015); `brier`: the mean squared error (Brier 1950).
    """

    bins: tuple[Bin, ...]
    ece: float
    brier: float


def calibration(scored: Sequence[tuple[float, bool]]) -> Calibration | None:
    """From each call's risk 0-1 and whether it was a scam; None of none."""
    if not scored:
        return None
    kept: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for risk, scam in scored:
        kept[min(int(risk * BINS), BINS - 1)].append((risk, scam))
    bins = tuple(
        Bin(
            low=place / BINS,
            high=(place + 1) / BINS,
            count=len(calls),
            mean=sum(risk for risk, _ in calls) / len(calls),
            scams=share(sum(scam for _, scam in calls), len(calls)),
        )
        for place, calls in enumerate(kept)
        if calls
    )
    off = sum(abs(b.count * b.mean - b.scams.count) for b in bins)
    squares = sum((risk - scam) ** 2 for risk, scam in scored)
    return Calibration(bins, ece=off / len(scored), brier=squares / len(scored))
