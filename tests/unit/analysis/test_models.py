"""Scorers by name."""

import pytest

from callguard.analysis.models import SHIPPED, load
from callguard.domain.transcript import Speaker, Utterance
from callguard.errors import ConfigurationError

SAID = [
    Utterance(Speaker.CALLER, "there is an arrest warrant buy gift cards now", is_final=True, sequence=1),
]


def test_the_shipped_scorer_judges_in_the_calls_language_and_names_itself() -> None:
    scorer = load(SHIPPED)
    found = scorer.score(SAID, "en")
    assert found.risk >= 60
    assert found.model
    assert load() is scorer
    assert scorer.version


def test_a_language_that_a_scorer_does_not_know_scores_nothing_and_says_so() -> None:
    found = load("lexicon").score(SAID, "xx")
    assert (found.risk, found.tactics, found.evidence, found.model) == (0, {}, (), "no lexicon xx")


def test_a_name_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="There is no model 'oracle'"):
        load("oracle")
