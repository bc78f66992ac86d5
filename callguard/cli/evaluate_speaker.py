"""`callguard evaluate speaker`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from callguard.cli.progress import tracked
from callguard.cli.voiceprints import recording
from callguard.evaluation.speaker import (
    Recording,
    SpeakerEvaluation,
    embedded,
    evaluated,
    read_manifest,
)
from callguard.evaluation.statistics import Estimate
from callguard.voice.speaker import model
from callguard.voice.speaker.speech import Samples
from callguard.voice.speaker.voiceprint import SAMPLES_NEEDED

WIDTH = 130


def speaker(
    manifest: Annotated[
        Path, typer.Argument(help="CSV file with the columns path and speaker, and maybe corpus.")
    ],
    clips: Annotated[int, typer.Option(min=1, max=10, help="Recordings to enroll with.")] = SAMPLES_NEEDED,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Enroll every speaker of a manifest, compare with all others, and tell how often that goes wrong.

    Nothing is kept. Intervals are of 95 %, by speaker.
    """
    voices = model.load()
    rows = read_manifest(manifest)
    told = evaluated(embedded(_heard(rows), voices), voices, clips)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        _print(told)


def _heard(rows: list[Recording]) -> Iterator[tuple[Recording, Samples]]:
    for row in tracked("recordings", rows, len(rows)):
        yield row, recording(row.path)


def _print(told: SpeakerEvaluation) -> None:
    console = Console(highlight=False)
    console.width = console.width if console.is_terminal else WIDTH
    console.print(
        f"{told.recordings} recordings of {told.speakers} speakers ({told.unused} with too little speech), "
        f"{told.enrolled_clips} enrolled; {told.model}"
    )
    table = Table("", "EER", "others verified", "same verified", "same refused", "same, others", "speakers")
    for part in told.errors:
        rates = (part.eer, part.others_verified, part.same_verified, part.same_refused)
        table.add_row(part.name, *map(_rate, rates), f"{part.same}, {part.others}", str(part.speakers))
    console.print(table)
    bins = ", ".join(f"{bin_.said:.2f} is {bin_.true:.2f} ({bin_.count})" for bin_ in told.reliability)
    console.print(
        f"Confidence said and true: {bins}; expected calibration error {told.calibration_error:.3f}"
    )


def _rate(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    return f"{estimate.value:.1%} ({estimate.low:.1%}-{estimate.high:.1%})"
