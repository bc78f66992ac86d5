"""The detector: five languages by a few words, with accents and without."""

import pytest

from callguard.analysis.language import LANGUAGES, profiles
from training.train_languages import FILE, learnt, texts, without_accents, written

SAID = {
    "en": "good morning is this the lady of the house i wanted to ask about your heating",
    "es": "buenos días hablo con la señora de la casa quería preguntarle por la calefacción",
    "fr": "bonjour madame je vous appelle au sujet de votre chauffage vous avez une minute",
    "de": "guten morgen spreche ich mit der dame des hauses es geht um ihre heizung",
    "pt": "bom dia falo com a dona da casa queria lhe perguntar sobre o aquecimento",
}


def likeliest(text: str) -> str:
    odds = profiles().odds(text)
    return max(odds, key=lambda language: odds[language])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_tells_its_language(language: str) -> None:
    assert likeliest(SAID[language]) == language
    assert likeliest(without_accents(SAID[language])) == language
    assert likeliest(" ".join(SAID[language].split()[:5])) == language


def test_without_words_nothing_is_told() -> None:
    assert set(profiles().odds("12 34 …").values()) == {0.0}


def test_the_file_is_what_the_training_texts_make() -> None:
    made = learnt({language: texts(language, "train") for language in LANGUAGES})

    assert written(made) == FILE.read_text(encoding="utf-8")
