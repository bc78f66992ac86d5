"""A verdict rises at once and falls late; what wavers around it changes nothing."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.scoring import UNSURE_FROM
from callguard.domain.steadiness import CALM_RESULTS, MARGIN, Steady, steadied

risks = st.integers(0, 100)
# The results of a call: what was measured, and how many finals came since the look before.
looks = st.lists(st.tuples(risks, st.integers(0, 2)), max_size=30)


def risk_after(measured: Iterable[tuple[int, int]]) -> list[int]:
    """The standing risks, look by look."""
    steady, finals, stood = Steady(), 0, []
    for risk, more in measured:
        finals += more
        steady = steadied(steady, risk, finals)
        stood.append(steady.risk)
    return stood


@given(looks)
def test_never_below_what_is_measured_and_never_above_what_was(measured: list[tuple[int, int]]) -> None:
    stood = risk_after(measured)
    for place, (risk, _) in enumerate(measured):
        assert risk <= stood[place] <= max(UNSURE_FROM, *(before for before, _ in measured[: place + 1]))


@given(looks)
def test_looking_again_at_the_same_words_changes_nothing(measured: list[tuple[int, int]]) -> None:
    twice = [look for risk, more in measured for look in ((risk, more), (risk, 0))]

    assert risk_after(twice)[1::2] == risk_after(measured)


def test_it_rises_at_once() -> None:
    assert risk_after([(10, 1), (85, 0), (90, 1)]) == [10, 85, 90]


def test_a_small_step_down_is_none() -> None:
    assert risk_after([(85, 1), *[(85 - MARGIN + 1, 1)] * 20])[-1] == 85


def test_it_falls_when_it_has_stayed_lower_to_the_highest_it_was_since() -> None:
    lower = [(20, 1), (40, 1), *[(15, 1)] * CALM_RESULTS]
    stood = risk_after([(70, 1), *lower])

    assert stood[1:CALM_RESULTS] == [70] * (CALM_RESULTS - 1)
    assert stood[CALM_RESULTS + 1] == 40


def test_a_rise_in_between_begins_the_waiting_anew() -> None:
    stood = risk_after([(70, 1), *[(20, 1)] * CALM_RESULTS, (65, 1), *[(20, 1)] * CALM_RESULTS])

    assert set(stood) == {70}


def test_what_alerted_is_never_called_safe_again() -> None:
    assert risk_after([(65, 1), *[(0, 1)] * 50])[-1] == UNSURE_FROM
    assert risk_after([(50, 1), *[(0, 1)] * 50])[-1] == 0
