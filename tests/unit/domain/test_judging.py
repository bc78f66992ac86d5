"""When the judge is asked, what a question used, and when a day's budget is spent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.judging import (
    GATHER_SECONDS,
    MANY_WORDS,
    RISEN,
    WORTH_WORDS,
    Budget,
    Heard,
    Prices,
    Usage,
    estimated,
    heard,
    wait_before_asking,
)
from callguard.domain.transcript import Speaker, Utterance

ASKED = Heard(caller_words=100, local_risk=40)


@pytest.mark.parametrize(
    ("words", "risk", "since", "wait"),
    [
        (100, 40, 60, None),  # nothing new
        (100 + WORTH_WORDS - 1, 40, 60, None),  # 'yes yes of course'
        (100 + WORTH_WORDS, 40, 0, GATHER_SECONDS),
        (100 + WORTH_WORDS, 40, 5, GATHER_SECONDS - 5),
        (100 + WORTH_WORDS, 40, GATHER_SECONDS, 0),
        (100 + MANY_WORDS, 40, 0, 0),
        (101, 40 + RISEN, 0, 0),  # the local scorer found something
        (101, 40 + RISEN - 1, 0, None),
        (101, 10, 0, None),  # less risk is no evidence
        (90, 40, 60, None),  # a partial that shrank
    ],
)
def test_new_evidence_and_many_words_are_judged_at_once_and_a_few_gathered(
    words: int, risk: int, since: float, wait: float | None
) -> None:
    assert wait_before_asking(Heard(words, risk), ASKED, since) == wait


def test_the_first_question_does_not_wait() -> None:
    assert wait_before_asking(Heard(1, 0), None, 0) == 0


@given(st.lists(st.integers(0, 12), min_size=1, max_size=200), st.floats(0.1, 5))
def test_however_words_come_questions_are_few_and_nothing_worth_asking_is_left(
    steps: list[int], seconds_a_step: float
) -> None:
    """Words as a recogniser brings them, at one risk: each question has enough that is new."""
    words, now, asked, asked_at, questions = 0, 0.0, None, 0.0, 0
    for step in [*steps, 0]:
        words, now = words + step, now + seconds_a_step
        wait = wait_before_asking(Heard(words, 30), asked, now - asked_at)
        if wait == 0:
            asked, asked_at, questions = Heard(words, 30), now, questions + 1
    assert questions <= 1 + words / WORTH_WORDS
    assert questions <= 1 + now / GATHER_SECONDS + words / MANY_WORDS
    assert asked is not None
    assert words - asked.caller_words < MANY_WORDS


def test_the_callers_words_count() -> None:
    said = [
        Utterance(Speaker.CALLER, "good morning madam", True, 1),
        Utterance(Speaker.CALLEE, "who is this please", True, 2),
        Utterance(Speaker.CALLER, "your bank", False, 3),
    ]
    assert heard(said, 12) == Heard(5, 12)


def test_usage_adds_up_and_an_estimate_stays_one() -> None:
    total = Usage(1, 100, 20) + estimated("seven letters", "")
    assert total == Usage(2, 105, 20, is_estimated=True)


@pytest.mark.parametrize(
    ("prices", "cost"),
    [(Prices(0.15, 0.6), 210), (Prices(0.15), None), (Prices(), None), (Prices(0, 0), 0)],
)
def test_a_price_for_a_million_tokens_is_micro_dollars_for_one(prices: Prices, cost: int | None) -> None:
    assert prices.cost_micro_usd(Usage(1, 1000, 100)) == cost


@pytest.mark.parametrize(
    ("budget", "spent"),
    [
        (Budget(1000), True),
        (Budget(1001), False),
        (Budget(None), False),
        (Budget(None, 500), True),
        (Budget(2000, 501), False),
        (Budget(0), True),
    ],
)
def test_a_budget_is_spent_when_either_limit_is_reached(budget: Budget, spent: bool) -> None:
    assert budget.is_spent(tokens=1000, micro_usd=500) is spent
