"""The default keywords: what wakes the analyzer. Broad on purpose; the judgement comes afterwards."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from callguard.domain.signals import Tactic


@dataclass(frozen=True, slots=True)
class Keyword:
    """A phrase in the form of `callguard.domain.words`, matched as whole words."""

    phrase: str
    language: str
    tactic: Tactic


@cache
def default_catalogue(language: str) -> tuple[Keyword, ...]:
    """The keywords shipped for a language such as 'en', in the file's order; empty where there are none yet.

    Empty and not English: English words would wake nothing in another language, and seem to protect.
    """
    file = resources.files("callguard.analysis") / "keywords" / f"{language}.toml"
    if not file.is_file():
        return ()
    groups = tomllib.loads(file.read_text(encoding="utf-8"))["group"]
    return tuple(
        Keyword(phrase, language, Tactic(group["tactic"])) for group in groups for phrase in group["phrases"]
    )
