"""The figures of a detector on a manifest: of all, of each engine and corpus, codec and length of speech."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from callguard.evaluation.statistics import Calibration, Estimate, calibration
from callguard.evaluation.voice_judging import Judged
from callguard.evaluation.voice_statistics import (
    Curves,
    Marked,
    estimate,
    resampled,
    share_estimate,
)
from callguard.voice.deepfake.labels import HIGH_FROM

SPANS_S: Final = ((3, 4), (4, 8), (8, 16), (16, float("inf")))
"""Seconds of speech."""


@dataclass(frozen=True, slots=True)
class Row:
    """A part of the recordings. AUC, EER and minDCF need both classes; they are None without.

    `found`: synthetic ones at the threshold or above. `alarms`: human ones there.
    """

    name: str
    synthetic: int
    human: int
    clusters: tuple[int, int]
    auc: Estimate | None
    eer: Estimate | None
    min_dcf: Estimate | None
    found: Estimate | None
    alarms: Estimate | None


@dataclass(frozen=True, slots=True)
class Unscored:
    """Recordings without a score, by the reason."""

    synthetic: dict[str, int]
    human: dict[str, int]


@dataclass(frozen=True, slots=True)
class VoiceFigures:
    """Everything that is told of one detector. Each engine stands against all humans, each corpus alone."""

    detector: str
    version: str
    threshold: float
    all: Row
    engines: tuple[Row, ...]
    corpora: tuple[Row, ...]
    codecs: tuple[Row, ...]
    seconds: tuple[Row, ...]
    calibration: Calibration | None
    unscored: Unscored


@dataclass(frozen=True, slots=True)
class Scored:
    """A recording that has a score."""

    judged: Judged
    score: float


def scored(judged: Sequence[Judged], scores: Sequence[float | None]) -> list[Scored]:
    """Those that have one of `scores`."""
    return [Scored(each, score) for each, score in zip(judged, scores, strict=True) if score is not None]


def voice_figures(
    detector: str, version: str, judged: Sequence[Judged], scores: Sequence[float | None], seed: int
) -> VoiceFigures:
    """The figures of the recordings with these scores, in their order."""
    kept = scored(judged, scores)
    humans = [each for each in kept if not each.judged.clip.is_synthetic]
    synthetic = [each for each in kept if each.judged.clip.is_synthetic]

    def by(part: Sequence[Scored], key: Callable[[Scored], str | None]) -> Iterator[tuple[str, list[Scored]]]:
        for name in sorted({found for each in part if (found := key(each)) is not None}):
            yield name, [each for each in part if key(each) == name]

    return VoiceFigures(
        detector=detector,
        version=version,
        threshold=HIGH_FROM,
        all=row_of("all", kept, seed),
        engines=tuple(row_of(name, part + humans, seed) for name, part in by(synthetic, _source)),
        corpora=tuple(row_of(name, part, seed) for name, part in by(humans, _source)),
        codecs=tuple(
            row_of(name, part, seed) for name, part in by(kept, lambda each: each.judged.clip.codec)
        ),
        seconds=tuple(
            row_of(f"{low:g} s or more" if high == float("inf") else f"{low:g} to {high:g} s", part, seed)
            for low, high in SPANS_S
            if (part := [each for each in kept if low <= each.judged.call.speech_s < high])
        ),
        calibration=calibration([(each.score, each.judged.clip.is_synthetic) for each in kept]),
        unscored=_unscored([e for e, score in zip(judged, scores, strict=True) if score is None]),
    )


def _source(each: Scored) -> str:
    return each.judged.clip.source


def row_of(name: str, part: Sequence[Scored], seed: int) -> Row:
    """The figures of a part."""
    marks = marked(part)
    weights = resampled(marks, seed)
    is_synthetic = np.array([mark.is_synthetic for mark in marks], bool)
    flagged = np.array([mark.score >= HIGH_FROM for mark in marks], bool)
    count = int(is_synthetic.sum())
    curves = Curves(marks, weights) if 0 < count < len(marks) else None
    clusters = tuple(len({m.cluster for m in marks if m.is_synthetic is kind}) for kind in (True, False))
    return Row(
        name=name,
        synthetic=count,
        human=len(marks) - count,
        clusters=(clusters[0], clusters[1]),
        auc=estimate(curves.auc()) if curves else None,
        eer=estimate(curves.eer()) if curves else None,
        min_dcf=estimate(curves.min_dcf()) if curves else None,
        found=share_estimate(flagged[is_synthetic], weights[:, is_synthetic]) if count else None,
        alarms=share_estimate(flagged[~is_synthetic], weights[:, ~is_synthetic])
        if count < len(marks)
        else None,
    )


def marked(part: Sequence[Scored]) -> list[Marked]:
    """What is drawn together: synthetic recordings by engine, or by voice where there is but one engine;
    human ones by speaker.
    """
    engines = {_source(each) for each in part if each.judged.clip.is_synthetic}

    def cluster(each: Scored) -> str:
        clip = each.judged.clip
        return clip.source if clip.is_synthetic and len(engines) > 1 else f"{clip.source} {clip.speaker}"

    return [Marked(each.score, each.judged.clip.is_synthetic, cluster(each)) for each in part]


def _unscored(left: Sequence[Judged]) -> Unscored:
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for each in left:
        counts[each.clip.is_synthetic][each.call.reason or "NO_CONTROL"] += 1
    return Unscored(dict(counts[True]), dict(counts[False]))
