"""The lexicon: phrases in a small pattern language over words, and what each one counts for.

`(a|b c)` is one of these, `[a|b]` one of these or nothing, `*` up to three other words. Everything else is
the word itself, in the form of `callguard.domain.words`.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Generic, TypeVar

from callguard.domain.signals import FraudType, Tactic
from callguard.domain.transcript import Speaker
from callguard.domain.words import normalise

T = TypeVar("T")

MAX_GAP = 3

_PART = re.compile(r"\s*(?:\(([^()]+)\)|\[([^\[\]]+)\]|(\*)|([a-z0-9]+))(?=\s|$)")

Words = tuple[str, ...]
Opening = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class _Step:
    """One part of a pattern: the alternatives by their lengths, or a gap."""

    alternatives: frozenset[Words]
    lengths: tuple[int, ...]
    optional: bool
    gap: bool = False

    def ends(self, words: Words, start: int) -> Iterable[int]:
        """Where a match of this part that begins at `start` may end."""
        if self.gap:
            return range(start, min(start + MAX_GAP, len(words)) + 1)
        here = [start] if self.optional else []
        ends = [start + length for length in self.lengths if start + length <= len(words)]
        return here + [end for end in ends if words[start:end] in self.alternatives]


class Pattern:
    """One compiled phrase. Raises ValueError where the text isn't in the pattern language."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._steps = tuple(_parse(text))

    def openings(self) -> set[Opening]:
        """The first two words that a match can begin with; the second is None where any may follow."""
        found: set[Opening] = set()
        for place, step in enumerate(self._steps):
            after = self._words_at(place + 1)
            for first, *more in step.alternatives:
                found.update((first, second) for second in (more[:1] or after))
            if not step.optional:
                break
        return {(first, second) for first, second in found if second is None or (first, None) not in found}

    def _words_at(self, place: int) -> set[str | None]:
        found: set[str | None] = set()
        for step in self._steps[place:]:
            if step.gap:
                return {None}
            found.update(words[0] for words in step.alternatives)
            if not step.optional:
                return found
        return {None}

    def names(self, word: str) -> bool:
        """Whether the pattern spells this word out; a gap may match it all the same."""
        return any(word in words for step in self._steps for words in step.alternatives)

    def match(self, words: Words, start: int) -> int | None:
        """Where the longest match that begins at `start` ends, or None."""
        positions = {start}
        for step in self._steps:
            positions = {end for position in positions for end in step.ends(words, position)}
            if not positions:
                return None
        end = max(positions)
        return end if end > start else None


def _parse(text: str) -> Iterator[_Step]:
    position, required = 0, False
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            raise ValueError(f"Not a phrase pattern: {text!r}, at character {position}.")
        position = part.end()
        choices, option, gap, word = part.groups()
        if gap:
            yield _Step(frozenset(), (), optional=False, gap=True)
            continue
        alternatives = frozenset(tuple(a.split()) for a in (choices or option or word).split("|"))
        if any(normalise(" ".join(a)) != " ".join(a) or not a for a in alternatives):
            raise ValueError(f"Not in the form in which words are compared: {text!r}.")
        lengths = tuple(sorted({len(a) for a in alternatives}))
        required = required or option is None
        yield _Step(alternatives, lengths, optional=option is not None)
    if not required:
        raise ValueError(f"A pattern needs a word that must occur: {text!r}.")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A pattern and what it counts for. Without a tactic it speaks against a fraud."""

    pattern: Pattern
    tactic: Tactic | None
    types: tuple[FraudType, ...]
    weight: float
    speaker: Speaker
    negatable: bool


class Index(Generic[T]):
    """Patterns, each with an item, found by the two words that they begin with."""

    def __init__(self, items: Iterable[tuple[Pattern, T]]) -> None:
        self._by_opening: dict[Opening, list[tuple[Pattern, T]]] = {}
        for pattern, item in items:
            for opening in pattern.openings():
                self._by_opening.setdefault(opening, []).append((pattern, item))

    def matches(self, words: Words) -> Iterator[tuple[int, int, T]]:
        """Every match as (start, end, item), in the order of the words."""
        for start, word in enumerate(words):
            candidates = self._by_opening.get((word, None), [])
            if start + 1 < len(words):
                candidates = candidates + self._by_opening.get((word, words[start + 1]), [])
            for pattern, item in candidates:
                end = pattern.match(words, start)
                if end is not None:
                    yield start, end, item


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The phrases of one language, compiled; the file says what each part is for."""

    version: str
    phrases: Index[Phrase]
    listener: Index[None]
    reported: Index[None]
    reported_words: int
    negators: frozenset[str]
    negation_links: frozenset[str]
    negation_not_after: frozenset[str]
    negation_not_before: frozenset[str]
    negation_reach: int
    negated_by: Index[None]
    digit_words: frozenset[str]


LANGUAGES_WITH_LEXICON = tuple(
    sorted(
        file.name.removesuffix(".toml")
        for file in (resources.files("callguard.analysis") / "lexicon").iterdir()
        if file.name.endswith(".toml")
    )
)


def load_lexicon(language: str = "en") -> Lexicon:
    """The lexicon shipped for a language. Raises ValueError where there is none, or where it is malformed."""
    file = resources.files("callguard.analysis") / "lexicon" / f"{language}.toml"
    if not file.is_file():
        raise ValueError(f"There is no lexicon for language {language!r}.")
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    phrases = [phrase for group in data["group"] for phrase in _phrases(group, data["grades"])]
    negation = data["negation"]
    return Lexicon(
        version=data["version"],
        phrases=Index((phrase.pattern, phrase) for phrase in phrases),
        listener=Index((Pattern(text), None) for text in data["listener"]["phrases"]),
        reported=Index((Pattern(text), None) for text in data["reported"]["phrases"]),
        reported_words=data["reported"]["words"],
        negators=frozenset(negation["words"]),
        negation_links=frozenset(negation["links"]),
        negation_not_after=frozenset(negation["not_after"]),
        negation_not_before=frozenset(negation["not_before"]),
        negation_reach=negation["reach"],
        negated_by=Index((Pattern(text), None) for text in negation.get("after", ())),
        digit_words=frozenset(data["digits"]["words"]),
    )


def versions(lexica: Iterable[Lexicon]) -> str:
    """The versions of several lexica, such as 'de-1 en-1'."""
    return " ".join(sorted(lexicon.version for lexicon in lexica))


def _phrases(group: Mapping[str, Any], grades: Mapping[str, float]) -> Iterator[Phrase]:
    for text in group["phrases"]:
        yield Phrase(
            pattern=Pattern(text),
            tactic=None if group.get("protective") else Tactic(group["tactic"]),
            types=tuple(FraudType(name) for name in group.get("types", ())),
            weight=grades[group["grade"]],
            speaker=Speaker(group.get("speaker", Speaker.CALLER)),
            negatable=group.get("negatable", False),
        )
