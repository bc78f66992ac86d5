"""The page of an evaluation of voices."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from markupsafe import Markup

from callguard.evaluation.charts import SERIES, Plot, reliability_chart
from callguard.evaluation.rendering import render_report
from callguard.evaluation.voice import TriedVoice, VoiceEvaluation
from callguard.evaluation.voice_figures import VoiceFigures, marked, scored
from callguard.evaluation.voice_statistics import Curves

LEAST, MOST = 0.01, 0.8
_SHARES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
_DEVIATE = NormalDist().inv_cdf
_WIDE = _DEVIATE(MOST) - _DEVIATE(LEAST)


@dataclass(frozen=True, slots=True)
class _Part:
    """A detector's part of the page."""

    figures: VoiceFigures
    reliability: Markup | None


def render_voices(told: VoiceEvaluation, tried: Sequence[TriedVoice]) -> str:
    """The page; `tried` are the recordings that its figures are of, in their order."""
    curves = [curve for each in tried if (curve := _curve(each))]
    return render_report(
        "voice.html",
        told=told,
        series=SERIES,
        det=det_chart(curves) if len(curves) == len(tried) else None,
        parts=[_part(figures) for figures in told.detectors],
    )


def _part(figures: VoiceFigures) -> _Part:
    found = figures.calibration
    return _Part(figures, reliability_chart(found, "score", "synthetic voices") if found else None)


def _curve(tried: TriedVoice) -> list[tuple[float, float]]:
    """Alarms and misses at each threshold; nothing without both classes."""
    marks = marked(scored(tried.judged, tried.scores))
    if len({mark.is_synthetic for mark in marks}) < 2:
        return []
    curves = Curves(marks, np.ones((1, len(marks))))
    return list(zip(curves.alarms[0].tolist(), curves.missed[0].tolist(), strict=True))


def det_chart(curves: Sequence[Sequence[tuple[float, float]]]) -> Markup:
    """Misses against alarms on axes of normal deviates (Martin et al., Eurospeech 1997), where normal scores
    give straight lines. A line a detector, drawn from 1 to 80 %.
    """
    plot = Plot(_WIDE, _WIDE)
    ticks = [(_deviate(share), f"{100 * share:g}") for share in _SHARES]
    axes = plot.axes(ticks, ticks, ("humans called synthetic, %", "synthetic voices missed, %"))
    equal = plot.line([(0, 0), (_WIDE, _WIDE)], "chance")
    lines = [
        plot.line([(_deviate(alarms), _deviate(missed)) for alarms, missed in curve], kind)
        for curve, kind in zip(curves, SERIES, strict=False)
    ]
    return plot.drawn("Synthetic voices missed against humans called synthetic", axes, equal, *lines)


def _deviate(share: float) -> float:
    return _DEVIATE(min(max(share, LEAST), MOST)) - _DEVIATE(LEAST)
