"""Manifests of labelled recordings: CSV with the columns path, label, source, speaker, and maybe codec.

`path` is relative to the manifest. `label`: human (bonafide, real, genuine) or synthetic (spoof, fake).
`source`: the engine of a synthetic voice, the corpus of a human one. `codec`: what it went through.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callguard.errors import ProtocolError

LABELS: Final = {
    **dict.fromkeys(("human", "bonafide", "bona-fide", "real", "genuine"), False),
    **dict.fromkeys(("synthetic", "spoof", "fake"), True),
}
COLUMNS: Final = ("path", "label", "source", "speaker")


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording of the manifest; `number` is its place there, from 0."""

    number: int
    path: Path
    name: str
    is_synthetic: bool
    source: str
    speaker: str
    codec: str | None


def read_manifest(path: Path) -> list[Clip]:
    """All recordings of a manifest. Raises ProtocolError naming the first line that is wrong."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            clips = list(_clips(csv.DictReader(file, strict=True), path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ProtocolError(f"The manifest {path} can't be read ({type(error).__name__}).") from None
    if len({clip.is_synthetic for clip in clips}) < 2:
        raise ProtocolError(f"The manifest {path} must name recordings of both labels, human and synthetic.")
    return clips


def _clips(rows: "csv.DictReader[str]", path: Path) -> Iterator[Clip]:
    missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise ProtocolError(
            f"The manifest {path} lacks the column {missing[0]}. It needs {','.join(COLUMNS)}."
        )
    for number, row in enumerate(rows):
        cells = {name: (row[name] or "").strip() for name in COLUMNS}
        empty = [name for name, cell in cells.items() if not cell]
        if empty:
            raise ProtocolError(f"Line {rows.line_num} of {path} has no {empty[0]}.")
        label = LABELS.get(cells["label"].lower())
        if label is None:
            raise ProtocolError(f"Line {rows.line_num} of {path}: label must be human or synthetic.")
        yield Clip(
            number=number,
            path=path.parent / cells["path"],
            name=cells["path"],
            is_synthetic=label,
            source=cells["source"],
            speaker=cells["speaker"],
            codec=(row.get("codec") or "").strip() or None,
        )
