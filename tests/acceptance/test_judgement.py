"""The shipped scorer on conversations that it was not trained on, turn by turn: no worse than it must be.

The bars are those that were set before there was a model. docs/models/text.md has the figures with their
intervals; `callguard evaluate text training/text/*/*.jsonl --split validation` prints them.
"""

from functools import cache
from pathlib import Path

import pytest

from callguard.analysis.models import SHIPPED, load
from callguard.evaluation.dialogues import read_dialogues
from callguard.evaluation.figures import Figures, figures
from callguard.evaluation.replay import Replay, replay
from callguard.evaluation.statistics import Estimate, Share

TEXTS = Path(__file__).parents[2] / "training" / "text"


@cache
def replays() -> tuple[Replay, ...]:
    files = sorted(TEXTS.glob("*/*.jsonl"))
    unseen = [d for file in files for d in read_dialogues(file, labelled=True) if d.split == "validation"]
    return tuple(replay(dialogue, load(SHIPPED)) for dialogue in unseen)


def told(*languages: str) -> Figures:
    """The figures of these languages' dialogues."""
    chosen = [found for found in replays() if found.dialogue.lang in languages]
    return figures(SHIPPED, load(SHIPPED).version, chosen)


def at_least(found: Share | Estimate | None, bar: float) -> None:
    assert found is not None
    assert found.value is not None
    assert found.value >= bar, found


def at_most(found: Share, bar: float) -> None:
    assert found.value is not None
    assert found.value <= bar, found


@pytest.mark.parametrize(
    ("languages", "precision", "recall", "f1"),
    [(("en",), 0.85, 0.80, 0.82), (("es", "fr", "de", "pt"), 0.80, 0.75, 0.77)],
)
def test_frauds_it_never_saw_are_found(
    languages: tuple[str, ...], precision: float, recall: float, f1: float
) -> None:
    row = told(*languages).rows[-1]

    at_least(row.precision, precision)
    at_least(row.recall, recall)
    at_least(row.f1, f1)


def test_people_are_told_in_time_and_seldom_without_cause() -> None:
    found = told("en", "es", "fr", "de", "pt")
    row = found.rows[-1]

    at_least(row.by_telling_turn, 0.60)
    at_most(row.false_alarms_hard, 0.13)
    at_most(row.false_alarms_plain, 0.03)
    at_least(found.injected_caught, 0.75)
