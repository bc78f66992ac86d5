"""The local scorer, on single sentences, on properties, and on whole dialogues."""

import time
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.analysis.local_scorer import LocalScorer, default_lexicon
from callguard.domain.scoring import SUSPECT_FROM, UNSURE_FROM
from callguard.domain.signals import FraudType, LocalScore, Tactic
from callguard.domain.transcript import Speaker, Utterance
from tests.unit.analysis.dialogues import dialogues

SCORER = LocalScorer(default_lexicon())
ANOTHER_SCORER = LocalScorer(default_lexicon())
FRAUD = (
    "this is the irs there is a warrant for your arrest",
    "you must pay with gift cards right now",
    "dont tell anyone",
)


def caller(*texts: str) -> list[Utterance]:
    return [Utterance(Speaker.CALLER, text, True, place) for place, text in enumerate(texts)]


def callee(*texts: str) -> list[Utterance]:
    return [Utterance(Speaker.CALLEE, text, True, place + 100) for place, text in enumerate(texts)]


def score(*texts: str) -> LocalScore:
    return SCORER.score(caller(*texts))


def test_nothing_said_is_no_risk() -> None:
    assert SCORER.score([]) == LocalScore(0, None, {}, (), "en-3")


def test_an_ask_with_pressure_and_secrecy_is_a_fraud() -> None:
    found = score(*FRAUD)

    assert found.risk >= 90
    assert found.fraud_type is FraudType.GOVERNMENT
    assert {Tactic.AUTHORITY, Tactic.FEAR, Tactic.PAYMENT, Tactic.SECRECY} <= found.tactics.keys()


@pytest.mark.parametrize(
    "texts",
    [
        (
            "buy gift cards and read me the numbers",
            "go to the bitcoin machine",
            "put the cash in an envelope",
        ),
        ("read me the code", "give me your pin", "tell me your password"),
        ("open any desk", "let me connect to your computer", "give me control of your mouse"),
        ("dont tell anyone", "keep this between us", "nobody can know"),
        ("stay on the line", "do not hang up the phone", "keep me on the phone"),
        ("there is a warrant for your arrest", "you will be arrested", "you will go to jail"),
    ],
)
def test_one_tactic_alone_alerts_nobody(texts: tuple[str, ...]) -> None:
    found = score(*texts)

    assert max(found.tactics.values()) > 0.7
    assert 20 < found.risk < SUSPECT_FROM


@pytest.mark.parametrize(
    ("asked", "denied"),
    [
        ("give me your pin", "you do not need to give me your pin"),
        ("tell me your password", "i will never ask you to tell me your password"),
        ("read me the code", "please dont read me the code"),
        ("buy gift cards", "we never ask anybody to buy gift cards"),
        ("your pin or your card number", "we never ask for your pin or your card number"),
    ],
)
def test_a_denied_ask_is_no_ask(asked: str, denied: str) -> None:
    asks = {Tactic.PAYMENT, Tactic.CREDENTIALS}

    assert score(asked).tactics.keys() & asks
    assert not score(denied).tactics.keys() & asks


@pytest.mark.parametrize("text", ["why dont you read me the code", "cant you read me the code"])
def test_a_question_with_a_negation_asks_all_the_same(text: str) -> None:
    assert Tactic.CREDENTIALS in score(text).tactics


def test_talk_about_frauds_is_none() -> None:
    warned = score("if anyone calls and says you have to buy gift cards that is a scam")

    assert warned.tactics == {}


@pytest.mark.parametrize(
    "opening",
    [
        "criminals are in your account",
        "dont tell the bank",
        "if anyone asks say its for a car",
        "you must listen",
    ],
)
def test_a_fraud_that_speaks_of_others_asks_all_the_same(opening: str) -> None:
    assert Tactic.PAYMENT in score(f"{opening} now go and buy gift cards").tactics


def test_words_against_a_fraud_relieve_a_call_that_asks_for_nothing() -> None:
    alarming = (
        "this is the fraud department of your bank",
        "we blocked a suspicious payment on your account",
    )

    relieved = score(*alarming, "you can hang up and call the number on the back of your card")

    assert relieved.risk < UNSURE_FROM
    assert relieved.risk < score(*alarming).risk


def test_words_against_a_fraud_excuse_no_ask() -> None:
    reassured = score(
        *FRAUD, "you can hang up and call the number on the back of your card", "there is no rush"
    )

    assert reassured.risk >= 80


def test_the_callee_who_repeats_the_words_weighs_less() -> None:
    assert 0 < SCORER.score(callee(*FRAUD)).risk < score(*FRAUD).risk
    excused = SCORER.score(callee("there is no rush", "you can hang up and call the number on my card"))
    assert all(e.weight > 0 for e in excused.evidence)


def test_a_card_number_that_the_callee_reads_out_counts() -> None:
    card = "four five three two 0151 1283 0366"

    assert Tactic.CREDENTIALS in SCORER.score(callee(card)).tactics
    assert Tactic.CREDENTIALS not in SCORER.score(callee("202 555 0123")).tactics
    assert Tactic.CREDENTIALS not in score(card).tactics


@pytest.mark.parametrize(
    "text",
    [
        "your social security number has been suspended press 1 to speak to an officer",
        "your car warranty is about to expire press one now to speak to an agent",
        "this is amazon an order was placed on your account if you did not authorize this order press 1",
    ],
)
def test_a_recording_with_a_threat_or_an_offer_is_suspect(text: str) -> None:
    assert score(text).risk >= SUSPECT_FROM


@pytest.mark.parametrize(
    "text",
    [
        "this is the clinic press 1 to confirm your appointment press 2 to change it",
        "your prescription is ready press one to hear our opening hours",
        "schools are closed tomorrow because of snow press 1 to hear this message again",
    ],
)
def test_an_honest_recording_is_safe(text: str) -> None:
    assert score(text).risk < UNSURE_FROM


def test_saying_it_again_proves_no_more() -> None:
    thrice, often = score(*["buy gift cards"] * 3), score(*["buy gift cards"] * 20)

    assert often.risk == thrice.risk


def test_words_that_were_spelled_or_disguised_are_read() -> None:
    plain = score("pay with this gift card")

    for disguised in (
        "pay with this g i f t card",
        "pay with this gi\u200bft card",
        "Pay, with this GIFT card!",
    ):
        assert score(disguised).tactics == plain.tactics


def test_a_phrase_is_found_across_two_results() -> None:
    assert Tactic.PAYMENT in score("go and buy some gift", "cards for me").tactics


def test_a_partial_result_counts() -> None:
    partial = [Utterance(Speaker.CALLER, text, is_final=False, sequence=0) for text in FRAUD[:1]]

    assert SCORER.score(partial).risk == score(FRAUD[0]).risk > 0


def test_evidence_quotes_the_words_as_they_were_spoken() -> None:
    found = score("Well, ma'am: you'll Pay with Gift Cards, all right, today please")

    quoted = {e.quotation for e in found.evidence if e.tactic is Tactic.PAYMENT}

    assert "Well, ma'am: you'll Pay with Gift Cards, all right, today" in quoted
    assert all(e.speaker is Speaker.CALLER for e in found.evidence)


def test_words_against_a_fraud_are_evidence_with_a_negative_weight() -> None:
    (found,) = score("there is no rush at all").evidence

    assert found.tactic is None
    assert found.weight < 0


spoken = st.lists(
    st.tuples(
        st.sampled_from(Speaker),
        st.text() | st.sampled_from([*FRAUD, "press 1", "we never ask for your pin", "g i f t card"]),
    ),
    max_size=6,
)


@given(spoken)
def test_any_words_give_a_score_and_always_the_same(turns: Sequence[tuple[Speaker, str]]) -> None:
    words = [Utterance(speaker, text, True, place) for place, (speaker, text) in enumerate(turns)]

    found = SCORER.score(words)

    assert 0 <= found.risk <= 100
    assert all(0 < strength <= 1 for strength in found.tactics.values())
    assert found == ANOTHER_SCORER.score(words)


def test_precision_and_recall_on_the_authored_dialogues() -> None:
    outcome = Counter(
        (dialogue.is_fraud, SCORER.score(dialogue.utterances).risk >= SUSPECT_FROM)
        for dialogue in dialogues()
    )
    caught, missed, alarms = outcome[True, True], outcome[True, False], outcome[False, True]

    assert caught + missed >= 60
    assert outcome[False, False] + alarms >= 60
    assert caught / (caught + alarms) >= 0.95
    assert caught / (caught + missed) >= 0.95


def test_most_types_are_named_right() -> None:
    frauds = [d for d in dialogues() if d.is_fraud and d.kind != "other"]
    named = [d for d in frauds if SCORER.score(d.utterances).fraud_type == d.kind]

    assert len(named) / len(frauds) >= 0.7


def test_twenty_turns_are_scored_in_a_few_milliseconds() -> None:
    words = [u for dialogue in dialogues()[:3] for u in dialogue.utterances][:20]
    SCORER.score(words)

    started = time.process_time()
    for _ in range(20):
        SCORER.score(words)

    assert (time.process_time() - started) / 20 < 0.02
