"""A transcript as people read it: in turns, keywords marked, words that may still change set apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from callguard.domain.transcript import Speaker, Utterance
from callguard.domain.words import contains, normalise


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
    phrases = [normalise(keyword) for keyword in keywords]
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
    heard = normalise(" ".join(tokens))
    present = [phrase.split() for phrase in phrases if contains(heard, phrase)]
    if not present:
        return lit
    words = [(word, position) for position, token in enumerate(tokens) for word in normalise(token).split()]
    for phrase in present:
        for start in range(len(words) - len(phrase) + 1):
            found = words[start : start + len(phrase)]
            if [word for word, _ in found] == phrase:
                first, last = found[0][1], found[-1][1]
                lit[first : last + 1] = [True] * (last - first + 1)
    return lit
