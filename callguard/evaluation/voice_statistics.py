"""How well scores tell two classes apart, with intervals that know which recordings belong together.

All over one pass: recordings are sorted by score once, and a resample is a weight for each. Intervals are of
95 %, by the percentile bootstrap over clusters (Davison & Hinkley, Bootstrap Methods, 1997, section 3.8):
whole engines and whole speakers are drawn, not recordings, since those of one speaker are alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.evaluation.statistics import Estimate

RESAMPLES: Final = 1000
# ASVspoof 5 (Wang et al., 2024): a synthetic voice let through costs ten refusals, and one in 20 is one.
PRIOR_SYNTHETIC, COST_HUMAN_REFUSED, COST_SYNTHETIC_PASSED = 0.05, 1.0, 10.0

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Marked:
    """A recording's score, its class, and what it is drawn together with."""

    score: float
    is_synthetic: bool
    cluster: str


class Curves:
    """Shares of both classes beyond each threshold: [resamples, thresholds + 1], from letting all through
    to letting none.

    `alarms`: humans at or above it. `missed`: synthetic ones below it.
    """

    def __init__(self, marked: Sequence[Marked], weights: Values) -> None:
        scores = np.array([each.score for each in marked])
        synthetic = np.array([each.is_synthetic for each in marked])
        self.thresholds, place = np.unique(scores, return_inverse=True)
        self.alarms = 1 - _shares_below(weights * ~synthetic, place, len(self.thresholds))
        self.missed = _shares_below(weights * synthetic, place, len(self.thresholds))

    def auc(self) -> Values:
        """Area under the ROC: the share of pairs in which the synthetic one scores higher, ties half."""
        width = self.alarms[:, :-1] - self.alarms[:, 1:]
        found = 1 - (self.missed[:, :-1] + self.missed[:, 1:]) / 2
        area: Values = (width * found).sum(axis=1)
        return area

    def eer(self) -> Values:
        """The share of alarmed humans where that of missed synthetic ones is equal, on straight lines."""
        gap = self.missed - self.alarms  # from -1 to 1, never falling
        after = np.argmax(gap >= 0, axis=1)
        rows, before = np.arange(len(gap)), np.maximum(after - 1, 0)
        low, high = gap[rows, before], gap[rows, after]
        share = np.divide(-low, high - low, out=np.zeros_like(low), where=high > low)
        missed: Values = self.missed[rows, before] + share * (
            self.missed[rows, after] - self.missed[rows, before]
        )
        return np.clip(missed, 0, 1)

    def min_dcf(self) -> Values:
        """The least normalised cost of detection of ASVspoof 5, over all thresholds: 1 is no better than a
        detector that always says the same.
        """
        refused, passed = COST_HUMAN_REFUSED * (1 - PRIOR_SYNTHETIC), COST_SYNTHETIC_PASSED * PRIOR_SYNTHETIC
        cost: Values = (refused * self.alarms + passed * self.missed).min(axis=1) / min(refused, passed)
        return cost


def _shares_below(weights: Values, place: NDArray[np.intp], thresholds: int) -> Values:
    """Of the weight of each row, the share below each threshold, and at last all of it."""
    held = np.zeros((len(weights), thresholds + 1))
    np.add.at(held.T, place + 1, weights.T)
    total = held.sum(axis=1, keepdims=True)
    return np.cumsum(held, axis=1) / np.where(total > 0, total, 1)


def resampled(marked: Sequence[Marked], seed: int, resamples: int = RESAMPLES) -> Values:
    """Weights [1 + resamples, recordings]: the first row counts each once, the others as often as its
    cluster was drawn among those of its class.
    """
    weights = np.ones((resamples + 1, len(marked)))
    chance = np.random.default_rng(seed)
    for kind in (False, True):
        names = sorted({each.cluster for each in marked if each.is_synthetic is kind})
        number = {name: at for at, name in enumerate(names)}
        places = [at for at, each in enumerate(marked) if each.is_synthetic is kind]
        of = np.array([number[marked[at].cluster] for at in places], int)
        if names:
            drawn = chance.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
            weights[1:, places] = drawn[:, of]
    return weights


def estimate(values: Values) -> Estimate:
    """Of the figure itself, first, and of its resamples."""
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return Estimate(float(values[0]), float(min(low, values[0])), float(max(high, values[0])))


def share_estimate(hits: NDArray[np.bool_], weights: Values) -> Estimate:
    """The share of recordings that are hits."""
    total = weights.sum(axis=1)
    return estimate((weights @ hits) / np.where(total > 0, total, 1))


def difference(
    figure: Callable[[Curves], Values], first: Sequence[Marked], second: Sequence[Marked], seed: int
) -> tuple[float, float, float]:
    """The second's figure less the first's on the same recordings in the same order, with its interval."""
    weights = resampled(first, seed)
    gain = figure(Curves(second, weights)) - figure(Curves(first, weights))
    low, high = np.quantile(gain[1:], [0.025, 0.975])
    return float(gain[0]), float(low), float(high)
