"""What each part of the deepfake model brings: one change at a time, each with folds left out in turn.

    python -m training.voice.compare --data DIR [--prompts DIR] [--work DIR]

Reads what `make train-voice` has heard and left in its work folder.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from callguard.voice.deepfake.front import MEASURED
from callguard.voice.deepfake.shipped import Linear, Model
from training.voice.fit import Recipe, Rows
from training.voice.measured import auc, eer
from training.voice.report import Columns, table
from training.voice.train import NEURAL, VOCODER, Heard, Lesson, arguments, left_out, scores, taught
from training.voice.views import LEARNT, MASKED, PLAIN

MODERN: Final = frozenset({"modern"})
REAL: Final = frozenset({"modern", "neural"})
ALL: Final = frozenset({"modern", "neural", "copy", "classic"})
BARE: Final = Recipe(page_freedom=0.0, line_penalty=None)
PAGES: Final = Recipe(line_penalty=None)


@dataclass(frozen=True, slots=True)
class Variant:
    """Another way to make one linear model. `columns`: of the features; `views`: of those that are learnt."""

    name: str
    lesson: Lesson = NEURAL
    columns: slice = field(default_factory=lambda: slice(None))
    views: tuple[int, ...] = LEARNT


SHOWN: Final = ("modern", "neural", "world", "espeak", "flite")
MEASURES: Final = slice(0, MEASURED)
ENCODED: Final = slice(MEASURED, None)
VARIANTS: Final = (
    Variant("measures; modern alone; plain lines", Lesson(MODERN, MODERN, BARE), MEASURES, (PLAIN,)),
    Variant("and engines up to 2022, more people", Lesson(REAL, recipe=BARE), MEASURES, (PLAIN,)),
    Variant("and masked and telephone lines", Lesson(REAL, recipe=BARE), MEASURES),
    Variant("and an intercept for each page", Lesson(REAL, recipe=PAGES), MEASURES),
    Variant("and the line foretold", NEURAL, MEASURES),
    Variant("and the encoder: the model of neural engines", NEURAL),
    Variant("that, the encoder alone", columns=ENCODED),
    Variant("that, no intercepts", Lesson(REAL, recipe=Recipe(page_freedom=0.0))),
    Variant("that, the line not foretold", Lesson(REAL, recipe=PAGES)),
    Variant("that, plain lines alone", views=(PLAIN,)),
    Variant("that, masked lines alone", views=(MASKED,)),
    Variant("that, of modern engines alone", Lesson(MODERN)),
    Variant("that, a third of the penalty", Lesson(REAL, recipe=Recipe(strictness=1e-2))),
    Variant("that, three times the penalty", Lesson(REAL, recipe=Recipe(strictness=1e-3))),
    Variant("that, copies and classic engines too", Lesson(ALL)),
    Variant("the model of vocoders and classic engines", VOCODER),
)


def figures(heard: Heard, models: Sequence[Linear | Model], learnt: dict[int, Rows]) -> list[str]:
    """Error rate and area for each line and group of engines."""
    known = Columns.of(heard.clips)
    told = []
    for line in (PLAIN, MASKED):
        raw = scores(heard.clips, models, learnt[line])
        for group in SHOWN:
            people, spoof = known.group(group, np.isfinite(raw))
            told.append(f"{eer(raw[people], raw[spoof]):.0%} / {auc(raw[people], raw[spoof]):.2f}")
    return told


def row(heard: Heard, learnt: dict[int, Rows], variant: Variant) -> list[str]:
    """Its name and figures."""
    seen = {number: replace(rows, told=rows.told[:, variant.columns]) for number, rows in learnt.items()}
    models = left_out(heard.clips, [seen[number] for number in variant.views], variant.lesson)
    return [variant.name, *figures(heard, models, seen)]


def main() -> None:
    """Prints the table."""
    given = arguments(__doc__)
    heard = Heard(given.data, given.prompts, given.work)
    learnt = {number: heard.rows(number) for number in LEARNT}
    head = ["EER / AUC", *(f"{line}: {group}" for line in ("plain", "masked") for group in SHOWN)]
    shipped, _ = taught(heard.clips, [learnt[number] for number in LEARNT])
    rows = [row(heard, learnt, variant) for variant in VARIANTS]
    print(table(head, [*rows, ["both, the surer one counts: shipped", *figures(heard, shipped, learnt)]]))


if __name__ == "__main__":
    main()
