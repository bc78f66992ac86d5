"""Calls through two set-ups."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.scoring import AlertLevel
from callguard.domain.signals import Attestation, AttestationLevel
from callguard.domain.transcript import Speaker, Utterance
from callguard.evaluation.backtest import (
    Change,
    Compared,
    Outcome,
    PastCall,
    SetUp,
    Wake,
    backtest,
    compared,
    tried,
)
from callguard.evaluation.backtest_page import render_backtest
from callguard.evaluation.waking import woken_at
from tests.unit.evaluation.told_scorer import ToldScorer

NOW = SetUp("told", ToldScorer())


def call(*said: str, phrases: tuple[str, ...] = ("gift card",), **more: object) -> PastCall:
    """Results, the callee's marked by a `>`."""
    utterances = tuple(
        Utterance(
            Speaker.CALLEE if text.startswith(">") else Speaker.CALLER,
            text.lstrip("> "),
            is_final=True,
            sequence=place,
        )
        for place, text in enumerate(said)
    )
    return PastCall("call", None, "en", utterances, phrases, **more)  # type: ignore[arg-type]


def test_before_a_keyword_nothing_is_judged_and_with_it_all_that_was_said() -> None:
    heard = call("danger 90", "> oh", "calm 20 gift card", "end 70")
    assert tried(heard, NOW) == Outcome(woken_turn=3, risk=70, level=AlertLevel.WARNING, alert_turn=3)
    assert tried(heard, replace(NOW, wake=Wake.LOCAL_ALWAYS)) == Outcome(1, 90, AlertLevel.DANGER, 1)


def test_turns_are_counted_as_people_do() -> None:
    heard = call("hello", "it is me", "> who", "the gift", "card 61")
    assert tried(heard, NOW) == Outcome(woken_turn=3, risk=61, level=AlertLevel.WARNING, alert_turn=3)


@pytest.mark.parametrize(
    ("said", "place"),
    [
        (("a GIFT-CARD now",), 0),
        (("a gift", "> yes", "card now"), 2),
        (("a gift", "> card"), None),
        (("gift cards",), None),
        ((), None),
    ],
)
def test_a_keyword_is_found_as_the_trigger_finds_it(said: tuple[str, ...], place: int | None) -> None:
    assert woken_at(call(*said).utterances, ("gift card",)) == place


def test_a_call_that_nothing_wakes_has_no_risk() -> None:
    assert tried(call("danger 90"), NOW) == Outcome(None, 0, None, None)
    assert tried(call("danger 90"), replace(NOW, phrases={"en": ("danger",)})).risk == 90
    assert tried(call("danger 90"), replace(NOW, phrases={"de": ("danger",)})).woken_turn is None


def test_a_persons_own_policy_stands_until_another_is_tried() -> None:
    own = call("danger 90", wake=Wake.LOCAL_ALWAYS)
    assert tried(own, NOW).risk == 90
    assert tried(own, replace(NOW, wake=Wake.AFTER_KEYWORD)).risk == 0


def test_what_the_carrier_vouches_for_counts_as_it_does_on_a_call() -> None:
    failed = Attestation(AttestationLevel.FAILED)
    assert tried(call("gift card 57", attestation=failed), NOW).level is AlertLevel.WARNING
    assert tried(call("gift card 57"), NOW).level is None


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ((None, 0, None, None), (1, 60, AlertLevel.WARNING, 2), Change.NEWLY_ALERTS),
        ((1, 85, AlertLevel.DANGER, 2), (1, 20, None, None), Change.NO_LONGER_ALERTS),
        ((1, 60, AlertLevel.WARNING, 2), (1, 85, AlertLevel.DANGER, 4), Change.LOUDER),
        ((1, 85, AlertLevel.DANGER, 2), (1, 60, AlertLevel.WARNING, 2), Change.QUIETER),
        ((1, 60, AlertLevel.WARNING, 4), (1, 65, AlertLevel.WARNING, 2), Change.EARLIER),
        ((1, 60, AlertLevel.WARNING, 2), (1, 60, AlertLevel.WARNING, 4), Change.LATER),
        ((None, 0, None, None), (1, 20, None, None), Change.NEWLY_WAKES),
        ((1, 20, None, None), (None, 0, None, None), Change.NO_LONGER_WAKES),
        ((1, 20, None, None), (1, 30, None, None), Change.OTHER_RISK),
        ((1, 20, None, None), (2, 20, None, None), Change.SAME),
    ],
)
def test_a_change_is_named_by_its_gravest_part(before: tuple, after: tuple, change: Change) -> None:  # type: ignore[type-arg]
    assert Compared(call(), Outcome(*before), Outcome(*after)).change is change


@given(
    st.lists(
        st.sampled_from(["hello 10", "> gift card", "gift card 65", "90", "> 30", "70 please"]), max_size=8
    )
)
def test_the_same_set_up_changes_nothing(said: list[str]) -> None:
    assert compared(call(*said), NOW, NOW).change is Change.SAME


def test_the_sums_and_the_order_of_what_changed() -> None:
    later = replace(NOW, warning_from=70)
    found = [
        compared(replace(call("gift card 65"), label="scam", id="lost"), NOW, later),
        compared(replace(call("gift card 90"), label="scam", id="kept"), NOW, later),
        compared(replace(call("hello"), label="benign", id="quiet"), NOW, later),
    ]
    told = backtest("dialogues", ("now", "other"), found, without_consent=4)
    assert (told.before["all"].warned, told.after["all"].warned) == (1, 0)
    assert (told.before["scam"].in_danger, told.after["scam"].in_danger) == (1, 1)
    assert (told.before["benign"].calls, told.before["benign"].woken) == (1, 0)
    assert told.changes == {Change.NO_LONGER_ALERTS: 1, Change.SAME: 2}
    assert [line.id for line in told.changed] == ["lost"]


@pytest.mark.parametrize("show_words", [False, True])
def test_words_are_told_only_where_they_were_asked_for(show_words: bool) -> None:
    found = [compared(call("my secret <b>sister</b> gift card 65"), NOW, replace(NOW, warning_from=70))]
    told = backtest("stored calls", ("now", "other"), found, show_words=show_words)
    for report in (render_backtest(told, found), msgspec.json.encode(told).decode()):
        assert ("secret" in report) is show_words
    assert "<b>sister" not in render_backtest(told, found)
