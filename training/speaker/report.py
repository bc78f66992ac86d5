"""The figures of docs/models/speaker.md that need the development data: each voice is judged by a backend
that has not seen it.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from callguard.evaluation.speaker import Errors, errors_by_part, reliability
from callguard.evaluation.speaker_trials import Embeddings
from callguard.evaluation.statistics import Estimate
from callguard.voice.speaker.embedding import Encoder
from callguard.voice.speaker.liveness import Judge
from callguard.voice.speaker.model import Backend
from callguard.voice.speaker.verification import SAME_FROM
from callguard.voice.speaker.voiceprint import SYNTHETIC_FROM
from training.speaker import clones, replays
from training.speaker.channel import through
from training.speaker.clips import Sample, Sound
from training.speaker.embeddings import embedded
from training.speaker.fit import FOLDS, fitted, fold_of
from training.speaker.trials import trials

ENROLLED: Final = 3
_COPIES: Final = 6  # of each speaker
_COPIED_OVER: Final = "phone-1"


def lines(
    found: Embeddings,
    samples: Sequence[Sample],
    encoder: Encoder,
    platt: tuple[float, float],
    data: Path,
    judge: Judge | None,
) -> Iterator[str]:
    """One table after another."""
    yield "part: EER; others verified; same verified; same refused (same/others, speakers)"
    told = trials(found, ENROLLED)
    for errors in errors_by_part(told, *platt):
        yield f"everything, {errors.name}: {_line(errors)}"
    acted = (told.corpus == "emodb") | (told.corpus_enrolled == "emodb")
    for errors in list(errors_by_part(told.where(~acted), *platt))[:2]:
        yield f"without acted emotions, {errors.name}: {_line(errors)}"
    for clips in (1, 5):
        for errors in list(errors_by_part(trials(found, clips), *platt))[:2]:
            yield f"{clips} clip(s) enrolled, {errors.name}: {_line(errors)}"
    for enrolled_on, tested_on in (("plain", "plain"), ("plain", "phone-1"), ("phone-2", "phone-1")):
        apart = trials(found, ENROLLED, enrolled_on=enrolled_on, tested_on=tested_on)
        for errors in list(errors_by_part(apart, *platt))[:2]:
            yield f"enrolled on {enrolled_on}, tested on {tested_on}, {errors.name}: {_line(errors)}"
    bins, error = reliability(told, *platt)
    for one in bins:
        yield f"confidence {one.said:.2f}: true {one.true:.2f} ({one.count})"
    yield f"expected calibration error {error:.3f}"
    yield from replays.lines(samples)
    yield from _clones(found, samples, encoder, platt, data, judge)


def _line(errors: Errors) -> str:
    rates = (errors.eer, errors.others_verified, errors.same_verified, errors.same_refused)
    told = "; ".join(_rate(estimate) for estimate in rates)
    return f"{told} ({errors.same}/{errors.others}, {errors.speakers})"


def _rate(estimate: Estimate | None) -> str:
    return f"{estimate.value:.1%} ({estimate.low:.1%}-{estimate.high:.1%})" if estimate else "-"


def _clones(
    found: Embeddings,
    samples: Sequence[Sample],
    encoder: Encoder,
    platt: tuple[float, float],
    data: Path,
    judge: Judge | None,
) -> Iterator[str]:
    """How many copies of an enrolled voice are verified, with and without a detector of synthesis."""
    folds = fold_of(found.speaker)
    backends = [
        fitted(found.where(folds != fold))._replace(platt=np.asarray(platt, np.float32))
        for fold in range(FOLDS)
    ]
    of_speaker = {str(speaker): backends[fold] for speaker, fold in zip(found.speaker, folds, strict=True)}
    kinds: tuple[tuple[str, Callable[[Sound], Sound]], ...] = (
        ("the person themselves", lambda sound: sound),
        ("WORLD", clones.world),
        ("Griffin-Lim", clones.griffin_lim),
    )
    for name, make in kinds:
        outcomes: dict[str, list[tuple[bool, bool]]] = {}
        for number, sample in enumerate(samples):
            others = _rows(found, samples, sample.speaker, sample.paths)
            done = outcomes.setdefault(sample.speaker, [])
            if len(others) < ENROLLED or len(done) >= _COPIES:
                continue
            sound = through(make(sample.sound), _COPIED_OVER, str(number))
            done += _outcome(found, others, of_speaker[sample.speaker], sound, encoder, judge)
        yield from _told(name, outcomes, judge)
    outcomes = {}
    for speaker, original, sound in clones.neural(data):
        others = _rows(found, samples, speaker, (original,))
        if others:
            done = outcomes.setdefault(speaker, [])
            over = through(sound, _COPIED_OVER, original.name)
            done += _outcome(found, others, of_speaker[speaker], over, encoder, judge)
    yield from _told("neural engines, one to three clips enrolled", outcomes, judge)


def _rows(found: Embeddings, samples: Sequence[Sample], speaker: str, without: Sequence[Path]) -> list[int]:
    """Of a speaker's samples in the clear, those that hold none of these files."""
    rows = np.flatnonzero((found.speaker == speaker) & (found.channel == "plain"))
    return [int(row) for row in rows if not set(samples[int(found.sample[row])].paths) & set(without)]


def _outcome(
    found: Embeddings, rows: list[int], backend: Backend, sound: Sound, encoder: Encoder, judge: Judge | None
) -> list[tuple[bool, bool]]:
    """Whether a sound is verified by its voice alone, and where the detector has its say."""
    heard = embedded(sound, encoder)
    if heard is None:
        return []
    accepted = backend.compare(found.vectors[rows[:ENROLLED]], heard[0]).confidence >= SAME_FROM
    score = judge(sound).score if judge else None
    return [(accepted, accepted and score is not None and score <= SYNTHETIC_FROM)]


def _told(name: str, outcomes: dict[str, list[tuple[bool, bool]]], judge: Judge | None) -> Iterator[str]:
    for place, what in enumerate(("by the voice alone", "with the detector")[: 2 if judge else 1]):
        shares = np.array([np.mean([one[place] for one in own]) for own in outcomes.values() if own])
        rng = np.random.default_rng(13)
        drawn = [rng.choice(shares, len(shares)).mean() for _ in range(1000)]
        low, high = np.percentile(drawn, [2.5, 97.5])
        count = sum(len(own) for own in outcomes.values())
        share = _rate(Estimate(float(shares.mean()), float(low), float(high)))
        yield f"{name}, verified {what}: {share}, {count} of {len(shares)} speakers"
