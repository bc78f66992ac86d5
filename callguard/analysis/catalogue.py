"""Catalogues as TOML files: the ones that ship with callguard, and an operator's own."""

import tomllib
from functools import cache
from importlib import resources
from pathlib import Path

import msgspec
import tomli_w

from callguard.domain.keywords import LANGUAGES, Catalogue, Language
from callguard.errors import KeywordsError


@cache
def shipped_catalogue(language: Language) -> Catalogue:
    """The keywords that ship with callguard for a language."""
    file = resources.files("callguard.analysis") / "keywords" / f"{language}.toml"
    return parse(file.read_text(encoding="utf-8"))


def shipped_catalogues() -> tuple[Catalogue, ...]:
    """One for each language."""
    return tuple(shipped_catalogue(language) for language in LANGUAGES)


def shipped_hints() -> dict[str, tuple[str, ...]]:
    """What the recogniser is told where a tenant's own catalogue can't be asked for, by language."""
    return {catalogue.language: catalogue.hints for catalogue in shipped_catalogues()}


def read(path: Path) -> Catalogue:
    """An operator's file. Raises KeywordsError: where it is wrong, and why."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise KeywordsError(
            f"The keyword file can't be read ({type(error).__name__}): {path}", code="KEYWORDS_UNREADABLE"
        ) from None


def parse(text: str) -> Catalogue:
    """Raises KeywordsError."""
    try:
        return msgspec.convert(tomllib.loads(text), Catalogue)
    except tomllib.TOMLDecodeError as error:
        raise KeywordsError(f"The keyword file is no TOML: {error}.", code="KEYWORDS_NO_TOML") from None
    except msgspec.ValidationError as error:
        raise KeywordsError(f"The keyword file is wrong: {error}.") from None


def write(catalogue: Catalogue) -> str:
    """The file that says what the catalogue says."""
    return tomli_w.dumps(msgspec.to_builtins(catalogue), multiline_strings=False)
