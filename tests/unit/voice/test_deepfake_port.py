"""The call's score from its windows': robust, honest about its width, a state where there is nothing."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.voice.deepfake.port import CallScore, Reason, WindowScore, aggregate

probabilities = st.floats(0, 1)


def scored(*values: float, speech_s: float = 4.0) -> list[WindowScore]:
    return [WindowScore(value, None, speech_s) for value in values]


def refused(reason: Reason) -> WindowScore:
    return WindowScore(None, reason, 4.0)


def bounds(call: CallScore) -> tuple[float, float, float]:
    assert call.low is not None
    assert call.score is not None
    assert call.high is not None
    return call.low, call.score, call.high


def held(score: float) -> float:
    return min(max(score, 0.001), 0.999)


def test_no_window_at_all_is_a_state() -> None:
    assert aggregate([]) == CallScore(None, None, None, 0.0, 0, Reason.NOT_ENOUGH_SPEECH)


def test_where_no_window_could_be_scored_the_commonest_reason_stands() -> None:
    call = aggregate([refused(Reason.TONES), refused(Reason.MUSIC), refused(Reason.MUSIC)])
    assert (call.score, call.low, call.high, call.windows) == (None, None, None, 0)
    assert call.reason is Reason.MUSIC


def test_windows_that_were_refused_take_no_part() -> None:
    call = aggregate([*scored(0.8), refused(Reason.MUSIC), *scored(0.8)])
    assert call.score == pytest.approx(0.8)
    assert (call.windows, call.speech_s, call.reason) == (2, 8.0, None)


def test_the_overlap_of_windows_counts_once() -> None:
    assert aggregate(scored(0.5, 0.5, 0.5)).speech_s == pytest.approx(8.0)


@given(st.lists(probabilities, min_size=1, max_size=40))
def test_the_score_lies_within_its_interval_and_among_its_windows(values: list[float]) -> None:
    low, score, high = bounds(aggregate(scored(*values)))
    assert 0 < low < score < high < 1
    assert held(min(values)) - 1e-9 <= score <= held(max(values)) + 1e-9


@given(st.lists(probabilities, min_size=1, max_size=12), st.data())
def test_the_order_of_windows_does_not_matter(values: list[float], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(values))
    assert bounds(aggregate(scored(*values))) == pytest.approx(bounds(aggregate(scored(*shuffled))))


@given(st.lists(probabilities, min_size=1, max_size=12), st.data())
def test_a_window_that_rises_never_lowers_the_call(values: list[float], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(values) - 1))
    raised = [*values]
    raised[place] = data.draw(st.floats(values[place], 1))
    assert bounds(aggregate(scored(*raised)))[1] >= bounds(aggregate(scored(*values)))[1] - 1e-12


@given(st.integers(1, 4), probabilities, probabilities)
def test_a_few_odd_windows_do_not_carry_the_call(odd: int, usual: float, wild: float) -> None:
    call = aggregate(scored(*[usual] * (odd + 1), *[wild] * odd))
    assert call.score == pytest.approx(held(usual))


def test_the_interval_narrows_with_seconds_of_speech_but_never_to_nothing() -> None:
    widths = [
        high - low for n in (1, 2, 5, 20, 2000) for low, _, high in [bounds(aggregate(scored(*[0.6] * n)))]
    ]
    assert all(more > less for more, less in itertools.pairwise(widths))
    assert widths[-1] > 0.3, "what two calls differ by doesn't shrink with their length"


def test_windows_that_disagree_widen_the_interval() -> None:
    agreed, torn = aggregate(scored(*[0.5] * 10)), aggregate(scored(*[0.05, 0.95] * 5))
    assert bounds(torn)[2] - bounds(torn)[0] > bounds(agreed)[2] - bounds(agreed)[0]


def test_a_shorter_window_is_worth_less() -> None:
    short, whole = aggregate(scored(0.7, speech_s=3.0)), aggregate(scored(0.7))
    assert bounds(short)[0] < bounds(whole)[0]


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -0.1, 1.1])
def test_what_is_no_probability_is_never_a_score(wrong: float) -> None:
    with pytest.raises(ValueError, match="probability"):
        WindowScore(wrong, None, 4.0)


@pytest.mark.parametrize(("score", "reason"), [(None, None), (0.5, Reason.MUSIC)])
def test_a_window_has_a_score_or_a_reason(score: float | None, reason: Reason | None) -> None:
    with pytest.raises(ValueError, match="either"):
        WindowScore(score, reason, 4.0)
