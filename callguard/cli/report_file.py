"""A report or a picture written to a file of the person's choosing."""

import os
from pathlib import Path

from callguard.cli.running import tell
from callguard.errors import ConfigurationError

_OWNER_ALONE = 0o600


def write_report(path: Path, html: str) -> None:
    """Writes it, for its owner's eyes: it may tell of people's calls.

    Raises ConfigurationError where it can't be written.
    """
    _write(path, html.encode(), "report")


def write_picture(path: Path, png: bytes) -> None:
    """Writes a PNG file in the same way."""
    _write(path, png, "picture")


def _write(path: Path, content: bytes, what: str) -> None:
    try:
        with open(path, "wb", opener=lambda p, flags: os.open(p, flags, _OWNER_ALONE)) as file:
            file.write(content)
    except OSError as error:
        raise ConfigurationError(f"The {what} can't be written ({type(error).__name__}): {path}") from None
    tell(f"{what.capitalize()}: {path}")
