"""Which of the five languages somebody speaks, told from character n-grams of the words that were recognised.

After Cavnar and Trenkle, 'N-Gram-Based Text Categorization' (SDAIR 1994), with the probabilities of a naive
Bayes model in place of their ranks (Dunning, 'Statistical Identification of Language', 1994): a few words
must do, and ranks need more. `languages.json` holds the profiles; `python -m training.train_languages` makes
it.
"""

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

LANGUAGES = ("en", "es", "fr", "de", "pt")
SIZES = (1, 2, 3, 4)
"""Of the n-grams, in characters."""


@dataclass(frozen=True, slots=True)
class Profiles:
    """`weights`: an n-gram's log-probability in each language, in the order of LANGUAGES."""

    version: str
    weights: Mapping[str, tuple[float, ...]]

    def odds(self, text: str) -> dict[str, float]:
        """How well each language explains the words, as log-likelihoods a word; all 0 without any."""
        found = [self.weights[gram] for word in words(text) for gram in grams(word) if gram in self.weights]
        count = len(list(words(text)))
        return {
            language: sum(weight[place] for weight in found) / max(1, count)
            for place, language in enumerate(LANGUAGES)
        }


def words(text: str) -> Iterator[str]:
    """The words as they are compared: lower case, letters alone; accents stay, they tell languages apart."""
    plain = unicodedata.normalize("NFC", text).lower()
    yield from "".join(c if c.isalpha() else " " for c in plain).split()


def grams(word: str) -> Iterator[str]:
    """The n-grams of a word and the spaces around it."""
    padded = f" {word} "
    for size in SIZES:
        for start in range(len(padded) - size + 1):
            if padded[start : start + size] != " ":
                yield padded[start : start + size]


@cache
def profiles() -> Profiles:
    """Those that ship with callguard."""
    told = json.loads((resources.files("callguard.analysis") / "languages.json").read_text(encoding="utf-8"))
    return Profiles(
        told["version"],
        {gram: tuple(weight / 100 for weight in weights) for gram, weights in told["grams"].items()},
    )
