"""From what a network says to a probability that can be taken at its word.

Fitted at equal odds: synthetic and human windows weigh the same, however many a set holds of either, so that
a score means the same whichever set it was fitted on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

LEAST_OF_EACH: Final = 10
_NEWTON_STEPS: Final = 100
_CLOSE_ENOUGH: Final = 1e-10


@dataclass(frozen=True, slots=True)
class Platt:
    """A logistic curve: 1 / (1 + exp(-(slope * raw + offset)))."""

    slope: float
    offset: float

    def probability(self, raw: Sequence[float] | Values) -> Values:
        """Of each raw score, 0-1."""
        return _logistic(self.slope * np.asarray(raw, float) + self.offset)


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A curve that never falls, by its corners: straight between two, level beyond the first and the last."""

    raw: tuple[float, ...]
    probabilities: tuple[float, ...]

    def probability(self, raw: Sequence[float] | Values) -> Values:
        """Of each raw score, 0-1."""
        curve: Values = np.interp(np.asarray(raw, float), self.raw, self.probabilities)
        return curve


def fit_platt(synthetic: Sequence[float], human: Sequence[float]) -> Platt:
    """The curve of Platt (1999) by Newton's method with a halved step where it overshoots (Lin, Lin & Weng,
    Machine Learning 68, 2007), on his softened targets, so that sets which don't overlap get no cliff.

    Raises ValueError with under LEAST_OF_EACH of either, or where the synthetic ones score no higher.
    """
    raw, is_synthetic, weights = _joined(synthetic, human)
    target = np.where(is_synthetic, (len(synthetic) + 1) / (len(synthetic) + 2), 1 / (len(human) + 2))
    centre, scale = raw.mean(), raw.std() or 1.0
    design = np.stack([(raw - centre) / scale, np.ones_like(raw)], axis=1)

    def loss(line: Values) -> float:
        z = design @ line
        return float(weights @ (np.logaddexp(0, z) - target * z))

    line, now = np.zeros(2), loss(np.zeros(2))
    for _ in range(_NEWTON_STEPS):
        p = _logistic(design @ line)
        gradient = design.T @ (weights * (p - target))
        curvature = (design * (weights * p * (1 - p))[:, None]).T @ design + 1e-12 * np.eye(2)
        step, share = np.linalg.solve(curvature, gradient), 1.0
        while loss(line - share * step) > now and share > _CLOSE_ENOUGH:
            share /= 2
        before, line = now, line - share * step
        now = loss(line)
        if before - now < _CLOSE_ENOUGH:
            break
    if line[0] <= 0:
        raise ValueError("the synthetic windows score no higher than the human ones")
    return Platt(float(line[0] / scale), float(line[1] - line[0] * centre / scale))


def fit_isotonic(synthetic: Sequence[float], human: Sequence[float]) -> Isotonic:
    """The rising curve nearest to the labels: pooling adjacent violators (Ayer et al., 1955).

    Each end is drawn towards 1/2 by Laplace's rule, since no sample shows that a probability is 0 or 1.
    Raises ValueError as `fit_platt` does.
    """
    raw, is_synthetic, weights = _joined(synthetic, human)
    pools: list[tuple[float, float, float, float]] = []  # mean, weight, lowest and highest raw score
    for value in np.unique(raw):
        here = raw == value
        weight = float(weights[here].sum())
        pool = (float(weights[here] @ is_synthetic[here]) / weight, weight, float(value), float(value))
        while pools and pools[-1][0] >= pool[0]:
            mean, before, low, _ = pools.pop()
            pool = ((mean * before + pool[0] * pool[1]) / (before + pool[1]), before + pool[1], low, pool[3])
        pools.append(pool)
    if len(pools) < 2:
        raise ValueError("the synthetic windows score no higher than the human ones")
    low, high = 1 / (len(human) + 2), (len(synthetic) + 1) / (len(synthetic) + 2)
    corners = [(x, min(max(mean, low), high)) for mean, _, *ends in pools for x in dict.fromkeys(ends)]
    return Isotonic(tuple(x for x, _ in corners), tuple(p for _, p in corners))


def _joined(synthetic: Sequence[float], human: Sequence[float]) -> tuple[Values, NDArray[np.bool_], Values]:
    """Raw scores, whether each is synthetic, and weights that sum to 1/2 in each class."""
    if min(len(synthetic), len(human)) < LEAST_OF_EACH:
        raise ValueError(
            f"there must be at least {LEAST_OF_EACH} synthetic and {LEAST_OF_EACH} human windows"
        )
    raw = np.array([*synthetic, *human], float)
    if not np.isfinite(raw).all():
        raise ValueError("some raw scores are no numbers")
    is_synthetic = np.arange(len(raw)) < len(synthetic)
    return raw, is_synthetic, np.where(is_synthetic, 0.5 / len(synthetic), 0.5 / len(human))


def _logistic(z: Values) -> Values:
    """Without overflow on either side."""
    far = 1 / (1 + np.exp(-np.abs(z)))
    return np.where(z >= 0, far, 1 - far)
