"""The circuit breaker, on a clock that the tests move."""

import pytest

from callguard.domain.breaker import (
    FIRST_REST_SECONDS,
    JITTER,
    LONGEST_REST_SECONDS,
    OPENS_AFTER,
    PROBE_SECONDS,
    Breaker,
)


def failing(times: int, now: float = 100.0, chance: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(times):
        breaker = breaker.failed(now, chance)
    return breaker


def test_it_opens_after_failures_in_a_row_and_an_answer_between_starts_the_count_again() -> None:
    assert failing(OPENS_AFTER - 1).rest(100) == 0
    assert failing(OPENS_AFTER).rest(100) == FIRST_REST_SECONDS
    again = failing(OPENS_AFTER - 1).succeeded().failed(100, 0)
    assert again.rest(100) == 0


def test_when_its_rest_is_over_one_question_goes_and_others_wait_for_its_answer() -> None:
    open_ = failing(OPENS_AFTER)
    now = 100 + FIRST_REST_SECONDS
    assert open_.rest(now) == 0
    probing = open_.asked(now)
    assert probing.rest(now) == PROBE_SECONDS
    assert probing.succeeded().rest(now) == 0
    assert probing.failed(now, 0).rest(now) == 2 * FIRST_REST_SECONDS


def test_a_probe_whose_answer_never_comes_does_not_keep_it_open_for_good() -> None:
    now = 100 + FIRST_REST_SECONDS
    assert failing(OPENS_AFTER).asked(now).rest(now + PROBE_SECONDS) == 0


def test_while_closed_questions_do_not_wait_for_one_another() -> None:
    assert Breaker().asked(100).rest(100) == 0


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_rests_grow_to_a_limit_and_are_spread(chance: float) -> None:
    rests = [failing(times, chance=chance).rest(100) for times in range(OPENS_AFTER, OPENS_AFTER + 8)]
    assert rests == sorted(rests)
    assert rests[0] == pytest.approx(FIRST_REST_SECONDS * (1 + JITTER * chance))
    assert rests[-1] == pytest.approx(LONGEST_REST_SECONDS * (1 + JITTER * chance))


def test_a_server_that_says_for_how_long_is_left_alone_from_the_first_time_on() -> None:
    assert Breaker().failed(100, 0, wanted=60).rest(100) == 60
    assert Breaker().failed(100, 0, wanted=86_400).rest(100) == LONGEST_REST_SECONDS
