from itertools import permutations

import pytest

from callguard.domain.call import ANSWERED, FINAL, UNANSWERED, conference_name, is_leg_status, leg_may_follow

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
    assert conference_name("17", 1_700_000_000_123) == "User-17-1700000000123"
