"""A report written to a file of the person's choosing."""

import os
from pathlib import Path

from callguard.cli.running import tell
from callguard.errors import ConfigurationError

_OWNER_ALONE = 0o600


def write_report(path: Path, html: str) -> None:
    """Writes it, for its owner's eyes: it may tell of people's calls.

    Raises ConfigurationError where it can't be written.
    """
    try:
        with open(
            path, "w", encoding="utf-8", opener=lambda p, flags: os.open(p, flags, _OWNER_ALONE)
        ) as file:
            file.write(html)
    except OSError as error:
        raise ConfigurationError(f"The report can't be written ({type(error).__name__}): {path}") from None
    tell(f"Report: {path}")
