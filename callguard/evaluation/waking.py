"""What wakes the analysis of a call: looked for in the same words as by the trigger, without a database."""

from collections.abc import Collection, Sequence
from pathlib import Path

from callguard.analysis.catalogue import read, shipped_catalogue
from callguard.domain.keywords import LANGUAGES, Matcher
from callguard.domain.transcript import Speaker, Utterance
from callguard.domain.words import normalise, tail

Phrases = tuple[str, ...]


def shipped_phrases(language: str) -> Phrases:
    """The phrases that ship with callguard for a language; none where there are none."""
    known = next((known for known in LANGUAGES if known == language), None)
    return () if known is None else shipped_catalogue(known).phrases


def read_phrases(path: Path) -> tuple[str, Phrases]:
    """The language of a keyword file and its phrases. Raises KeywordsError."""
    catalogue = read(path)
    return catalogue.language, catalogue.phrases


def woken_at(utterances: Sequence[Utterance], phrases: Collection[str]) -> int | None:
    """The first utterance (from 0) in which a keyword is heard, with the words before it on its track; None
    where none is.
    """
    before: dict[Speaker, str] = {}
    matcher = Matcher(phrases)
    for place, utterance in enumerate(utterances):
        words = normalise(utterance.text)
        if matcher.heard(f"{tail(before.get(utterance.speaker, ''))} {words}"):
            return place
        before[utterance.speaker] = words
    return None
