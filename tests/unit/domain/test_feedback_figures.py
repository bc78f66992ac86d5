"""How thresholds fare on what people said, with intervals that say how much is known."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.feedback import (
    ENOUGH_OF_EACH,
    THRESHOLDS,
    Answer,
    JudgedCall,
    Share,
    advice,
    fared,
    resolved,
)

calls = st.lists(
    st.builds(JudgedCall, st.floats(0, 100), st.sampled_from(Answer), st.booleans()), max_size=30
)


def some(count: int, risk: float, answer: Answer, *, is_judged: bool = True) -> list[JudgedCall]:
    return [JudgedCall(risk, answer, is_judged)] * count


@pytest.mark.parametrize(
    ("said", "counts_as"),
    [
        ([Answer.SCAM, Answer.NOT_SCAM, Answer.NOT_SCAM], Answer.SCAM),
        ([Answer.UNSURE, Answer.NOT_SCAM], Answer.NOT_SCAM),
        ([Answer.UNSURE], Answer.UNSURE),
    ],
)
def test_one_who_calls_it_a_scam_outweighs_the_others(said: list[Answer], counts_as: Answer) -> None:
    assert resolved(said) is counts_as
    assert resolved(reversed(said)) is counts_as


# Brown, Cai and DasGupta (2001) and any textbook: 8 of 10, and the ends.
@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(8, 10, 0.490, 0.943), (0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (0, 0, 0.0, 1.0)],
)
def test_intervals_are_wilsons(hits: int, of: int, low: float, high: float) -> None:
    assert Share(hits, of).interval == pytest.approx((low, high), abs=1e-3)


def test_the_confusion_table_counts_what_people_are_sure_of() -> None:
    known = [
        *some(3, 85, Answer.SCAM),
        *some(1, 59.9, Answer.SCAM),
        *some(2, 60, Answer.NOT_SCAM),
        *some(4, 10, Answer.NOT_SCAM),
        *some(5, 90, Answer.UNSURE),
    ]
    found = fared(known, 60)
    assert (found.caught, found.missed, found.false_alarms, found.left_alone) == (3, 1, 2, 4)
    assert (found.precision.value, found.recall.value) == (0.6, 0.75)
    assert found.false_alarm_share == Share(2, 6)


@given(calls)
def test_a_higher_threshold_alerts_less(known: list[JudgedCall]) -> None:
    rows = [fared(known, threshold) for threshold in THRESHOLDS]
    for lower, higher in pairwise(rows):
        assert higher.caught <= lower.caught
        assert higher.false_alarms <= lower.false_alarms
        assert higher.caught + higher.missed == lower.caught + lower.missed
    assert advice(known)


class TestAdvice:
    def test_few_answers_change_nothing(self) -> None:
        assert "Too few answers" in advice(some(ENOUGH_OF_EACH - 1, 80, Answer.SCAM) * 2)

    def test_a_threshold_is_named_only_where_it_is_surely_better(self) -> None:
        known = [
            *some(40, 90, Answer.SCAM),
            *some(30, 62, Answer.NOT_SCAM),
            *some(10, 5, Answer.NOT_SCAM),
        ]
        assert advice(known).startswith("Alerting from 65 on would have cut false alarms from 30 to 0 of 40")

    def test_scams_that_nothing_woke_need_keywords(self) -> None:
        known = [
            *some(20, 90, Answer.SCAM),
            *some(9, 0, Answer.SCAM, is_judged=False),
            *some(30, 5, Answer.NOT_SCAM),
        ]
        assert "9 were never judged" in advice(known)

    def test_otherwise_what_is_shipped_stays(self) -> None:
        known = [*some(30, 90, Answer.SCAM), *some(30, 5, Answer.NOT_SCAM)]
        assert advice(known) == "Nothing here speaks clearly for another threshold than 60."
