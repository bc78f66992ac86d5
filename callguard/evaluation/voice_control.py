"""The control beside every figure of a detector: what the channel alone gives away.

A logistic regression on level, noise floor and long-term spectrum, each recording scored by one that was
fitted without any recording of its source. Where it separates the classes, the set leaks: a detector's good
figures there may be of the studio, and not of the voice.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.evaluation.voice_judging import Judged

FOLDS: Final = 5
RIDGE: Final = 1.0
_STEPS: Final = 25

Values = NDArray[np.float64]


def control_scores(judged: Sequence[Judged]) -> list[float | None]:
    """A score 0-1 for each recording; None where it has no channel measures, or nothing is left to fit on."""
    told: list[float | None] = [None] * len(judged)
    kept = [place for place, each in enumerate(judged) if each.channel is not None]
    if not kept:
        return told
    seen = np.array([judged[place].channel for place in kept], float)
    synthetic = np.array([judged[place].clip.is_synthetic for place in kept])
    folds = np.array(_folds([judged[place] for place in kept]))
    for fold in set(folds.tolist()):
        out = folds == fold
        if len(set(synthetic[~out].tolist())) == 2:
            found = _fitted(seen[~out], synthetic[~out], seen[out])
            for place, score in zip(np.flatnonzero(out).tolist(), found.tolist(), strict=True):
                told[kept[place]] = score
    return told


def _folds(judged: Sequence[Judged]) -> list[int]:
    """The fold of each: a source lies in one fold whole, the largest first into the emptiest.

    Where all of a class is of one source, its speakers take the sources' place.
    """
    sources = {kind: {e.clip.source for e in judged if e.clip.is_synthetic is kind} for kind in (True, False)}
    keys = [
        (e.clip.is_synthetic, e.clip.source if len(sources[e.clip.is_synthetic]) > 1 else e.clip.speaker)
        for e in judged
    ]
    fold_of: dict[tuple[bool, str], int] = {}
    for kind in (True, False):
        sizes = _counted(key for key in keys if key[0] is kind)
        held = [0] * FOLDS
        for key in sorted(sizes, key=lambda key: (-sizes[key], key)):
            fold_of[key] = held.index(min(held))
            held[fold_of[key]] += sizes[key]
    return [fold_of[key] for key in keys]


def _counted(keys: Iterable[tuple[bool, str]]) -> dict[tuple[bool, str], int]:
    counts: dict[tuple[bool, str], int] = defaultdict(int)
    for key in keys:
        counts[key] += 1
    return counts


def _fitted(seen: Values, synthetic: NDArray[np.bool_], asked: Values) -> Values:
    """Ridge-penalised logistic regression by Newton's method; both classes weigh alike."""
    mean, scale = seen.mean(axis=0), seen.std(axis=0) + 1e-6
    design = np.column_stack([(seen - mean) / scale, np.ones(len(seen))])
    weights = np.where(synthetic, 0.5 / synthetic.mean(), 0.5 / (1 - synthetic.mean()))
    penalty = RIDGE * np.diag([*[1.0] * seen.shape[1], 1e-6])
    line = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        p = _logistic(design @ line)
        gradient = design.T @ (weights * (p - synthetic)) + penalty @ line
        curvature = (design * (weights * p * (1 - p))[:, None]).T @ design + penalty
        line -= np.linalg.solve(curvature, gradient)
    return _logistic(np.column_stack([(asked - mean) / scale, np.ones(len(asked))]) @ line)


def _logistic(z: Values) -> Values:
    return 1 / (1 + np.exp(-np.clip(z, -30, 30)))
