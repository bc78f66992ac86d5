"""`callguard batch`."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from callguard.cli.progress import tracked
from callguard.cli.report_file import write_report
from callguard.cli.running import printable, tell
from callguard.cli.score import MODEL
from callguard.cli.voice_batch import Row, in_processes, rows_as_csv
from callguard.config import load_settings
from callguard.errors import ConfigurationError
from callguard.voice.deepfake.detectors import Choice
from callguard.voice.deepfake.labels import RiskLevel
from callguard.voice.files import CONTAINERS

SUFFIXES = frozenset(suffix for suffixes in CONTAINERS.values() for suffix in suffixes)
NOTHING_SCORED = 1


class Report(msgspec.Struct, frozen=True):
    """The report of a folder. `errors` counts recordings without a score: damaged ones and unscored ones."""

    total_calls: int
    high_risk: int
    medium_risk: int
    low_risk: int
    unscored: int
    errors: int
    average_score: float | None
    model_version: str
    timestamp: str
    high_risk_calls: list[Row]
    medium_risk_calls: list[Row]
    calls: list[Row]


def batch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of recordings.")],
    report: Annotated[Path, typer.Option(help="Where the report goes; .csv writes the rows alone.")] = Path(
        "call_center_risk_report.json"
    ),
    model: Annotated[str | None, MODEL] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, max=256, help="Processes; all cores.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, too.")] = False,
) -> None:
    """Score all recordings of a folder and its folders. Status 1: none could be scored."""
    choice = Choice.of(load_settings(), model)
    choice.load()  # what can't be used is said before any process starts
    files = _recordings(folder)
    rows = in_processes(files, choice, concurrency or _cores())
    told = _report(sorted(tracked("scored", rows, len(files)), key=lambda row: row.file_path))
    _write(report, told)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        _print(Console(highlight=False), told)
    if told.errors == told.total_calls:
        raise typer.Exit(NOTHING_SCORED)


def _recordings(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is no folder. Give one that holds recordings.")
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    recordings = [path for path in found if path.suffix.lower() in SUFFIXES]
    if not recordings:
        raise ConfigurationError(f"There are no recordings in {folder}. Give a folder that holds some.")
    if len(found) > len(recordings):
        tell(f"Not recordings by their names, and left out: {len(found) - len(recordings)} of {len(found)}.")
    return recordings


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _report(rows: list[Row]) -> Report:
    by_level = {level: [row for row in rows if row.risk_level is level] for level in RiskLevel}
    scores = [row.score for row in rows if row.score is not None]
    unscored = len(by_level[RiskLevel.UNSCORED])
    return Report(
        total_calls=len(rows),
        high_risk=len(by_level[RiskLevel.HIGH]),
        medium_risk=len(by_level[RiskLevel.MEDIUM]),
        low_risk=len(by_level[RiskLevel.LOW]),
        unscored=unscored,
        errors=len(by_level[RiskLevel.ERROR]) + unscored,
        average_score=sum(scores) / len(scores) if scores else None,
        model_version=", ".join(sorted({row.model_version for row in rows if row.model_version})),
        timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
        high_risk_calls=by_level[RiskLevel.HIGH],
        medium_risk_calls=by_level[RiskLevel.MEDIUM],
        calls=rows,
    )


def _write(path: Path, told: Report) -> None:
    if path.suffix.lower() != ".csv":
        write_report(path, msgspec.json.format(msgspec.json.encode(told)).decode())
        return
    write_report(path, rows_as_csv(told.calls))


def _print(console: Console, told: Report) -> None:
    console.print("CALL CENTER RISK REPORT", style="bold")
    console.print(
        f"{told.total_calls} recordings: {told.high_risk} high risk, {told.medium_risk} medium, "
        f"{told.low_risk} low, {told.errors} without a score ({told.unscored} unscored)."
    )
    if told.average_score is not None:
        console.print(f"Average score {told.average_score:.3f}, by {told.model_version}.", markup=False)
    for row in told.high_risk_calls:
        console.print(f"  HIGH  {row.score:.2f}  {printable(row.file_path)}", markup=False, style="red")
    for row in told.calls:
        if row.risk_level in (RiskLevel.ERROR, RiskLevel.UNSCORED):
            why = printable(row.error or row.reason or "")
            console.print(f"  {row.risk_level}  {printable(row.file_path)}: {why}", markup=False)
