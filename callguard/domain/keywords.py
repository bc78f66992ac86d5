"""Catalogues of keywords: what wakes the analyzer, and where it occurs in words.

A keyword says nothing about guilt: the wake-up is broad, the judgement comes afterwards. Phrases are written
as people spell them and compared in the form of `callguard.domain.words`. A word that ends in `*` stands for
every word that begins so: a stem, marked by whoever knows the language, and the same for the database and us.
"""

import hashlib
from collections.abc import Iterable
from functools import cached_property
from typing import Literal, get_args

import msgspec

from callguard.domain import canary
from callguard.domain.signals import Tactic
from callguard.domain.words import normalise

Language = Literal["en", "es", "fr", "de", "pt"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

MOST_PHRASES = 1000
MOST_WORDS = 8
"""Two results of the recogniser that cut a phrase in two are looked at with twelve words of each."""
MOST_LETTERS = 100
"""Twilio's limit for a hint."""
MOST_HINTS = 500
"""Twilio's limit for a call."""
LEAST_STEM = 3
LEAST_WORD = 2


def compared(phrase: str) -> str:
    """A phrase in the form in which it is compared, `*` kept at the end of its words.

    Raises ValueError: what is wrong with it.
    """
    words = _compared(phrase).split()
    if not words:
        raise ValueError(f"the phrase {phrase!r} has no words")
    if len(words) > MOST_WORDS or len(phrase) > MOST_LETTERS:
        raise ValueError(f"the phrase {phrase!r} is longer than {MOST_WORDS} words or {MOST_LETTERS} letters")
    if any(word.endswith("*") and len(word) <= LEAST_STEM for word in words):
        raise ValueError(f"in {phrase!r} fewer than {LEAST_STEM} letters stand before a *")
    if len(words) == 1 and len(words[0]) < LEAST_WORD:
        raise ValueError(f"the phrase {phrase!r} is a single letter")
    return " ".join(words)


def _compared(phrase: str) -> str:
    if "*" not in phrase:
        return normalise(phrase)
    stars = [(normalise(word), "*" if word.endswith("*") else "") for word in phrase.split()]
    if "*" in phrase.replace("* ", " ").removesuffix("*"):
        raise ValueError(f"in {phrase!r} a * stands elsewhere than at the end of a word")
    if any(star and not word for word, star in stars):
        raise ValueError(f"in {phrase!r} a * stands alone")
    return " ".join(word + star for word, star in stars if word)


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Phrases of one tactic. `hints`: what the recogniser is told to expect, where that isn't every phrase
    without a stem.
    """

    tactic: Tactic
    phrases: tuple[str, ...]
    reason: str = ""
    hints: tuple[str, ...] | None = None


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """The keywords of a language in groups, the most telling first. Raises ValueError."""

    language: Language
    group: tuple[Group, ...]

    def __post_init__(self) -> None:
        found = [compared(phrase) for group in self.group for phrase in group.phrases]
        if not found:
            raise ValueError("a catalogue needs a phrase: without one no call would ever be judged")
        if len(found) > MOST_PHRASES:
            raise ValueError(f"{len(found)} phrases are more than {MOST_PHRASES}")
        twice = sorted({phrase for phrase in found if found.count(phrase) > 1})
        if twice:
            raise ValueError(f"the same phrase stands there twice: {', '.join(twice)}")

    @cached_property
    def phrases(self) -> tuple[str, ...]:
        """Every phrase as it is compared; at the end the one that the canary says."""
        said = [compared(phrase) for group in self.group for phrase in group.phrases]
        own = canary.phrase(self.language)
        return tuple(said) if own in said else (*said, own)

    @cached_property
    def hints(self) -> tuple[str, ...]:
        """What the recogniser is told, as it is spelled; within Twilio's limits."""
        told = [hint for group in self.group for hint in _hints(group)]
        return tuple(dict.fromkeys(hint.replace(",", " ") for hint in told))[:MOST_HINTS]

    @cached_property
    def digest(self) -> str:
        """Twelve letters that change when the catalogue does."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:12]


def _hints(group: Group) -> Iterable[str]:
    if group.hints is not None:
        return (hint[:MOST_LETTERS] for hint in group.hints)
    return (phrase for phrase in group.phrases if "*" not in phrase)


class Matcher:
    """Finds the phrases of a catalogue in words, as the trigger in the database does."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._by_first: dict[str, list[tuple[str, list[str]]]] = {}
        for phrase in phrases:
            words = phrase.split()
            self._by_first.setdefault(words[0], []).append((phrase, words))

    def heard(self, words: str) -> list[str]:
        """The phrases that occur in the normalised `words`, sorted."""
        said = words.split()
        return sorted(
            {phrase for place, word in enumerate(said) for phrase in self._starting(said, place, word)}
        )

    def _starting(self, said: list[str], place: int, word: str) -> Iterable[str]:
        beginnings = (f"{word[:length]}*" for length in range(LEAST_STEM, len(word) + 1))
        for first in (word, *beginnings):
            for phrase, words in self._by_first.get(first, ()):
                if occurs_at(words, said, place):
                    yield phrase


def occurs_at(phrase: list[str], said: list[str], place: int) -> bool:
    """Whether the words of a phrase stand at a place of what was said."""
    here = said[place : place + len(phrase)]
    return len(here) == len(phrase) and all(map(_is, phrase, here))


def _is(wanted: str, word: str) -> bool:
    return word.startswith(wanted[:-1]) if wanted.endswith("*") else word == wanted
