import pytest

from callguard.dashboard.wording import (
    answer_words,
    attestation_words,
    channel_words,
    delivery_words,
    fraud_words,
    signal_words,
    step_state_words,
    step_words,
    verdict_words,
)
from callguard.domain.alerts import DeliveryStatus, HeldBack
from callguard.domain.destinations import Refusal
from callguard.domain.ladder import Step, StepState, Wording
from callguard.domain.scoring import Verdict
from callguard.domain.signals import AttestationLevel, FraudType, SignalName
from tests.unit.dashboard.live_calls import NOW, alert, quiet_call, scam_call, step


@pytest.mark.parametrize(
    ("attestation", "begins"),
    [
        ("A", "Verified number"),
        ("TN-Validation-Passed-A", "Verified number"),
        ("TN-Validation-Passed-B", "Partly verified"),
        ("C", "Unverified"),
        ("failed", "Verification failed"),
        ("TN-Validation-Failed-C", "Verification failed"),
        ("none", "Unsigned"),
        ("No-TN-Validation", "Unsigned"),
        (None, "Unsigned"),
    ],
)
def test_attestation_is_told_in_a_sentence(attestation: str | None, begins: str) -> None:
    assert attestation_words(attestation).startswith(begins)


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_words_and_a_symbol(verdict: Verdict) -> None:
    words = verdict_words(scam_call(verdict=verdict))

    assert words.tone == verdict.lower()
    assert words.symbol
    assert words.label


def test_an_unjudged_call_has_no_verdict() -> None:
    assert verdict_words(quiet_call(verdict="SAFE")).label == "Listening"
    assert verdict_words(quiet_call(verdict="SAFE", ended_at=NOW)).label == "Not judged"


def test_nothing_the_system_knows_is_shown_by_its_short_name() -> None:
    assert "_" not in "".join(signal_words(name) for name in SignalName)
    assert not {fraud_words(fraud) for fraud in FraudType} & set(FraudType) - {"extortion"}
    told = {status: delivery_words(alert(status=status)) for status in DeliveryStatus}
    assert [status for status, words in told.items() if status == words] == ["delivered"]
    assert channel_words("app_notification") == "app"
    assert all(len(attestation_words(level)) > 20 for level in AttestationLevel)


def test_each_step_on_the_line_is_a_sentence() -> None:
    whispers = [step(step=Step.WHISPER, wording=wording) for wording in Wording]
    others = [step(step=name) for name in set(Step) - {Step.WHISPER}]
    assert all(" " in step_words(each) for each in (*whispers, *others))
    assert {state for state in StepState if step_state_words(step(state=state)) == state} == {StepState.DONE}
    assert step_state_words(step(step="bring_in", state="undone")) == "done, and left again"


def test_what_was_not_sent_says_why() -> None:
    for reason in HeldBack:
        words = delivery_words(alert(status="skipped", reason=reason))
        assert words.startswith("not sent: ")
        assert reason not in words
    for refused in Refusal:
        assert "could not be sent: " in delivery_words(alert(status="failed", reason=refused))
    assert delivery_words(alert(status="undelivered", reason="30003")) == "not delivered"
    assert delivery_words(alert(status="skipped")) == "no longer needed"


@pytest.mark.parametrize(
    ("by", "answer", "words"),
    [
        ("sms", "hang_up", "answered by SMS: hang up on the caller"),
        ("key", "join", "answered by a key: bring me in"),
        ("link", None, "answered on the page"),
        (None, None, "answered"),
    ],
)
def test_an_answer_is_told_with_its_way(by: str | None, answer: str | None, words: str) -> None:
    assert answer_words(alert(answered_at=NOW, answered_by=by, answer=answer)) == words


def test_what_is_new_is_shown_as_it_is() -> None:
    assert signal_words("velocity_check") == "Velocity check"
    assert delivery_words(alert(status="read")) == "read"
    assert channel_words("pager") == "pager"
    assert fraud_words("new") == "another kind of scam"
