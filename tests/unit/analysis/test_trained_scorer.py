"""The scorer that ships: what any model of its kind must do, whatever it was trained on."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callguard.analysis.models import load
from callguard.analysis.text_model import TextModel
from callguard.analysis.trained_scorer import TrainedScorer
from callguard.domain.signals import LocalScore, Tactic
from callguard.domain.transcript import Speaker, Utterance, turns
from callguard.domain.words import contains, normalise

LANGUAGES = ("en", "es", "fr", "de", "pt")
SCAM = [
    (Speaker.CALLER, "this is agent morris with the federal tax office there is a warrant in your name"),
    (Speaker.CALLEE, "oh my goodness what did i do"),
    (Speaker.CALLER, "you owe four thousand dollars and the officers are on the way right now"),
    (Speaker.CALLEE, "i don't have that kind of money at home"),
    (
        Speaker.CALLER,
        "buy gift cards read me the numbers and do not tell your husband or the bank",
    ),
]
HONEST = [
    (Speaker.CALLER, "hello mum it's me i'm at the station the train is late again"),
    (Speaker.CALLEE, "shall i put the dinner in later then"),
    (Speaker.CALLER, "yes about seven and i've got the bread you wanted"),
]
AN_UTTERANCE = st.builds(
    Utterance,
    st.sampled_from(Speaker),
    st.text(max_size=60),
    st.booleans(),
    st.integers(min_value=0, max_value=50),
)


@pytest.fixture(scope="module")
def scorer() -> TrainedScorer:
    found = load("trained")
    assert isinstance(found, TrainedScorer)
    return found


def said(*lines: tuple[Speaker, str], final: bool = True) -> list[Utterance]:
    return [Utterance(speaker, text, final, place) for place, (speaker, text) in enumerate(lines)]


def test_it_tells_a_fraud_from_a_call_home(scorer: TrainedScorer) -> None:
    assert scorer.score(said(*SCAM)).risk >= 80
    assert scorer.score(said(*HONEST)).risk < 30


def test_it_says_what_the_caller_does_and_quotes_words_that_were_said(scorer: TrainedScorer) -> None:
    found = scorer.score(said(*SCAM))

    assert {Tactic.PAYMENT, Tactic.SECRECY, Tactic.FEAR} <= found.tactics.keys()
    assert found.fraud_type == "government"
    assert all(0 < strength <= 1 for strength in found.tactics.values())
    spoken = [normalise(turn.text) for turn in turns(said(*SCAM))]
    assert found.evidence
    assert all(any(contains(words, normalise(e.quotation)) for words in spoken) for e in found.evidence)


def test_nothing_is_carried_over_from_call_to_call(scorer: TrainedScorer) -> None:
    fresh = scorer.score(said(*SCAM))
    scorer.score(said(*HONEST))

    assert scorer.score(said(*SCAM)) == fresh


@pytest.mark.parametrize("first", ["this is officer", "do not tell", "your social", "i need"])
def test_the_first_words_of_a_turn_alarm_nobody(scorer: TrainedScorer, first: str) -> None:
    """They come as partial results, and go on in a hundred ways."""
    heard = [*said(*HONEST), Utterance(Speaker.CALLER, first, is_final=False, sequence=9)]

    assert scorer.score(heard).risk < 60
    assert scorer.score([*said((Speaker.CALLEE, "hello who is there")), heard[-1]]).risk < 60


def test_what_the_phrases_are_sure_of_counts_before_the_turn_is_over(scorer: TrainedScorer) -> None:
    *before, (speaker, words) = SCAM
    heard = [*said(*before), Utterance(speaker, words, is_final=False, sequence=9)]

    assert scorer.score(heard).risk >= 90


def test_the_words_of_one_turn_may_come_in_several_results(scorer: TrainedScorer) -> None:
    parts = [(speaker, part) for speaker, text in SCAM for part in (text[:20], text[20:]) if part.strip()]
    joined = [(turn.speaker, turn.text) for turn in turns(said(*parts))]

    assert scorer.score(said(*parts)) == scorer.score(said(*joined))


@settings(max_examples=60, deadline=None)
@given(words=st.lists(AN_UTTERANCE, max_size=6), language=st.sampled_from(LANGUAGES))
def test_any_words_have_a_score(scorer: TrainedScorer, words: list[Utterance], language: str) -> None:
    found = scorer.score(words, language)

    assert isinstance(found, LocalScore)
    assert 0 <= found.risk <= 100
    assert scorer.score(words, language) == found


@pytest.mark.parametrize(("words", "language"), [([], "en"), (said(*SCAM), "xx")])
def test_where_there_is_nothing_to_read_it_says_so(
    scorer: TrainedScorer, words: list[Utterance], language: str
) -> None:
    found = scorer.score(words, language)

    assert (found.risk, found.fraud_type, found.evidence) == (0, None, ())
    assert found.model.startswith(f"{scorer.version}, no ")


def test_a_model_is_stored_and_read_again(tmp_path: Path) -> None:
    model = TextModel.load()
    model.save(tmp_path / "again.npz")
    again = TextModel.load(tmp_path / "again.npz")

    assert (again.name, again.lexica, again.suspect_at) == (model.name, model.lexica, model.suspect_at)
    assert (again.word_weights == model.word_weights).all()


def test_the_model_belongs_to_the_encoder_and_the_lexica_that_ship(scorer: TrainedScorer) -> None:
    """Weights fitted to other vectors or phrases would mean nothing."""
    assert scorer.mismatches() == []
