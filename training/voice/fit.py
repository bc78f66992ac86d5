"""Fits the shipped model: a logistic regression that must tell engines from people on each page by itself.

Every page that clips come from has an intercept of its own, so that what is alike on a page (its microphones,
its codecs, its noise) explains itself and no weight is spent on it; where pages have both classes, what is
left is the contrast that holds within a page. It is thrown away afterwards. Engines weigh by the square root
of their clips, so that the many don't drown the few.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from callguard.voice.deepfake.shipped import Linear, line_terms, standardised
from training.voice.corpora import Clip

Values = NDArray[np.float64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the model is fitted.

    `strictness`: the inverse of the weights' penalty. `page_freedom`: how much a page may explain itself.
    `line_penalty`: of the ridge regression from the line to the features; None leaves it out.
    """

    strictness: float = 3e-3
    page_freedom: float = 10.0
    line_penalty: float | None = 1000.0


@dataclass(frozen=True, slots=True)
class Rows:
    """Features of clips, one view of one clip a row; `clip` is the index of each row's clip."""

    told: Floats
    line: Floats
    clip: NDArray[np.intp]


def weights(clips: list[Clip], chosen: NDArray[np.intp]) -> Values:
    """One for each of `chosen`; both classes weigh the same, their mean is 1."""
    often = Counter((clips[i].engine, clips[i].spoof) for i in chosen)
    weight = np.array([often[clips[i].engine, clips[i].spoof] ** -0.5 for i in chosen])
    spoof = np.array([clips[i].spoof for i in chosen])
    for label in (False, True):
        weight[spoof == label] *= len(chosen) / 2 / weight[spoof == label].sum()
    return weight


def _spread(values: Floats, weight: Values) -> tuple[Values, Values]:
    mean: Values = np.average(values, axis=0, weights=weight).astype(np.float64)
    return mean, np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight)) + 1e-6


def fitted(clips: list[Clip], rows: Rows, recipe: Recipe) -> Linear:
    """The model for `rows`."""
    weight = weights(clips, rows.clip)
    spoof = np.array([clips[i].spoof for i in rows.clip])
    mean, scale = _spread(rows.told, weight)
    line_mean, line_scale = _spread(rows.line, weight)
    told = standardised(rows.told, mean, scale)
    terms = line_terms(rows.line, line_mean, line_scale)
    foretold = np.zeros((terms.shape[1], told.shape[1]))
    shift = np.zeros(told.shape[1])
    if recipe.line_penalty is not None:
        people = ~spoof
        ridge = Ridge(alpha=recipe.line_penalty)
        ridge.fit(terms[people], told[people], sample_weight=weight[people])
        foretold, shift = ridge.coef_.T, ridge.intercept_
    left = told - terms @ foretold - shift
    pages, page = np.unique([clips[i].repo for i in rows.clip], return_inverse=True)
    own = np.zeros((len(left), len(pages)))
    own[np.arange(len(left)), page] = recipe.page_freedom
    model = LogisticRegression(C=recipe.strictness, max_iter=500)
    model.fit(np.hstack([left, own]), spoof, sample_weight=weight)
    found = model.coef_[0, : told.shape[1]]
    return Linear(
        mean=mean,
        scale=scale,
        weights=found,
        line_mean=line_mean,
        line_scale=line_scale,
        line_weights=-foretold @ found,
        offset=float(-shift @ found),
    )
