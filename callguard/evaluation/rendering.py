"""Reports as one HTML file each: no script, one style sheet inside it, nothing from anywhere else."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from callguard.evaluation.charts import (
    SERIES,
    distribution_chart,
    reliability_chart,
    roc_chart,
    turns_chart,
)
from callguard.evaluation.evaluation import Evaluation, Tried
from callguard.evaluation.figures import Figures, Missed, conversations
from callguard.evaluation.replay import Replay
from callguard.evaluation.statistics import Share, roc

WORST = 8
_TEMPLATES = Path(__file__).parent / "templates"
_STYLE = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_report(template: str, **values: object) -> str:
    """A page of the templates here, whole in itself."""
    style = Markup(_STYLE)  # noqa: S704  # a file of ours, the one that the policy's hash is of
    return _templates.get_template(template).render(style=style, style_hash=_HASH, **values)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call as the lists name it."""

    id: str
    kind: str
    place: str
    peak: int


@dataclass(frozen=True, slots=True)
class _Course:
    """A call whose risk is drawn turn by turn."""

    id: str
    kind: str
    peak: int
    chart: Markup


@dataclass(frozen=True, slots=True)
class _Model:
    """A scorer's part of the page."""

    figures: Figures
    kinds: tuple[tuple[str, Share], ...]
    reliability: Markup | None
    distribution: Markup
    worst_misses: tuple[_Course, ...]
    worst_alarms: tuple[_Course, ...]
    misses: tuple[_Call, ...]
    false_alarms: tuple[_Call, ...]


def render_evaluation(told: Evaluation, tried: Sequence[Tried]) -> str:
    """The page of an evaluation; `tried` are the replays that its figures are of, in their order."""
    talks = [conversations(each.replays) for each in tried]
    curves = [roc(*_peaks(of_model)) for of_model in talks]
    working = [_working_point(of_model, told.threshold) for of_model in talks]
    return render_report(
        "evaluation.html",
        told=told,
        series=SERIES,
        roc=roc_chart(curves, working) if all(curves) else None,
        models=[_model(f, t.replays, told.threshold) for f, t in zip(told.models, tried, strict=True)],
    )


def _model(figures: Figures, replays: Sequence[Replay], threshold: int) -> _Model:
    scams, benign = _peaks(replays)
    misses = sorted((r for r in replays if r.dialogue.is_scam and r.peak < threshold), key=lambda r: r.peak)
    alarms = [r for r in replays if not r.dialogue.is_scam and r.peak >= threshold]
    return _Model(
        figures=figures,
        kinds=(
            ("robocalls", figures.robocalls_caught),
            ("everyday speech", figures.false_alarms_everyday),
            ("scams with an injection", figures.injected_caught),
            ("honest calls like an injection", figures.injected_benign_flagged),
            *(
                (f"scams: {name.replace('_', ' ')}", caught)
                for name, caught in figures.recall_by_type.items()
            ),
        ),
        reliability=reliability_chart(figures.calibration) if figures.calibration else None,
        distribution=distribution_chart(scams, benign, threshold),
        worst_misses=tuple(_course(r, threshold, "scam") for r in misses[:WORST]),
        worst_alarms=tuple(
            _course(r, threshold, "honest") for r in sorted(alarms, key=lambda r: -r.peak)[:WORST]
        ),
        misses=tuple(_call(call) for call in figures.misses),
        false_alarms=tuple(_call(call) for call in figures.false_alarms),
    )


def _peaks(replays: Iterable[Replay]) -> tuple[list[int], list[int]]:
    """The highest risks of the scams and of the honest calls."""
    calls = list(replays)
    return [r.peak for r in calls if r.dialogue.is_scam], [r.peak for r in calls if not r.dialogue.is_scam]


def _working_point(talks: Sequence[Replay], threshold: int) -> tuple[float, float]:
    scams, benign = _peaks(talks)
    found, wrong = (sum(peak >= threshold for peak in peaks) for peaks in (scams, benign))
    return wrong / max(len(benign), 1), found / max(len(scams), 1)


def _course(replay: Replay, threshold: int, kind: str) -> _Course:
    dialogue = replay.dialogue
    chart = turns_chart(replay.risks, threshold, dialogue.telling_turn, kind)
    return _Course(dialogue.id, dialogue.scenario or dialogue.type or "honest", replay.peak, chart)


def _call(call: Missed) -> _Call:
    return _Call(call.id, (call.type or "honest").replace("_", " "), call.scenario or "–", call.peak)
