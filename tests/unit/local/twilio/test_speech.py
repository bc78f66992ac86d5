"""Growing partials and their final."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.local.twilio.speech import SECONDS_A_WORD, growing, heard

TEXTS = st.lists(st.text("abcdefg", min_size=1, max_size=8), min_size=1, max_size=60).map(" ".join)


@given(text=TEXTS, instant=st.booleans())
def test_partials_grow_into_the_whole_text(text: str, instant: bool) -> None:
    *partials, final = growing(text, instant=instant)
    assert final.is_final
    assert final.text == text
    assert not any(step.is_final for step in partials)
    assert all(len(before.text) < len(after.text) for before, after in pairwise([*partials, final]))
    assert all(text.startswith(step.text) for step in partials)
    assert sum(step.seconds for step in (*partials, final)) == pytest.approx(
        len(text.split()) * SECONDS_A_WORD
    )


@given(text=TEXTS)
def test_an_instant_turn_has_two_partials_at_most(text: str) -> None:
    assert len(growing(text, instant=True)) <= 3


def test_a_partial_ends_without_punctuation() -> None:
    first = growing("hello there, my friend, are you well", instant=False)[0]
    assert first.text == "hello there, my friend"


def test_the_words_of_a_final_are_placed_one_after_the_other() -> None:
    final = heard(growing("one two three", instant=True)[-1], began=100.0, seconds_a_word=0.5)
    assert [(word.text, word.start, word.end) for word in final.words] == [
        ("one", 100.0, 100.5),
        ("two", 100.5, 101.0),
        ("three", 101.0, 101.5),
    ]
    assert (final.confidence, final.stability) == (0.95, None)
