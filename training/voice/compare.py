"""What each part of the deepfake model brings: one change at a time, each with folds left out in turn.

    python -m training.voice.compare --data DIR [--prompts DIR] [--work DIR]

Reads what `make train-voice` has heard and left in its work folder.
"""

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from callguard.voice.deepfake.front import MEASURED
from training.voice.fit import Recipe, Rows
from training.voice.measured import auc, eer
from training.voice.report import Columns, table
from training.voice.train import Heard, arguments, left_out, scores
from training.voice.views import LEARNT, MASKED, PLAIN

ALL_ERAS: Final = frozenset({"modern", "neural", "human", "copy", "classic"})
REAL: Final = frozenset({"modern", "neural", "human"})
BARE: Final = Recipe(page_freedom=0.0, line_penalty=None)


@dataclass(frozen=True, slots=True)
class Variant:
    """Another way to make the model. `columns`: of the features; `views`: of those that are learnt."""

    name: str
    recipe: Recipe = field(default_factory=Recipe)
    columns: slice = slice(None)
    views: tuple[int, ...] = LEARNT
    eras: frozenset[str] = ALL_ERAS


MEASURES: Final = slice(0, MEASURED)
ENCODED: Final = slice(MEASURED, None)
VARIANTS: Final = (
    Variant("measures, modern engines and people, plain", BARE, MEASURES, (PLAIN,), frozenset({"modern"})),
    Variant("and engines up to 2022, more people", BARE, MEASURES, (PLAIN,), REAL),
    Variant("and masked and telephone lines", BARE, MEASURES, LEARNT, REAL),
    Variant("and an intercept for each page", replace(BARE, page_freedom=10.0), MEASURES, LEARNT, REAL),
    Variant("and the line foretold", Recipe(), MEASURES, LEARNT, REAL),
    Variant("and the encoder", Recipe(), slice(None), LEARNT, REAL),
    Variant("and copies and classic engines: shipped"),
    Variant("shipped, the encoder alone", columns=ENCODED),
    Variant("shipped, no intercepts", Recipe(page_freedom=0.0)),
    Variant("shipped, the line not foretold", Recipe(line_penalty=None)),
    Variant("shipped, plain lines alone", views=(PLAIN,)),
    Variant("shipped, masked lines alone", views=(MASKED,)),
    Variant("shipped, a third of the penalty", Recipe(strictness=1e-2)),
    Variant("shipped, three times the penalty", Recipe(strictness=1e-3)),
)


def row(heard: Heard, learnt: dict[int, Rows], variant: Variant) -> list[str]:
    """Its name and figures."""
    seen = {number: replace(rows, told=rows.told[:, variant.columns]) for number, rows in learnt.items()}
    models = left_out(heard.clips, [seen[number] for number in variant.views], variant.recipe, variant.eras)
    known = Columns.of(heard.clips)
    told = [variant.name]
    for line in (PLAIN, MASKED):
        raw = scores(heard.clips, models, seen[line])
        for group in ("modern", "neural"):
            people, spoof = known.group(group, np.isfinite(raw))
            figures = eer(raw[people], raw[spoof]), auc(raw[people], raw[spoof])
            told.append(f"{figures[0]:.0%} / {figures[1]:.2f}")
    return told


def main() -> None:
    """Prints the table."""
    given = arguments(__doc__)
    heard = Heard(given.data, given.prompts, given.work)
    learnt = {number: heard.rows(number) for number in LEARNT}
    head = ["EER / AUC", "plain: modern", "up to 2022", "masked: modern", "up to 2022"]
    print(table(head, [row(heard, learnt, variant) for variant in VARIANTS]))


if __name__ == "__main__":
    main()
