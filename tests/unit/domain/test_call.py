import itertools
from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.call import (
    ANSWERED,
    FINAL,
    TRANSITIONS,
    UNANSWERED,
    Life,
    Turn,
    conference_name,
    is_leg_status,
    leg_may_follow,
    turn_of_conference,
    turn_of_leg,
)

# https://www.twilio.com/docs/voice/api/call-resource#call-status-values
TWILIO_STATUSES = [
    "queued", "initiated", "ringing", "in-progress", "completed", "busy", "no-answer", "failed", "canceled",
]  # fmt: skip


def told_in_order(statuses: tuple[str, ...], status: str = "requested") -> list[str]:
    """What is stored after each callback, by the rule that the database's statement applies."""
    stored = [status]
    for told in statuses:
        stored.append(told if stored[-1] in leg_may_follow(told) else stored[-1])
    return stored


@pytest.mark.parametrize("status", TWILIO_STATUSES)
def test_each_status_of_twilio_is_known(status: str) -> None:
    assert is_leg_status(status)


@pytest.mark.parametrize("status", ["", "answered", "COMPLETED", "ringing "])
def test_other_words_are_no_status(status: str) -> None:
    assert not is_leg_status(status)


@pytest.mark.parametrize("last", sorted(FINAL))
def test_callbacks_in_any_order_and_twice_end_alike_and_never_move_back(last: str) -> None:
    stages = ["requested", "queued", "initiated", "ringing", ANSWERED, last]

    for order in permutations(["queued", "initiated", "ringing", ANSWERED, last, last]):
        stored = told_in_order(order)
        ranks = [stages.index(status) for status in stored]
        assert ranks == sorted(ranks)
        assert stored[-1] == last


def test_the_first_final_status_stays() -> None:
    for first, second in permutations(FINAL, 2):
        assert told_in_order((first, second))[-1] == first


def test_unanswered_legs_are_over_and_were_not_answered() -> None:
    assert UNANSWERED < FINAL
    assert "completed" not in UNANSWERED
    assert ANSWERED not in FINAL


def test_a_conference_is_named_after_its_user_and_moment() -> None:
    moment = datetime(2023, 11, 14, 22, 13, 20, 123_456, tzinfo=UTC)
    assert conference_name("17", moment, "CA" + "0" * 31 + "a") == "User-17-1700000000123456010"


def test_callers_who_ring_at_the_same_moment_do_not_meet() -> None:
    moment = datetime(2023, 11, 14, 22, 13, 20, 123_456, tzinfo=UTC)
    names = {conference_name("17", moment, f"CA{number:032x}") for number in range(100)}
    assert len(names) == 100


class TestLife:
    def test_each_turn_of_each_life_is_declared(self) -> None:
        assert set(TRANSITIONS) == set(itertools.product(Life, Turn))

    @given(st.sampled_from(Life), st.sampled_from(Turn))
    def test_what_is_told_twice_is_told_once(self, life: Life, turn: Turn) -> None:
        once = TRANSITIONS[life, turn]
        assert TRANSITIONS[once, turn] is once

    @given(st.permutations([Turn.PERSON_CAME, Turn.OVER, Turn.PERSON_CAME, Turn.OVER]))
    def test_the_order_makes_no_difference(self, turns: list[Turn]) -> None:
        life = Life.WAITING
        for turn in turns:
            life = TRANSITIONS[life, turn]
        assert life is Life.FINISHED

    @given(st.lists(st.sampled_from(Turn)))
    def test_a_call_that_is_over_stays_so(self, turns: list[Turn]) -> None:
        life = Life.MISSED
        for turn in turns:
            life = TRANSITIONS[life, turn]
            assert life.is_over

    @given(st.sampled_from(Life))
    def test_a_life_is_known_by_its_two_facts(self, life: Life) -> None:
        assert Life.of(is_over=life.is_over, is_connected=life.is_connected) is life

    @pytest.mark.parametrize("status", sorted(FINAL))
    def test_the_callers_leg_ends_the_call_and_the_persons_does_not(self, status: str) -> None:
        assert turn_of_leg(status, is_callers=True) is Turn.OVER
        assert turn_of_leg(status, is_callers=False) is None

    def test_of_the_conference_only_the_person_and_the_end_count(self) -> None:
        assert turn_of_leg("in-progress", is_callers=True) is None
        assert turn_of_leg("in-progress", is_callers=False) is Turn.PERSON_CAME
        assert turn_of_conference("participant-join", "person") is Turn.PERSON_CAME
        assert turn_of_conference("conference-end", None) is Turn.OVER
        for event, label in [("participant-join", "caller"), ("participant-leave", "person"), ("x", None)]:
            assert turn_of_conference(event, label) is None
