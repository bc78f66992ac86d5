"""Fusion: what the signals make together, and what they can't do."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.scoring import (
    AlertLevel,
    Verdict,
    answered,
    fuse,
    level_of,
    stand_at,
    verdict_of,
)
from callguard.domain.signal_words import kind_of
from callguard.domain.signals import (
    Attestation,
    AttestationLevel,
    CallerHistory,
    Claim,
    ClaimedIdentity,
    Deepfake,
    Evidence,
    FraudType,
    KnownVoice,
    LlmOpinion,
    LocalScore,
    NotAvailable,
    PersonsAnswer,
    Signal,
    SignalName,
    SignalState,
    SuggestedAction,
    Tactic,
    VoiceMatch,
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
histories = st.builds(CallerHistory, st.integers(-100, 100), st.just(("Reported once.",)))
deepfakes = st.builds(Deepfake, shares, st.floats(0, 60), st.just("voice-1"))
voices = st.builds(KnownVoice, st.sampled_from(VoiceMatch), st.floats(-1, 1), st.just("voice-1"))
identities = st.builds(ClaimedIdentity, st.sampled_from(Claim), st.sampled_from(PersonsAnswer) | st.none())
beside = attestations | histories | deepfakes | voices | identities
absences = st.builds(
    NotAvailable,
    signal=st.sampled_from(SignalName),
    state=st.sampled_from([state for state in SignalState if state is not SignalState.MEASURED]),
    detail=st.just("why"),
)
signals = st.lists(scores | opinions | beside | absences, max_size=8)

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


@given(signals, beside)
def test_no_signal_lowers(given_signals: list[Signal], more: Signal) -> None:
    assert fuse([*given_signals, more]).risk >= fuse(given_signals).risk


@given(signals, deepfakes, shares, st.floats(0, 60))
def test_monotone_in_the_deepfakes_score_and_speech(
    given_signals: list[Signal], fake: Deepfake, score: float, seconds: float
) -> None:
    surer = replace(fake, score=max(fake.score, score), speech_seconds=max(fake.speech_seconds, seconds))

    assert fuse([*given_signals, surer]).risk >= fuse([*given_signals, fake]).risk


@given(signals, histories, st.integers(-100, 100))
def test_monotone_in_the_history(given_signals: list[Signal], history: CallerHistory, standing: int) -> None:
    worse = replace(history, standing=max(history.standing, standing))

    assert fuse([*given_signals, worse]).risk >= fuse([*given_signals, history]).risk


@given(signals)
def test_the_points_add_up_to_what_was_measured(given_signals: list[Signal]) -> None:
    assessment = fuse(given_signals)

    assert sum(line.points for line in assessment.contributions) == assessment.measured == assessment.risk
    assert all(line.points >= 0 for line in assessment.contributions)


@given(signals, risks)
def test_what_stands_over_the_measured_changes_no_contribution(
    given_signals: list[Signal], risk: int
) -> None:
    standing, measured = stand_at(given_signals, risk), fuse(given_signals)

    assert (standing.risk, standing.verdict) == (risk, verdict_of(risk))
    assert (standing.measured, standing.contributions) == (measured.risk, measured.contributions)
    assert (standing.fraud_type is None) == (standing.verdict is Verdict.SAFE)


@pytest.mark.parametrize(
    "signal",
    [
        Deepfake(1.0, 60, "voice-1"),
        KnownVoice(VoiceMatch.OTHER, -0.2, "voice-1"),
        CallerHistory(100, ("Your family reported this number.",)),
    ],
)
def test_a_strong_signal_alone_is_shown_and_alerts_only_with_doubtful_words(signal: Signal) -> None:
    innocent, doubtful = replace(LOCAL, risk=12), replace(LOCAL, risk=40)

    assert fuse([innocent, signal]).verdict is Verdict.UNSURE
    assert fuse([doubtful, signal]).level is not None
    assert fuse([doubtful]).level is None


def test_two_strong_signals_alert_whatever_the_words() -> None:
    fake = Deepfake(0.99, 20, "voice-1")

    assert fuse([fake, KnownVoice(VoiceMatch.OTHER, -0.2, "voice-1")]).level is AlertLevel.DANGER
    assert fuse([fake, CallerHistory(80)]).level is not None


def test_little_speech_and_a_middling_score_weigh_little() -> None:
    assert fuse([Deepfake(0.99, 1, "voice-1")]).verdict is Verdict.SAFE
    assert fuse([Deepfake(0.5, 60, "voice-1")]).risk == 0


@pytest.mark.parametrize(
    ("risk", "answer", "then"),
    [
        (70, None, 70),
        (70, PersonsAnswer.SAFE, 70),
        (5, PersonsAnswer.NO, 80),
        (95, PersonsAnswer.NO, 95),
        (95, PersonsAnswer.YES, 59),
        (20, PersonsAnswer.YES, 20),
        (95, PersonsAnswer.PROVEN, 29),
    ],
)
def test_what_a_person_answers_stands_over_the_fused_risk(
    risk: int, answer: PersonsAnswer | None, then: int
) -> None:
    assert answered(risk, answer) == then


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
    assert told["contributions"][0]["signal"] == "local_scorer"
    assert [part["points"] for part in told["contributions"]] == [70, 12]
    assert told["quotations"][0] == "move it to a safe account"


@pytest.mark.parametrize("fraud_type", FraudType)
def test_every_type_has_a_name_for_people(fraud_type: FraudType) -> None:
    assert kind_of(fraud_type)
