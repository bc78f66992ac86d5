"""The figures of docs/models/speaker.md, printed: rates with their counts, and intervals by speaker."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.voice.speaker.embedding import Encoder
from callguard.voice.speaker.model import Backend, unit
from callguard.voice.speaker.verification import OTHER_BELOW, SAME_FROM
from training.speaker import clones
from training.speaker.channel import through
from training.speaker.clips import Sample
from training.speaker.embeddings import embedded
from training.speaker.fit import FOLDS, Embeddings, Floats, fitted, fold_of
from training.speaker.trials import Estimate, Mask, Trials, equal_error, estimated, normalised, trials

ENROLLED: Final = 3
_BINS: Final = 10
_COPIES: Final = 6  # of each speaker


def lines(
    found: Embeddings, samples: Sequence[Sample], encoder: Encoder, platt: tuple[float, float], data: Path
) -> Iterator[str]:
    """One table after another."""
    acted = found.corpus == "emodb"
    yield "EER: all pairs | within corpus, with targets, impostors, speakers"
    for clips in (1, ENROLLED):
        yield f"{clips} clip(s): {_both(trials(found, clips))}"
    of_three = trials(found, ENROLLED)
    yield f"without acted emotions: {_both(trials(found.where(~acted), ENROLLED))}"
    yield f"acted emotions alone: {_eer(trials(found.where(acted), ENROLLED))}"
    for enrolled_on, tested_on in (("plain", "plain"), ("plain", "phone-1"), ("phone-2", "phone-1")):
        apart = trials(found, ENROLLED, enrolled_on=enrolled_on, tested_on=tested_on)
        yield f"enrolled on {enrolled_on}, tested on {tested_on}: {_both(apart)}"
    for low, high in ((0.0, 4.0), (4.0, 6.0), (6.0, np.inf)):
        timed = of_three.where((of_three.seconds >= low) & (of_three.seconds < high))
        yield f"{low:.0f} to {high:.0f} s of speech: {_both(timed)}"
    yield from _decisions(of_three, platt)
    yield from _clones(found, samples, encoder, platt, data)


def _both(told: Trials) -> str:
    return f"{_eer(told)} | {_eer(told.where(told.within))}"


def _eer(told: Trials) -> str:
    if not told.same.any() or told.same.all():
        return "none"
    speakers = len(set(told.enrolled[told.same]))
    return f"{estimated(told, equal_error)}, {told.same.sum()}/{(~told.same).sum()}, {speakers} speakers"


def _decisions(told: Trials, platt: tuple[float, float]) -> Iterator[str]:
    for name, apart in (("all pairs", told), ("within corpus", told.where(told.within))):
        for what, rate in (
            (f"others verified (confidence {SAME_FROM} on)", _verified(platt, same=False)),
            ("the same voice verified", _verified(platt, same=True)),
            (f"the same voice refused (below {OTHER_BELOW})", _refused(platt)),
        ):
            yield f"{name}: {what}: {estimated(apart, rate)}"
    sure = confidence(told.scores, platt)
    half = np.where(told.same, 1 / told.weights[told.same].sum(), 1 / told.weights[~told.same].sum())
    weights = told.weights * half
    error = 0.0
    for low in np.arange(_BINS) / _BINS:
        inside = (sure >= low) & (sure < low + 1 / _BINS)
        if weights[inside].any():
            said, true = (
                np.average(sure[inside], weights=weights[inside]),
                np.average(told.same[inside], weights=weights[inside]),
            )
            error += weights[inside].sum() / weights.sum() * abs(said - true)
            yield f"confidence from {low:.1f}: said {said:.2f}, true {true:.2f} ({inside.sum()})"
    yield f"expected calibration error {error:.3f}"


def confidence(scores: Floats, platt: tuple[float, float]) -> Floats:
    sure: Floats = 1 / (1 + np.exp(-(platt[0] * scores + platt[1])))
    return sure


class _Rate:
    """The share of one class's trials whose confidence is on one side of a threshold."""

    def __init__(self, platt: tuple[float, float], threshold: float, *, same: bool, below: bool) -> None:
        self._platt, self._threshold, self._same, self._below = platt, threshold, same, below

    def __call__(self, scores: Floats, same: Mask, weights: Floats) -> float:
        sure = confidence(scores, self._platt)
        hit = sure < self._threshold if self._below else sure >= self._threshold
        counted = weights * (same == self._same)
        return float((counted * hit).sum() / counted.sum())


def _verified(platt: tuple[float, float], *, same: bool) -> _Rate:
    return _Rate(platt, SAME_FROM, same=same, below=False)


def _refused(platt: tuple[float, float]) -> _Rate:
    return _Rate(platt, OTHER_BELOW, same=True, below=True)


def _clones(
    found: Embeddings, samples: Sequence[Sample], encoder: Encoder, platt: tuple[float, float], data: Path
) -> Iterator[str]:
    """How many copies of an enrolled voice are verified where nothing looks for synthesis."""
    folds = fold_of(found.speaker)
    backends = [fitted(found.where(folds != fold)) for fold in range(FOLDS)]
    of_speaker = {str(speaker): backends[fold] for speaker, fold in zip(found.speaker, folds, strict=True)}
    for name, make in (("WORLD", clones.world), ("Griffin-Lim", clones.griffin_lim)):
        accepted: dict[str, list[bool]] = {}
        for number, sample in enumerate(samples):
            others = _rows(found, samples, sample.speaker, sample.paths)
            done = accepted.setdefault(sample.speaker, [])
            if len(others) < ENROLLED or len(done) >= _COPIES:
                continue
            sound = through(make(sample.sound), "phone-1", str(number))
            if (heard := embedded(sound, encoder)) is not None:
                print_ = found.vectors[others[:ENROLLED]]
                done.append(_is_accepted(of_speaker[sample.speaker], print_, heard[0], platt))
        yield f"copies by {name} verified, no detector: {_share(accepted)}"
    accepted = {}
    for speaker, original, sound in clones.neural(data):
        others = _rows(found, samples, speaker, (original,))
        heard = embedded(sound, encoder)
        if len(others) and heard is not None:
            print_ = found.vectors[others[:ENROLLED]]
            accepted.setdefault(speaker, []).append(
                _is_accepted(of_speaker[speaker], print_, heard[0], platt)
            )
    yield f"copies by neural engines verified, no detector, one to three clips enrolled: {_share(accepted)}"


def _rows(found: Embeddings, samples: Sequence[Sample], speaker: str, without: Sequence[Path]) -> list[int]:
    """Of a speaker's samples in the clear, those that hold none of these files."""
    rows = np.flatnonzero((found.speaker == speaker) & (found.channel == "plain"))
    return [int(row) for row in rows if not set(samples[int(found.sample[row])].paths) & set(without)]


def _is_accepted(
    backend: Backend, enrolled: NDArray[np.float32], heard: NDArray[np.float32], platt: tuple[float, float]
) -> bool:
    print_ = unit(backend.project(enrolled).mean(axis=0))
    score = normalised(print_[None], backend.project(heard)[None], backend.cohort)
    return bool(confidence(score, platt)[0, 0] >= SAME_FROM)


def _share(accepted: dict[str, list[bool]]) -> str:
    """The mean over speakers, with an interval by speaker."""
    shares = np.array([np.mean(own) for own in accepted.values() if own])
    rng = np.random.default_rng(13)
    drawn = [rng.choice(shares, len(shares)).mean() for _ in range(1000)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    count = sum(len(own) for own in accepted.values())
    return f"{Estimate(float(shares.mean()), float(low), float(high))}, {count} of {len(shares)} speakers"
