"""The words that people agree to before their voice is enrolled: one file a version, in five languages."""

import tomllib
from importlib import resources
from typing import Final

WORDING: Final = "2026-11"
"""The version in force. A new one gets a file of its own: what somebody agreed to can always be read."""

_FILES: Final = resources.files("callguard.voiceprints") / "wordings"


def versions() -> list[str]:
    """All that anybody may have agreed to, oldest first."""
    return sorted(file.name.removesuffix(".toml") for file in _FILES.iterdir())


def words(version: str = WORDING) -> dict[str, str]:
    """By language, such as `en`."""
    return tomllib.loads((_FILES / f"{version}.toml").read_text(encoding="utf-8"))
