"""The same script is known again, another is not, and nobody without the key can tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.scripts import (
    HASHES,
    LEAST_WORDS,
    SAME_SCRIPT,
    bands,
    blunted,
    fingerprint,
    similarity,
    words_of_caller,
)
from callguard.domain.transcript import Speaker, Utterance

KEY = b"k" * 32
SCRIPT = (
    "hello {name} my name is {agent} and i am calling from the card department your account ending in "
    "{digits} shows a purchase of {amount} dollars that we think is not yours so we have to move your money "
    "to a safe account while the investigation goes on please stay on the line and do not speak of it to "
    "anybody at the branch because they may be part of it"
)
ONE = SCRIPT.format(name="margaret", agent="david", digits="4 4 1 2", amount="899")
OTHER = SCRIPT.format(name="harold", agent="susan", digits="77", amount="1,250")
LUNCH = (
    "hi mom it is anna are you coming to lunch on sunday we thought of the place by the river since the "
    "weather is going to be nice and the children want to feed the ducks afterwards dad can bring the chairs "
    "and you only bring the cake with the cherries that everybody liked so much at easter"
)


def of(text: str, *names: str, key: bytes = KEY) -> bytes:
    found = fingerprint(key, text, names)
    assert found is not None
    return found


def test_a_script_is_known_with_other_names_and_numbers() -> None:
    one, other = of(ONE, "Margaret Hill"), of(OTHER, "Harold")
    assert one == other
    assert len(one) == 4 * HASHES


def test_a_script_is_known_where_the_recogniser_errs_and_the_call_ends_early() -> None:
    words = OTHER.replace("purchase", "purchased").replace("investigation", "investing asian").split()
    heard = " ".join(words[: len(words) * 3 // 4])
    one, other = of(ONE, "Margaret"), of(heard, "Harold")
    assert similarity(one, other) >= SAME_SCRIPT
    assert set(bands(one)) & set(bands(other))


def test_another_conversation_is_not_the_script() -> None:
    assert similarity(of(ONE), of(LUNCH)) < SAME_SCRIPT / 2


def test_too_few_words_have_no_fingerprint() -> None:
    assert fingerprint(KEY, " ".join(ONE.split()[: LEAST_WORDS - 10])) is None
    assert fingerprint(KEY, "") is None


def test_another_key_makes_nothing_that_can_be_compared() -> None:
    one, other = of(ONE), of(ONE, key=b"another")
    assert similarity(one, other) < 0.05
    assert not set(bands(one)) & set(bands(other))


def test_fingerprints_of_different_making_are_not_alike() -> None:
    assert similarity(of(ONE), of(ONE)[:64]) == 0.0


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("I'm 77, flat 3B", ["im", "_", "flat", "_"]),
        ("call 202 555 0101 now", ["call", "_", "now"]),
        ("this is Susan from the bank", ["this", "is", "@", "from", "the", "bank"]),
        ("me llamo Pedro y", ["me", "llamo", "@", "y"]),
        ("je m'appelle Luc du service", ["je", "mappelle", "@", "du", "service"]),
        ("mein Name ist Weber von", ["mein", "name", "ist", "@", "von"]),
        ("meu nome é Paulo do banco", ["meu", "nome", "e", "@", "do", "banco"]),
        ("good morning Margaret Hill", ["good", "morning", "@"]),
    ],
)
def test_names_and_numbers_are_blunted(said: str, kept: list[str]) -> None:
    assert blunted(said, ["Margaret Hill"]) == kept


def test_only_the_callers_settled_words_count() -> None:
    said = [
        Utterance(Speaker.CALLER, "one", is_final=True, sequence=1),
        Utterance(Speaker.CALLEE, "mine", is_final=True, sequence=2),
        Utterance(Speaker.CALLER, "two", is_final=True, sequence=3),
        Utterance(Speaker.CALLER, "thr", is_final=False, sequence=4),
    ]
    assert words_of_caller(said) == "one two"


@given(st.text())
def test_whatever_is_said_it_is_like_itself(text: str) -> None:
    found = fingerprint(KEY, text)
    assert found is None or similarity(found, found) == 1.0
