"""A report written to a file of the person's choosing."""

from pathlib import Path

from callguard.cli.running import tell
from callguard.errors import ConfigurationError


def write_report(path: Path, html: str) -> None:
    """Raises ConfigurationError where it can't be written."""
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"The report can't be written ({type(error).__name__}): {path}") from None
    tell(f"Report: {path}")
