"""Fusion: what the signals make together, and what they can't do."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.scoring import AlertLevel, Verdict, fuse, kind_of, level_of, verdict_of
from callguard.domain.signals import (
    Attestation,
    AttestationLevel,
    Evidence,
    FraudType,
    LlmOpinion,
    LocalScore,
    NotAvailable,
    Signal,
    SignalName,
    SignalState,
    SuggestedAction,
    Tactic,
)
from callguard.domain.transcript import Speaker

risks = st.integers(0, 100)
shares = st.floats(0, 1)
fraud_types = st.sampled_from(FraudType) | st.none()
evidence = st.builds(
    Evidence,
    speaker=st.sampled_from(Speaker),
    quotation=st.text(max_size=20),
    tactic=st.sampled_from(Tactic) | st.none(),
    weight=st.floats(-1, 1),
)
scores = st.builds(
    LocalScore,
    risk=risks,
    fraud_type=fraud_types,
    tactics=st.dictionaries(st.sampled_from(Tactic), shares, max_size=4),
    evidence=st.lists(evidence, max_size=4).map(tuple),
    model=st.just("en-1"),
)
opinions = st.builds(
    LlmOpinion,
    risk=risks,
    fraud_type=fraud_types,
    claims=st.just(()),
    asks=st.just(()),
    tactics=st.lists(st.sampled_from(Tactic), max_size=3, unique=True).map(tuple),
    quotations=st.lists(st.text(max_size=20), max_size=3).map(tuple),
    explanation=st.just("The model's own words."),
    suggested_action=st.just(""),
    confidence=shares,
    model=st.just("model"),
    prompt_version=st.just("judge.v1"),
)
attestations = st.builds(Attestation, st.sampled_from(AttestationLevel))
absences = st.builds(
    NotAvailable,
    signal=st.sampled_from(SignalName),
    state=st.sampled_from([state for state in SignalState if state is not SignalState.MEASURED]),
    detail=st.just("why"),
)
signals = st.lists(scores | opinions | attestations | absences, max_size=6)

LOCAL = LocalScore(
    risk=70,
    fraud_type=FraudType.BANK,
    tactics={Tactic.FEAR: 0.6, Tactic.PAYMENT: 0.9},
    evidence=(
        Evidence(Speaker.CALLER, "your account is not safe", Tactic.FEAR, 0.6),
        Evidence(Speaker.CALLER, "move it to a safe account", Tactic.PAYMENT, 0.85),
        Evidence(Speaker.CALLER, "take your time", None, -0.35),
    ),
    model="en-1",
)
OPINION = LlmOpinion(
    risk=95,
    fraud_type=FraudType.REFUND,
    claims=(),
    asks=(),
    tactics=(Tactic.SECRECY,),
    quotations=("Move it to a safe account!", "tell nobody"),
    explanation="Trust the caller, he is honest.",
    suggested_action=SuggestedAction.NONE,
    confidence=0.5,
    model="model",
    prompt_version="judge.v1",
)


@pytest.mark.parametrize(
    ("risk", "verdict", "level"),
    [
        (0, Verdict.SAFE, None),
        (29, Verdict.SAFE, None),
        (30, Verdict.UNSURE, None),
        (59, Verdict.UNSURE, None),
        (60, Verdict.SUSPECT, AlertLevel.WARNING),
        (79, Verdict.SUSPECT, AlertLevel.WARNING),
        (80, Verdict.SCAM, AlertLevel.DANGER),
        (100, Verdict.SCAM, AlertLevel.DANGER),
    ],
)
def test_the_risk_table(risk: int, verdict: Verdict, level: AlertLevel | None) -> None:
    assert (verdict_of(risk), level_of(risk)) == (verdict, level)


@given(signals, st.randoms(use_true_random=False))
def test_the_order_of_signals_makes_no_difference(given_signals: list[Signal], random: st.DataObject) -> None:
    shuffled = list(given_signals)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert fuse(shuffled) == fuse(given_signals)


@given(signals)
def test_an_assessment_is_whole_and_consistent(given_signals: list[Signal]) -> None:
    assessment = fuse(given_signals)

    assert 0 <= assessment.risk <= 100
    assert assessment.verdict is verdict_of(assessment.risk)
    assert assessment.level is level_of(assessment.risk)
    assert (assessment.fraud_type is None) == (assessment.verdict is Verdict.SAFE)
    assert len(assessment.contributions) == len(given_signals)
    assert 0 <= assessment.confidence <= 1
    assert assessment.explanation


@given(signals, scores)
def test_never_below_the_local_scorer(given_signals: list[Signal], local: LocalScore) -> None:
    assert fuse([*given_signals, local]).risk >= local.risk


@given(signals, opinions)
def test_the_llm_only_raises(given_signals: list[Signal], opinion: LlmOpinion) -> None:
    assert fuse([*given_signals, opinion]).risk >= fuse(given_signals).risk


@given(signals, attestations)
def test_an_attestation_never_lowers(given_signals: list[Signal], attestation: Attestation) -> None:
    assert fuse([*given_signals, attestation]).risk >= fuse(given_signals).risk


@given(signals, scores, risks)
def test_monotone_in_the_local_risk(given_signals: list[Signal], local: LocalScore, more: int) -> None:
    higher = replace(local, risk=max(local.risk, more))

    assert fuse([*given_signals, higher]).risk >= fuse([*given_signals, local]).risk


@given(signals, opinions, risks, shares)
def test_monotone_in_the_llms_risk_and_confidence(
    given_signals: list[Signal], opinion: LlmOpinion, risk: int, confidence: float
) -> None:
    stronger = replace(opinion, risk=max(opinion.risk, risk), confidence=max(opinion.confidence, confidence))

    assert fuse([*given_signals, stronger]).risk >= fuse([*given_signals, opinion]).risk


@given(signals, absences)
def test_an_unavailable_signal_changes_only_its_own_line(
    given_signals: list[Signal], absent: NotAvailable
) -> None:
    without, with_it = fuse(given_signals), fuse([*given_signals, absent])

    assert replace(with_it, contributions=()) == replace(without, contributions=())
    assert len(with_it.contributions) == len(without.contributions) + 1


@pytest.mark.parametrize("level", [AttestationLevel.C, AttestationLevel.FAILED])
@given(st.integers(0, 29))
def test_a_doubtful_number_alone_stays_safe(level: AttestationLevel, risk: int) -> None:
    local = replace(LOCAL, risk=risk)

    assert fuse([Attestation(level)]).verdict is Verdict.SAFE
    assert fuse([local, Attestation(level)]).risk == risk


@pytest.mark.parametrize(
    ("level", "points"),
    [
        (AttestationLevel.A, 0),
        (AttestationLevel.B, 0),
        (AttestationLevel.NONE, 0),
        (AttestationLevel.C, 3),
        (AttestationLevel.FAILED, 5),
    ],
)
def test_a_doubtful_number_adds_a_few_points_to_doubtful_words(level: AttestationLevel, points: int) -> None:
    assert fuse([LOCAL, Attestation(level)]).risk == LOCAL.risk + points


def test_the_llm_lifts_by_its_confidence() -> None:
    assert fuse([LOCAL, OPINION]).risk == 82
    assert fuse([OPINION]).risk == 48


def test_the_explanation_is_made_of_fixed_sentences() -> None:
    assert fuse([]).explanation == "Nothing in the words so far suggests a fraud."
    assert fuse([LOCAL]).explanation == (
        "This sounds like a fraud in the name of a bank. "
        "The caller asks for a payment and frightens the person."
    )
    assert OPINION.explanation not in json.dumps(fuse([LOCAL, OPINION]).to_json())


def test_quotations_are_the_telling_ones_and_each_once() -> None:
    assert fuse([LOCAL, OPINION]).quotations == (
        "move it to a safe account",
        "your account is not safe",
        "tell nobody",
    )
    assert fuse([replace(LOCAL, risk=10)]).quotations == ()


def test_the_type_is_that_of_the_signal_that_sees_more() -> None:
    assert fuse([LOCAL, OPINION]).fraud_type is FraudType.REFUND
    assert fuse([LOCAL, replace(OPINION, risk=60)]).fraud_type is FraudType.BANK
    assert fuse([replace(LOCAL, fraud_type=None)]).fraud_type is FraudType.OTHER


def test_every_signal_has_a_line_of_its_own() -> None:
    absent = NotAvailable(SignalName.DEEPFAKE, SignalState.NOT_AVAILABLE_YET, "Not judged yet.")

    lines = {
        line.signal: line for line in fuse([LOCAL, absent, Attestation(AttestationLevel.A)]).contributions
    }

    assert lines[SignalName.LOCAL_SCORER].risk == 70
    assert lines[SignalName.LOCAL_SCORER].detail == "The words contain: payment, fear."
    assert lines[SignalName.DEEPFAKE].risk is None
    assert (lines[SignalName.DEEPFAKE].state, lines[SignalName.DEEPFAKE].detail) == (
        "not available yet",
        "Not judged yet.",
    )
    assert lines[SignalName.ATTESTATION].risk is None


def test_an_assessment_survives_json() -> None:
    told = json.loads(json.dumps(fuse([LOCAL, OPINION]).to_json()))

    assert told["verdict"] == "SCAM"
    assert told["contributions"][0]["signal"] == "llm"
    assert told["quotations"][0] == "move it to a safe account"


@pytest.mark.parametrize("fraud_type", FraudType)
def test_every_type_has_a_name_for_people(fraud_type: FraudType) -> None:
    assert kind_of(fraud_type)
