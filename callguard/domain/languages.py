"""When a call goes on in another language: on the evidence of several of the caller's sentences, not of a
name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MOST_SWITCHES: Final = 2
"""In a call: a caller who changes the language and changes back is followed, one who mixes two isn't
chased.
"""
LEAST_FINALS: Final = 2
LEAST_WORDS: Final = 10
MOST_WORDS: Final = 40
"""What was said longer ago says nothing about now."""
MARGIN: Final = 3.5
"""Natural logarithms a word. Ten words of a call's own language come that near to another one in one of a
thousand training texts; 99 of 100 texts of another language lie beyond."""
TOLD: Final = 10.0
"""What the recogniser's own word for the language counts, in the same unit."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A final of the caller's: how many words, and how well each language explains them, as log-likelihoods
    a word.
    """

    words: int
    odds: Mapping[str, float]

    def speaks_for(self, language: str, instead_of: str) -> float:
        return self.odds[language] - self.odds[instead_of]


def told(language: str, words: int, among: Sequence[str]) -> Spoken:
    """A final of which the recogniser itself says in which language it is."""
    return Spoken(words, {each: 0.0 if each == language else -TOLD for each in among})


def switched(current: str, finals: Sequence[Spoken]) -> str | None:
    """The language to go on in, None to stay; `finals` are the caller's since the last switch, oldest first.

    The last LEAST_FINALS must each speak for it, and all of the last MOST_WORDS words together by MARGIN.
    """
    recent: list[Spoken] = []
    for final in reversed(finals):
        if sum(each.words for each in recent) < MOST_WORDS:
            recent.append(final)
    count = sum(final.words for final in recent)
    if len(recent) < LEAST_FINALS or count < LEAST_WORDS:
        return None
    together = {
        language: sum(final.words * final.odds[language] for final in recent) / count
        for language in recent[0].odds
    }
    best = max(together, key=lambda language: together[language])
    agree = all(final.speaks_for(best, current) > 0 for final in recent[:LEAST_FINALS])
    return best if agree and together[best] - together[current] >= MARGIN else None
