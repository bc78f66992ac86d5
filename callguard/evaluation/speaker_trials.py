"""Comparisons of enrolled voices with others, and their error rates."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.evaluation.statistics import Estimate
from callguard.voice.speaker.model import NEAREST, Backend, unit

_ENROLMENTS: Final = 12  # of one speaker
_TESTS: Final = 24
_DRAWS: Final = 300

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Rate = Callable[["Trials", Floats], float]
"""An error rate of trials whose weights are given."""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One row for each recording, or each recording and channel: `vectors` [N, 256], and what they are of."""

    vectors: NDArray[np.float32]
    corpus: NDArray[np.str_]
    speaker: NDArray[np.str_]
    kind: NDArray[np.str_]
    sample: NDArray[np.int64]
    channel: NDArray[np.str_]
    seconds: Floats

    def where(self, mask: Mask) -> "Embeddings":
        return Embeddings(*(getattr(self, name)[mask] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Trials:
    """Arrays [T]. `enrolled`, `tested`: the speakers; `corpus_enrolled`, `corpus`: theirs; `seconds`: speech
    of the recording that is compared.
    """

    scores: Floats
    same: Mask
    enrolled: NDArray[np.str_]
    tested: NDArray[np.str_]
    corpus_enrolled: NDArray[np.str_]
    corpus: NDArray[np.str_]
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


def joined(parts: list[Trials]) -> Trials:
    """All of them."""
    return Trials(*(np.concatenate([getattr(part, name) for part in parts]) for name in Trials.__slots__))


def compared(
    found: Embeddings,
    backend: Backend,
    clips: int,
    *,
    enrolled_on: str | None = None,
    tested_on: str | None = None,
) -> Trials | None:
    """Every speaker's voiceprints of so many recordings, drawn, beside recordings of all speakers; None where
    nobody has enough of them. Each recording is heard over one channel, drawn, or the one that is named.
    """
    rng = np.random.default_rng(7)
    projected = backend.project(found.vectors)
    enrolments: list[tuple[str, list[int]]] = []
    tests: list[int] = []
    for speaker in np.unique(found.speaker):
        own = _heard(found, str(speaker), enrolled_on, tested_on, rng)
        tests += [second for _, second in own[:_TESTS]]
        if len(own) > clips:
            for _ in range(min(_ENROLMENTS, len(own) * 2)):
                drawn = rng.choice(len(own), clips, replace=False)
                enrolments.append((str(speaker), [own[one][0] for one in drawn]))
    if not enrolments:
        return None
    prints = unit(np.stack([projected[rows].mean(axis=0) for _, rows in enrolments]))
    scores = normalised(prints, projected[tests], backend.cohort)
    rows = [
        (
            scores[place, at],
            found.speaker[test] == speaker,
            speaker,
            found.speaker[test],
            found.corpus[own[0]],
            found.corpus[test],
            found.seconds[test],
        )
        for place, (speaker, own) in enumerate(enrolments)
        for at, test in enumerate(tests)
        if found.sample[test] not in found.sample[own]
    ]
    return Trials(*(np.array(column) for column in zip(*rows, strict=True)))


def _heard(
    found: Embeddings, speaker: str, enrolled_on: str | None, tested_on: str | None, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Rows of each of a speaker's recordings: the one to enrol, the one to test."""
    samples = np.unique(found.sample[found.speaker == speaker])
    if len(samples) < 2:
        return []
    rows = [
        (_row(found, one, enrolled_on, rng), _row(found, one, tested_on, rng))
        for one in rng.permutation(samples)
    ]
    return [(first, second) for first, second in rows if first is not None and second is not None]


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


def equal_error(told: Trials, weights: Floats) -> float:
    """Where as many of the same voice are refused as others are accepted."""
    order = np.argsort(told.scores)
    own = np.where(told.same, weights, 0)[order]
    others = np.where(told.same, 0, weights)[order]
    refused, accepted = np.cumsum(own) / own.sum(), 1 - np.cumsum(others) / others.sum()
    place = int(np.argmin(np.abs(refused - accepted)))
    return max(0.0, float((refused[place] + accepted[place]) / 2))  # sums of weights end a hair off


def accepted(least: float, *, same: bool) -> Rate:
    """The share of one class's trials that score `least` or more."""

    def rate(told: Trials, weights: Floats) -> float:
        counted = weights * (told.same == same)
        return float((counted * (told.scores >= least)).sum() / counted.sum())

    return rate


def estimated(told: Trials, rate: Rate) -> Estimate | None:
    """A rate, and where it lies in 95 of 100 draws of other speakers: pairs count by the product of their
    speakers' draws. None without both classes.
    """
    if not told.same.any() or told.same.all():
        return None
    weights = told.weights
    speakers, places = np.unique(np.concatenate([told.enrolled, told.tested]), return_inverse=True)
    first, second = places[: len(weights)], places[len(weights) :]
    rng = np.random.default_rng(11)
    drawn = []
    for _ in range(_DRAWS):
        times = np.bincount(rng.integers(len(speakers), size=len(speakers)), minlength=len(speakers))
        counted = weights * times[first] * np.where(told.same, 1, times[second])
        if counted[told.same].any() and counted[~told.same].any():
            drawn.append(rate(told, counted))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(rate(told, weights), float(low), float(high))
