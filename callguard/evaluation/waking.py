"""What wakes the analysis of a call: looked for in the same words as by the trigger, without a database."""

import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path

from callguard.analysis.catalogue import default_catalogue
from callguard.domain.transcript import Speaker, Utterance
from callguard.domain.words import contains, normalise, tail
from callguard.errors import ConfigurationError

Phrases = tuple[str, ...]


def shipped_phrases(language: str) -> Phrases:
    """The phrases that ship with callguard for a language; none where there are none yet."""
    return tuple(keyword.phrase for keyword in default_catalogue(language))


def read_phrases(path: Path) -> tuple[str, Phrases]:
    """The language of a keyword file and its phrases: TOML as `callguard/analysis/keywords/en.toml`, with
    `language = "en"` above. Raises ConfigurationError.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        groups = [[str(phrase) for phrase in group["phrases"]] for group in told["group"]]
        language = str(told["language"])
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The keyword file can't be read ({type(error).__name__}): {path}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"The keyword file {path} is no TOML: {error}.") from None
    except (KeyError, TypeError):
        raise ConfigurationError(
            f'The keyword file {path} must hold language = "en" and tables [[group]] with phrases.'
        ) from None
    phrases = tuple(normalise(phrase) for group in groups for phrase in group)
    if not phrases or not all(phrases):
        raise ConfigurationError(f"The keyword file {path} needs phrases, and each phrase words.")
    return language, phrases


def woken_at(utterances: Sequence[Utterance], phrases: Collection[str]) -> int | None:
    """The first utterance (from 0) in which a keyword is heard, with the words before it on its track; None
    where none is.
    """
    before: dict[Speaker, str] = {}
    for place, utterance in enumerate(utterances):
        words = normalise(utterance.text)
        heard = f"{tail(before.get(utterance.speaker, ''))} {words}".strip()
        if any(contains(heard, phrase) for phrase in phrases):
            return place
        before[utterance.speaker] = words
    return None
