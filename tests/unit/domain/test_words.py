"""Words in the form in which they are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.words import contains, head, normalise, tail


@pytest.mark.parametrize(
    ("spoken", "words"),
    [
        ("Don't hang up!", "dont hang up"),
        ("the bank\u2019s  fraud\tteam", "the banks fraud team"),
        ("It\u00b4s me", "its me"),
        ("$1,499.00", "1 499 00"),
        ("Señor Núñez, Straße", "senor nunez strasse"),
        ("GIFT ﬁx", "gift fix"),
        ("gi\u200bft c\u00adard", "gift card"),
        ("gіft сard", "gift card"),
        ("ΙRS ΑGENT", "irs agent"),
        ("I.R.S. agent", "irs agent"),
        ("g i f t card", "gift card"),
        ("i i i think", "i i i think"),
        ("U.S. mail", "u s mail"),
        ("请 pay 1", "pay 1"),
        ("", ""),
    ],
)
def test_normalised_words(spoken: str, words: str) -> None:
    assert normalise(spoken) == words


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)

    assert normalise(once) == once


@given(st.text())
def test_normalised_words_are_plain(text: str) -> None:
    words = normalise(text)

    assert words == " ".join(words.split())
    assert all(c in "abcdefghijklmnopqrstuvwxyz0123456789 " for c in words)


@pytest.mark.parametrize(
    ("words", "phrase", "found"),
    [
        ("the irs called", "irs", True),
        ("the first call", "irs", False),
        ("irs", "irs", True),
        ("a gift card", "gift card", True),
        ("a gift for card", "gift card", False),
        ("anything", "", False),
    ],
)
def test_a_phrase_is_found_as_whole_words(words: str, phrase: str, found: bool) -> None:
    assert contains(words, phrase) is found


def test_head_and_tail() -> None:
    assert head("one two  three", 2) == "one two"
    assert tail("one two  three", 2) == "two three"
    assert tail("one", 12) == head("one", 12) == "one"
    assert tail("one two", 0) == head("one two", 0) == ""


@given(st.lists(st.text(alphabet="abc", min_size=1), max_size=20), st.integers(0, 25))
def test_head_and_tail_are_ends_of_the_words(words: list[str], count: int) -> None:
    text = " ".join(words)

    assert head(text, count).split() == words[:count]
    assert tail(text, count).split() == words[max(0, len(words) - count) :]
