"""SQL lives in `sql/queries/<noun>.sql`; here it is found by name.

A file is a row of `-- name: <name>` headers, each followed by a comment line that says what it is for and one
statement. `QUERIES["calls.open"]` is the statement `open` of `calls.sql`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from callguard.resources import QUERIES as FOLDER

_HEADER = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def load(folder: Path = FOLDER) -> Mapping[str, str]:
    """All statements of a folder of query files, by `noun.name`."""
    statements: dict[str, str] = {}
    for path in sorted(folder.glob("*.sql")):
        parts = _HEADER.split(path.read_text())
        for name, body in zip(parts[1::2], parts[2::2], strict=True):
            statements[f"{path.stem}.{name}"] = body.strip().rstrip(";")
    return MappingProxyType(statements)


QUERIES = load()
