"""Equal error rates, areas and false alarms, with intervals by whole engines and whole speakers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
DRAWS: Final = 400


def auc(human: Values, spoof: Values) -> float:
    """The chance that a synthetic clip scores above a human one."""
    ranks = np.searchsorted(np.sort(human), spoof, "left") + np.searchsorted(np.sort(human), spoof, "right")
    return float(ranks.mean() / 2 / len(human))


def eer(human: Values, spoof: Values) -> float:
    """Where as many people are called synthetic as engines human."""
    at = np.unique(np.concatenate([human, spoof]))
    alarms = 1 - np.searchsorted(np.sort(human), at, "left") / len(human)
    misses = np.searchsorted(np.sort(spoof), at, "left") / len(spoof)
    nearest = int(np.argmin(np.abs(alarms - misses)))
    return float((alarms[nearest] + misses[nearest]) / 2)


@dataclass(frozen=True, slots=True)
class Figure:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float

    def percent(self) -> str:
        return f"{100 * self.value:.0f} % ({100 * self.low:.0f}-{100 * self.high:.0f})"

    def plain(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}-{self.high:.2f})"


def _drawn(chance: np.random.Generator, groups: NDArray[np.str_]) -> NDArray[np.intp]:
    """Rows of as many groups as there are, drawn with replacement."""
    order = np.argsort(groups, kind="stable")
    _, firsts = np.unique(groups[order], return_index=True)
    parts = np.split(order, firsts[1:])
    return np.concatenate([parts[i] for i in chance.integers(0, len(parts), len(parts))])


def with_interval(
    measure: Callable[[Values, Values], float],
    human: Values,
    spoof: Values,
    speakers: NDArray[np.str_],
    engines: NDArray[np.str_],
) -> Figure:
    """`measure` of human and synthetic scores; the interval by drawing whole speakers and whole engines."""
    chance = np.random.default_rng(0)
    drawn = [measure(human[_drawn(chance, speakers)], spoof[_drawn(chance, engines)]) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Figure(measure(human, spoof), float(low), float(high))
