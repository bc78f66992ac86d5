"""The default keywords."""

import pytest

from callguard.analysis.catalogue import default_catalogue
from callguard.domain.words import contains, normalise
from tests.unit.analysis.dialogues import Dialogue, dialogues

PHRASES = [keyword.phrase for keyword in default_catalogue("en")]


def _wakes(dialogue: Dialogue) -> bool:
    said = [normalise(utterance.text) for utterance in dialogue.utterances]
    return any(contains(words, phrase) for words in said for phrase in PHRASES)


@pytest.mark.parametrize(
    "phrase",
    ["social security", "bank account", "wire transfer", "gift card", "irs", "arrest warrant", "medicare"],
)
def test_the_first_seven_are_among_them(phrase: str) -> None:
    assert phrase in PHRASES


def test_keywords_are_in_the_form_in_which_words_are_compared_and_each_once() -> None:
    assert [normalise(phrase) for phrase in PHRASES] == PHRASES
    assert len(set(PHRASES)) == len(PHRASES)
    assert 120 <= len(PHRASES) <= 200
    assert {keyword.language for keyword in default_catalogue("en")} == {"en"}


def test_a_language_without_a_catalogue_has_no_keywords() -> None:
    assert default_catalogue("eo") == ()


def test_nearly_every_fraud_wakes_the_analyzer() -> None:
    frauds = [dialogue for dialogue in dialogues() if dialogue.is_fraud]

    assert sum(map(_wakes, frauds)) >= 0.97 * len(frauds)


@pytest.mark.parametrize(
    "text",
    ["see you on sunday", "i bought bread and milk", "the first bus was late", "happy birthday"],
)
def test_small_talk_wakes_nothing(text: str) -> None:
    assert not any(contains(normalise(text), phrase) for phrase in PHRASES)
