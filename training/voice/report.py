"""The figures of docs/models/deepfake.md, as tables: engines, pages and speakers left out in turn."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.voice.deepfake.calibration import Platt
from training.voice.corpora import FOLDS, Clip
from training.voice.measured import Figure, Values, auc, eer, with_interval
from training.voice.views import BY_CODEC, BY_SECONDS, MASKED, PLAIN

SYNTHETIC: Final = 0.7
HUMAN: Final = 0.3
BINS: Final = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
LINES: Final = (PLAIN, MASKED)
GROUPS: Final = ("modern", "neural", "world", "griffin-lim", "espeak", "flite")

Mask = NDArray[np.bool_]


def views(*, full: bool) -> list[int]:
    """The views that are measured; `full`: by codec and by seconds too."""
    return [*LINES, *BY_CODEC, *BY_SECONDS] if full else list(LINES)


@dataclass(frozen=True, slots=True)
class Columns:
    """What is known of each clip, as arrays."""

    spoof: Mask
    era: NDArray[np.str_]
    engine: NDArray[np.str_]
    speaker: NDArray[np.str_]
    fold: NDArray[np.intp]
    name: NDArray[np.str_]
    original: NDArray[np.str_]

    @classmethod
    def of(cls, clips: Sequence[Clip]) -> "Columns":
        return cls(
            spoof=np.array([clip.spoof for clip in clips]),
            era=np.array([clip.era for clip in clips]),
            engine=np.array([clip.engine for clip in clips]),
            speaker=np.array([clip.speaker for clip in clips]),
            fold=np.array([clip.fold for clip in clips]),
            name=np.array([clip.name for clip in clips]),
            original=np.array([clip.original for clip in clips]),
        )

    def group(self, group: str, scored: Mask) -> tuple[Mask, Mask]:
        """The people and the synthetic clips that a row of the table compares."""
        if group in {"modern", "neural"}:
            here = (self.era == group) & scored
            return here & ~self.spoof, here & self.spoof
        spoof = (self.engine == group) & self.spoof & scored
        originals = np.isin(self.name, self.original[spoof])
        people = (
            originals if originals.any() else (self.era == "modern") & np.isin(self.fold, self.fold[spoof])
        )
        return people & ~self.spoof & scored, spoof


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def compared(
    known: Columns, raw: Values, people: Mask, spoof: Mask, measure: Callable[[Values, Values], float]
) -> Figure:
    return with_interval(measure, raw[people], raw[spoof], known.speaker[people], known.engine[spoof])


def _share(hits: Mask, chosen: Mask, groups: NDArray[np.str_]) -> Figure:
    def share(first: Values, _: Values) -> float:
        return float(first.mean())

    values = hits[chosen].astype(float)
    return with_interval(share, values, values, groups[chosen], groups[chosen])


def _groups(known: Columns, raw: Mapping[int, Values]) -> str:
    rows = []
    for group in GROUPS:
        people, spoof = known.group(group, np.isfinite(raw[PLAIN]))
        if not spoof.any():
            continue
        figures = [
            compared(known, raw[line], people, spoof, measure) for line in LINES for measure in (eer, auc)
        ]
        told = [figure.plain() if i % 2 else figure.percent() for i, figure in enumerate(figures)]
        count = f"{spoof.sum()} of {len(set(known.engine[spoof]))} / {people.sum()}"
        rows.append([group, count, *told])
    head = ["engines", "clips of engines / human", "plain: EER", "AUC", "masked: EER", "AUC"]
    return table(head, rows)


def _control(known: Columns, control: Mapping[int, Values]) -> str:
    people, spoof = known.group("modern", np.isfinite(control[PLAIN]))
    rows = [
        [
            "plain" if line == PLAIN else "masked",
            compared(known, control[line], people, spoof, eer).percent(),
            compared(known, control[line], people, spoof, auc).plain(),
        ]
        for line in LINES
    ]
    return table(["channel-only control, modern", "EER", "AUC"], rows)


def _alarms(known: Columns, chances: Mapping[int, Values]) -> str:
    rows = []
    for era, spoof in (
        ("modern", False),
        ("neural", False),
        ("human", False),
        ("modern", True),
        ("neural", True),
    ):
        chosen = (known.era == era) & (known.spoof == spoof)
        groups = known.engine if spoof else known.speaker
        told = [
            _share(hits, chosen, groups).percent()
            for line in LINES
            for hits in (chances[line] >= SYNTHETIC, chances[line] < HUMAN)
        ]
        what = "engines" if spoof else "people"
        rows.append([f"{what}, {era}", f"{chosen.sum()} / {len(set(groups[chosen]))}", *told])
    head = [
        "clips",
        "clips / engines or speakers",
        "plain: 0.7 or more",
        "under 0.3",
        "masked: 0.7 or more",
        "under 0.3",
    ]
    return table(head, rows)


def _engines(known: Columns, raw: Mapping[int, Values]) -> str:
    people, spoof = known.group("modern", np.isfinite(raw[PLAIN]))
    rows = []
    for engine in sorted(set(known.engine[spoof])):
        here = spoof & (known.engine == engine)
        told = [f"{auc(raw[line][people], raw[line][here]):.2f}" for line in LINES]
        rows.append([engine, str(here.sum()), str(known.fold[here].min()), *told])
    return table(["engine", "clips", "fold", "AUC plain", "AUC masked"], rows)


def _folds(known: Columns, raw: Mapping[int, Values]) -> str:
    people, spoof = known.group("modern", np.isfinite(raw[PLAIN]))
    rows = []
    for fold in range(FOLDS):
        here = known.fold == fold
        told = [
            form(measure(raw[line][people & here], raw[line][spoof & here]))
            for line in LINES
            for measure, form in ((eer, "{:.0%}".format), (auc, "{:.2f}".format))
        ]
        rows.append([str(fold), f"{(spoof & here).sum()} / {(people & here).sum()}", *told])
    return table(["fold", "engines / human", "plain: EER", "AUC", "masked: EER", "AUC"], rows)


def _lines(known: Columns, raw: Mapping[int, Values]) -> str:
    names = {PLAIN: "mu-law, at most 4 s"}
    names |= {
        number: f"{coding.codec} {coding.bit_rate / 1000:g} kbit/s" for number, coding in BY_CODEC.items()
    }
    names |= {number: f"mu-law, at most {seconds} s" for number, seconds in BY_SECONDS.items()}
    rows = []
    for number, name in names.items():
        if number in raw:
            people, spoof = known.group("modern", np.isfinite(raw[number]))
            told = [compared(known, raw[number], people, spoof, m) for m in (eer, auc)]
            rows.append([name, told[0].percent(), told[1].plain()])
    return table(["line or length, modern", "EER", "AUC"], rows)


def _reliability(known: Columns, chances: Mapping[int, Values]) -> str:
    """Of modern clips, both classes weighing the same."""
    chosen = known.era == "modern"
    rows = []
    for low, high in pairwise(BINS):
        told = []
        for line in LINES:
            here = chosen & (chances[line] >= low) & (chances[line] < high)
            engines = (here & known.spoof).sum() / (chosen & known.spoof).sum()
            people = (here & ~known.spoof).sum() / (chosen & ~known.spoof).sum()
            told += [str(here.sum()), f"{engines / (engines + people):.2f}" if here.any() else "-"]
        rows.append([f"{low:.1f}-{high:.1f}", *told])
    return table(["score", "plain: clips", "synthetic share", "masked: clips", "synthetic share"], rows)


def written(
    clips: Sequence[Clip], raw: Mapping[int, Values], control: Mapping[int, Values], curve: Platt
) -> str:
    """All tables."""
    known = Columns.of(clips)
    chances = {line: curve.probability(raw[line]) for line in LINES}
    parts = [
        _groups(known, raw),
        _control(known, control),
        _alarms(known, chances),
        _reliability(known, chances),
        _lines(known, raw),
        _folds(known, raw),
        _engines(known, raw),
    ]
    return "\n\n".join(parts)
