"""A transcript as people read it: in turns, keywords marked, words that may still change set apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from callguard.domain.keywords import occurs_at
from callguard.domain.transcript import Speaker, Utterance
from callguard.domain.words import normalise


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring words of one look."""

    text: str
    keyword: bool
    provisional: bool


@dataclass(frozen=True, slots=True)
class MarkedTurn:
    """Everything one speaker said before the other spoke; runs are read with a space between."""

    speaker: Speaker
    runs: tuple[Run, ...]

    @property
    def provisional(self) -> bool:
        """Whether the recogniser may still change its end."""
        return self.runs[-1].provisional


def marked_turns(utterances: Iterable[Utterance], keywords: Iterable[str]) -> tuple[MarkedTurn, ...]:
    """The turns of a transcript. A keyword is found as the database finds it, across two results too."""
    phrases = [keyword if "*" in keyword else normalise(keyword) for keyword in keywords]
    return tuple(
        MarkedTurn(speaker, _runs(tuple(said), phrases))
        for speaker, said in groupby(utterances, lambda u: u.speaker)
    )


def _runs(said: Sequence[Utterance], phrases: Iterable[str]) -> tuple[Run, ...]:
    tokens = [(token, not utterance.is_final) for utterance in said for token in utterance.text.split()]
    lit = _lit([token for token, _ in tokens], phrases)
    looks = [(keyword, provisional, token) for (token, provisional), keyword in zip(tokens, lit, strict=True)]
    return tuple(
        Run(" ".join(token for _, _, token in run), keyword, provisional)
        for (keyword, provisional), run in groupby(looks, lambda look: look[:2])
    )


def _lit(tokens: Sequence[str], phrases: Iterable[str]) -> list[bool]:
    """Which tokens belong to a phrase. A token can be several words (`e-mail`), or none (a dash)."""
    lit = [False] * len(tokens)
    words = [(word, position) for position, token in enumerate(tokens) for word in normalise(token).split()]
    said = [word for word, _ in words]
    for phrase in filter(None, map(str.split, phrases)):
        for start in range(len(words) - len(phrase) + 1):
            if occurs_at(phrase, said, start):
                first, last = words[start][1], words[start + len(phrase) - 1][1]
                lit[first : last + 1] = [True] * (last - first + 1)
    return lit
