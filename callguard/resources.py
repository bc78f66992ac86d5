"""Where the files stand that are not Python: at the top of a checkout, inside the package in a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).parent
_PACKAGED = _PACKAGE / "_resources"
_ROOT = _PACKAGED if _PACKAGED.is_dir() else _PACKAGE.parent

MIGRATIONS = _ROOT / "sql" / "migrations"
QUERIES = _ROOT / "sql" / "queries"
TWIML_TEMPLATES = _ROOT / "twiml_templates"
