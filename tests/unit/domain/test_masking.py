"""Numbers that are read out don't leave, in five languages and however the recogniser wrote them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.masking import DIGITS, mask_digits

DIGIT_WORDS = {
    "en": "zero one two three four five six seven eight nine",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun",
    "pt": "zero um dois três quatro cinco seis sete oito nove",
}


@pytest.mark.parametrize(
    ("said", "leaves"),
    [
        ("my card is 4532 1101 2290 7764 yes", "my card is [digits] yes"),
        ("it's 471-992", "it's [digits]"),
        ("call me on +1 (202) 555-0123 please", "call me on [digits] please"),
        ("four five uh three two and then 22", "[digits]"),
        ("my code is forty-seven eleven okay bye", "my code is [digits] okay bye"),
        ("four for seven one", "[digits]"),
        ("double oh seven", "[digits]"),
        ("mi clave es cuatrocientos setenta y uno", "mi clave es [digits]"),
        ("el código veintiuno treinta y dos gracias", "el código [digits] gracias"),
        ("c'est quatre-vingt-dix-sept zéro quatre voilà", "c'est [digits] voilà"),
        ("die nummer ist vierhunderteinundsiebzig neun", "die nummer ist [digits]"),
        ("fünfundvierzig zweiunddreißig sagt sie", "[digits] sagt sie"),
        ("é um dois três meia sete tá", "é [digits] tá"),
        ("o código é duzentos e trinta", "o código é [digits]"),
        ("my account GB29NWBK601613 there", "my account [digits] there"),
        ("yes seven", "[digits]"),
        ("2", "[digits]"),
    ],
)
def test_a_number_becomes_a_placeholder(said: str, leaves: str) -> None:
    assert mask_digits(said) == leaves


@pytest.mark.parametrize(
    "said",
    [
        "i have two sons and one daughter",
        "no one told me",
        "oh oh oh no",
        "oh yes okay",
        "die acht uhr nachrichten",
        "une fois pour toutes",
        "um momento por favor",
        "once upon a time",
        "",
    ],
)
def test_other_words_stay(said: str) -> None:
    assert mask_digits(said) == said


@given(
    st.sampled_from(sorted(DIGIT_WORDS)),
    st.lists(st.integers(0, 9), min_size=3, max_size=20).filter(lambda digits: max(digits) > 1),
    st.sampled_from(["", "uh", "and", "ähm", "e", "y"]),
    st.booleans(),
)
def test_no_digit_of_a_code_is_left_however_it_is_read(
    language: str, digits: list[int], between: str, written: bool
) -> None:
    words = [str(d) for d in digits] if written else [DIGIT_WORDS[language].split()[d] for d in digits]
    said = f"the thing is {f' {between} '.join(words)} goodbye"
    assert mask_digits(said) == f"the thing is {DIGITS} goodbye"


@given(st.text())
def test_masking_is_one_line_and_done_once(said: str) -> None:
    masked = mask_digits(said)
    assert mask_digits(masked) == masked
    assert "\n" not in masked
    assert sum(c.isdigit() for c in masked) <= sum(c.isdigit() for c in said)
