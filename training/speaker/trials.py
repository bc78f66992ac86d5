"""Comparisons of enrolled voices with others, each between speakers that the backend has not seen, and
their error rates.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callguard.voice.speaker.model import NEAREST, Backend, unit
from training.speaker.fit import FOLDS, Embeddings, Floats, fitted, fold_of

_ENROLMENTS: Final = 12  # of one speaker
_TESTS: Final = 24
_DRAWS: Final = 300

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Trials:
    """Arrays [T]. `enrolled`, `tested`: the speakers; `corpus_enrolled`, `corpus`: theirs; `weights` count
    every pair of speakers alike.
    """

    scores: Floats
    same: Mask
    enrolled: NDArray[np.str_]
    tested: NDArray[np.str_]
    corpus_enrolled: NDArray[np.str_]
    corpus: NDArray[np.str_]
    channel: NDArray[np.str_]
    seconds: Floats

    def where(self, mask: Mask) -> "Trials":
        return Trials(*(getattr(self, name)[mask] for name in self.__slots__))

    @property
    def within(self) -> Mask:
        """Both of one corpus: the harder comparison, since corpora sound different."""
        alike: Mask = self.corpus == self.corpus_enrolled
        return alike

    @property
    def weights(self) -> Floats:
        """Each enrolled speaker counts alike, among its own and among others' voices."""
        weights = np.zeros(len(self.scores))
        for speaker in np.unique(self.enrolled):
            for same in (True, False):
                mask = (self.enrolled == speaker) & (self.same == same)
                weights[mask] = 1 / max(mask.sum(), 1)
        return weights


class Estimate(NamedTuple):
    """A rate with its interval of 95 %, drawn anew by speaker."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1%} ({self.low:.1%}-{self.high:.1%})"


def trials(
    found: Embeddings, clips: int, *, enrolled_on: str | None = None, tested_on: str | None = None
) -> Trials:
    """Every speaker's voiceprints from so many samples beside samples of all speakers of their fold, by a
    backend fitted to the other folds. Each sample is heard over one channel, drawn, or the one that is named.
    """
    folds = fold_of(found.speaker)
    rows: list[tuple[object, ...]] = []
    for fold in range(FOLDS):
        backend = fitted(found.where(folds != fold))
        rows += _of_fold(found.where(folds == fold), backend, clips, enrolled_on, tested_on)
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Trials(*columns)


def _of_fold(
    found: Embeddings, backend: Backend, clips: int, enrolled_on: str | None, tested_on: str | None
) -> list[tuple[object, ...]]:
    rng = np.random.default_rng(7)
    projected = backend.project(found.vectors)
    enrolments: list[tuple[str, list[int]]] = []
    tests: list[int] = []
    for speaker in np.unique(found.speaker):
        samples = np.unique(found.sample[found.speaker == speaker])
        if len(samples) < 2:
            continue
        order = rng.permutation(samples)
        heard = [(_row(found, one, enrolled_on, rng), _row(found, one, tested_on, rng)) for one in order]
        both = [(first, second) for first, second in heard if first is not None and second is not None]
        tests += [second for _, second in both[:_TESTS]]
        if len(both) > clips:
            for _ in range(min(_ENROLMENTS, len(both) * 2)):
                drawn = rng.choice(len(both), clips, replace=False)
                enrolments.append((str(speaker), [both[one][0] for one in drawn]))
    if not enrolments:
        return []
    prints = unit(np.stack([projected[rows].mean(axis=0) for _, rows in enrolments]))
    scores = normalised(prints, projected[tests], backend.cohort)
    return [
        (
            scores[place, at],
            found.speaker[test] == speaker,
            speaker,
            found.speaker[test],
            found.corpus[own[0]],
            found.corpus[test],
            found.channel[test],
            found.seconds[test],
        )
        for place, (speaker, own) in enumerate(enrolments)
        for at, test in enumerate(tests)
        if found.sample[test] not in found.sample[own]
    ]


def _row(found: Embeddings, sample: int, channel: str | None, rng: np.random.Generator) -> int | None:
    rows = np.flatnonzero((found.sample == sample) & ((found.channel == channel) | (channel is None)))
    return int(rng.choice(rows)) if len(rows) else None


def normalised(
    prints: NDArray[np.float32], voices: NDArray[np.float32], cohort: NDArray[np.float32]
) -> Floats:
    """[prints, voices]: Backend.normalised for all pairs at once."""
    plain = prints @ voices.T
    near = np.sort(prints @ cohort.T, axis=1)[:, -NEAREST:, None]
    far = np.sort(voices @ cohort.T, axis=1)[:, -NEAREST:].T[None]
    scores: Floats = (
        (plain - near.mean(axis=1)) / near.std(axis=1) + (plain - far.mean(axis=1)) / far.std(axis=1)
    ) / 2
    return scores


def equal_error(scores: Floats, same: Mask, weights: Floats) -> float:
    """Where as many of the same voice are refused as others are accepted."""
    order = np.argsort(scores)
    own = np.where(same, weights, 0)[order]
    others = np.where(same, 0, weights)[order]
    refused, accepted = np.cumsum(own) / own.sum(), 1 - np.cumsum(others) / others.sum()
    place = int(np.argmin(np.abs(refused - accepted)))
    return float((refused[place] + accepted[place]) / 2)


def estimated(found: Trials, rate: Callable[[Floats, Mask, Floats], float]) -> Estimate:
    """A rate, and where it lies when other speakers are drawn: pairs count by the product of their
    speakers' draws.
    """
    weights = found.weights
    speakers, places = np.unique(np.concatenate([found.enrolled, found.tested]), return_inverse=True)
    first, second = places[: len(weights)], places[len(weights) :]
    rng = np.random.default_rng(11)
    drawn = []
    for _ in range(_DRAWS):
        times = np.bincount(rng.integers(len(speakers), size=len(speakers)), minlength=len(speakers))
        counted = weights * times[first] * np.where(found.same, 1, times[second])
        if counted[found.same].any() and counted[~found.same].any():
            drawn.append(rate(found.scores, found.same, counted))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(rate(found.scores, found.same, weights), float(low), float(high))
