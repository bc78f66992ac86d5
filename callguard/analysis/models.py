"""The scorers that can judge words, by name: the one that is shipped, and others to compare it with."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Protocol

from callguard.analysis.local_scorer import LocalScorer
from callguard.analysis.phrases import LANGUAGES_WITH_LEXICON, load_lexicon
from callguard.domain.signals import LocalScore
from callguard.domain.transcript import Utterance
from callguard.errors import ConfigurationError


class Scorer(Protocol):
    """Judges a growing transcript. Deterministic, and keeps nothing between calls."""

    @property
    def version(self) -> str:
        """What is stored with a verdict, so that it can be explained later."""

    def score(self, utterances: Sequence[Utterance], language: str = "en") -> LocalScore:
        """The score of the words so far; `language` is one of callguard's five, such as 'en'.

        A language that the scorer does not know scores 0, and the score's `model` says so.
        """


class LexiconScorer:
    """The phrases of each language's lexicon."""

    def __init__(self) -> None:
        self._lexicons = {language: load_lexicon(language) for language in LANGUAGES_WITH_LEXICON}
        self._scorers = {language: LocalScorer(lexicon) for language, lexicon in self._lexicons.items()}

    @property
    def version(self) -> str:
        """The versions of all lexica, such as 'lexicon en-1 es-1'."""
        return " ".join(["lexicon", *(lexicon.version for lexicon in self._lexicons.values())])

    def score(self, utterances: Sequence[Utterance], language: str = "en") -> LocalScore:
        """The score by the language's lexicon; `model` is its version, or 'no lexicon' and the language."""
        scorer = self._scorers.get(language)
        if scorer is None:
            return LocalScore(0, None, {}, (), f"no lexicon {language}")
        return scorer.score(utterances)


_MODELS: Mapping[str, Callable[[], Scorer]] = {"lexicon": LexiconScorer}
SHIPPED = "lexicon"
"""The name of the scorer that judges calls."""


def load(name: str = SHIPPED) -> Scorer:
    """The scorer of that name, loaded once. Raises ConfigurationError where there is none."""
    if name not in _MODELS:
        raise ConfigurationError(f"There is no model '{name}'. There are: {', '.join(_MODELS)}.")
    return _loaded(name)


@cache
def _loaded(name: str) -> Scorer:
    return _MODELS[name]()
