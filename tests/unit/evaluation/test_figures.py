"""The figures of a tiny set, counted by hand."""

import pytest

from callguard.evaluation.comparison import compare
from callguard.evaluation.dialogues import Dialogue
from callguard.evaluation.figures import Figures, figures
from callguard.evaluation.replay import Replay, replay
from tests.unit.evaluation.told_scorer import ToldScorer, dialogue

SET = [
    dialogue("s1", "hello", "yes", "pay 70", "why 90", telling_turn=2, type="bank", scenario="a"),
    dialogue("s2", "hello", "yes 65", "no 10", telling_turn=0, type="bank", scenario="b", injection=True),
    dialogue("s3", "hello 59", "who", telling_turn=1, type="prize", scenario="c"),
    dialogue("s4", "press one 80", type="robocall"),
    dialogue("b1", "hello", "hi 60", scam=False, hard=True, scenario="d"),
    dialogue("b2", "hello 10", "hi", scam=False, hard=True),
    dialogue("b3", "hello", "hi", scam=False, injection=True, lang="es"),
    dialogue("b4", "two pizzas 61", scam=False, type="ordering"),
    dialogue("b5", "one pizza", scam=False, type="ordering"),
]


def replays(dialogues: list[Dialogue]) -> list[Replay]:
    return [replay(each, ToldScorer()) for each in dialogues]


@pytest.fixture
def found() -> Figures:
    return figures("told", "told-1", replays(SET))


def test_a_dialogue_is_replayed_as_it_grows() -> None:
    of_first = replay(SET[0], ToldScorer())
    assert of_first.risks == (0, 0, 70, 90)
    assert of_first.words == (1, 2, 4, 6)
    assert (of_first.peak, of_first.first_at(), of_first.first_at(95)) == (90, 2, None)


def test_conversations_are_counted_by_language_and_together(found: Figures) -> None:
    english, spanish, both = found.rows
    assert (english.name, spanish.name, both.name) == ("en", "es", "all")
    assert (english.scams, english.benign, both.benign) == (3, 2, 3)
    assert english.judged_by == ("told en",)
    assert (both.precision.count, both.precision.of) == (2, 3)
    assert (both.recall.count, both.recall.of) == (2, 3)
    assert both.f1 is not None
    assert both.f1.value == pytest.approx(2 / 3)
    assert both.auc is not None
    assert both.auc.value == pytest.approx(8 / 9), "only the scam of 59 lies below the honest call of 60"
    assert (both.false_alarms_hard.count, both.false_alarms_hard.of) == (1, 2)
    assert (both.false_alarms_plain.count, both.false_alarms_plain.of) == (0, 1)


def test_a_flag_that_falls_again_was_a_flag_but_not_by_the_telling_turn(found: Figures) -> None:
    row = found.rows[-1]
    assert (row.by_telling_turn.count, row.by_telling_turn.of) == (1, 3)
    assert (row.median_turn, row.median_words) == (2.5, 3.5), "turns 3 and 2, after 4 and 3 words"


def test_calls_of_one_kind_stand_apart(found: Figures) -> None:
    assert (found.robocalls_caught.count, found.robocalls_caught.of) == (1, 1)
    assert (found.false_alarms_everyday.count, found.false_alarms_everyday.of) == (1, 2)
    assert (found.injected_caught.count, found.injected_caught.of) == (1, 1)
    assert (found.injected_benign_flagged.count, found.injected_benign_flagged.of) == (0, 1)
    assert {name: (s.count, s.of) for name, s in found.recall_by_type.items()} == {
        "bank": (2, 2),
        "prize": (0, 1),
    }


def test_what_went_wrong_is_named_by_id_and_risk_alone(found: Figures) -> None:
    assert [(call.id, call.type, call.scenario, call.peak) for call in found.misses] == [
        ("s3", "prize", "c", 59)
    ]
    assert [(call.id, call.peak) for call in found.false_alarms] == [("b4", 61), ("b1", 60)]


def test_two_scorers_are_compared_call_by_call() -> None:
    """The second catches s3 too, and flags b2."""
    better = [dialogue("s3", "hello 62", "who"), dialogue("b2", "hello 60", scam=False)]
    other = [next((b for b in better if b.id == each.id), each) for each in SET]
    told = compare(("one", replays(SET)), ("two", replays(other)), 60)
    assert (told.only_first, told.only_second, told.p) == (1, 1, 1.0)
    assert told.auc_gain is not None
    assert told.auc_gain == pytest.approx(1 / 9)
