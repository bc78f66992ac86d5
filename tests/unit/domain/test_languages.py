"""When a call's language changes: several sentences must say so, and by far."""

import pytest

from callguard.domain.languages import MARGIN, Spoken, switched, told


def spoken(words: int, english: float, spanish: float) -> Spoken:
    return Spoken(words, {"en": english, "es": spanish})


SPANISH = spoken(8, -20, -12)
ENGLISH = spoken(8, -12, -20)


def test_two_long_sentences_switch() -> None:
    assert switched("en", [SPANISH, SPANISH]) == "es"
    assert switched("es", [SPANISH, SPANISH]) is None
    assert switched("es", [ENGLISH, ENGLISH]) == "en"


@pytest.mark.parametrize(
    "finals",
    [
        [],
        [spoken(30, -20, -12)],
        [spoken(2, -20, -12), spoken(2, -20, -12)],
        [SPANISH, SPANISH, ENGLISH],
        [ENGLISH, ENGLISH, SPANISH],
        [spoken(8, -12, -12 + MARGIN - 0.1)] * 4,
    ],
    ids=["nothing", "one sentence", "two names", "went back", "a word of another", "hardly apart"],
)
def test_less_than_that_does_not(finals: list[Spoken]) -> None:
    assert switched("en", finals) is None


def test_what_was_said_long_ago_is_forgotten() -> None:
    assert switched("en", [*[ENGLISH] * 20, *[SPANISH] * 5]) == "es"


def test_the_recognisers_own_word_counts() -> None:
    assert switched("en", [told("es", 6, ("en", "es")), told("es", 6, ("en", "es"))]) == "es"
