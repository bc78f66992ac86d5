"""`callguard validate`: are these recordings fit to be judged?"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.text import Text

from callguard.cli.progress import tracked
from callguard.cli.running import printable
from callguard.errors import AudioError
from callguard.voice.files import AudioFile, empty, opened, write_wav
from callguard.voice.mending import mended, mending
from callguard.voice.validation import Finding, Measured, Severity, findings, measured

ERRORS, UNREADABLE = 1, 2

_BLOCK_S = 10.0
_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


class Verdict(StrEnum):
    """A file's, after it was mended if that was asked for."""

    FINE = "fine"
    WARNINGS = "warnings"
    ERRORS = "errors"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Mended:
    """The new file, what was done, and what is wrong with it still."""

    file: str
    steps: tuple[str, ...]
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a file could not be read, or its mended one not be written."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """All about one file."""

    file: str
    verdict: Verdict
    measured: Measured | None
    findings: list[Finding]
    mended: Mended | None
    refused: Refused | None


def validate(
    audio: Annotated[list[Path], typer.Argument(metavar="AUDIO...", help="Recordings, of any kind of file.")],
    strict: Annotated[bool, typer.Option("--strict", help="Take warnings for errors.")] = False,
    auto_fix: Annotated[
        bool,
        typer.Option(
            "--auto-fix", help="Write a mended copy, NAME.fixed.wav, where there is something to mend."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """Tell whether recordings are fit to be judged: what they are, how they sound, and what to do.

    Status 0: fit, perhaps with warnings. 1: with errors, or with warnings and --strict. 2: a file can't be
    read, or its mended one not be written. With --auto-fix, what counts is what is wrong after it.
    """
    reports = [_report(path, auto_fix=auto_fix) for path in audio]
    counts = Counter(report.verdict for report in reports)
    if as_json:
        told = {"files": reports, "summary": {verdict: counts[verdict] for verdict in Verdict}}
        print(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        _print(reports, counts, auto_fix=auto_fix)
    if counts[Verdict.UNREADABLE] or any(report.refused for report in reports):
        raise typer.Exit(UNREADABLE)
    if counts[Verdict.ERRORS] or (strict and counts[Verdict.WARNINGS]):
        raise typer.Exit(ERRORS)


def _report(path: Path, *, auto_fix: bool) -> Report:
    try:
        of = _measured(path)
    except AudioError as error:
        return Report(str(path), Verdict.UNREADABLE, None, [], None, Refused(error.code, error.message))
    found, repaired, refused = findings(of), None, None
    if auto_fix:
        try:
            repaired = _mended(path, of, found)
        except AudioError as error:
            refused = Refused(error.code, error.message)
    left = found if repaired is None else repaired.findings
    return Report(str(path), _verdict(left), of, found, repaired, refused)


def _measured(path: Path) -> Measured:
    with opened(path) as file:
        of = measured(file, path.suffix, _tracked(file, path.name))
    if not of.duration_s:
        raise empty()
    return of


def _mended(path: Path, of: Measured, found: list[Finding]) -> Mended | None:
    """The file, written anew, and what is left: what can't be mended, and what a second look finds."""
    how = mending(of)
    if how is None:
        return None
    new = path.with_name(f"{path.stem if path.suffix.lower() == '.wav' else path.name}.fixed.wav")
    with opened(path) as file:
        write_wav(new, how.rate, mended(_tracked(file, new.name), of.facts.rate, how))
    left = {finding.code: finding for finding in found if not finding.mendable}
    left |= {finding.code: finding for finding in findings(_measured(new)) if finding.code not in left}
    return Mended(str(new), how.steps, list(left.values()))


def _tracked(file: AudioFile, name: str) -> Iterator[NDArray[np.float32]]:
    return tracked(printable(name), file.blocks(_BLOCK_S), round((file.facts.declared_s or 0) / _BLOCK_S) + 1)


def _verdict(left: list[Finding]) -> Verdict:
    severities = {finding.severity for finding in left}
    if Severity.ERROR in severities:
        return Verdict.ERRORS
    return Verdict.WARNINGS if Severity.WARNING in severities else Verdict.FINE


def _print(reports: list[Report], counts: Counter[Verdict], *, auto_fix: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for report in reports:
        for line in _lines(report):
            console.print(line)
        if auto_fix and report.mended is None and report.measured is not None and report.refused is None:
            console.print("  nothing to mend" if not report.findings else "  nothing of it can be mended")
    if len(reports) > 1:
        summary = ", ".join(f"{count} {_WORDS[verdict]}" for verdict in Verdict if (count := counts[verdict]))
        console.print(f"{len(reports)} files: {summary}")


_WORDS = {
    Verdict.FINE: "fine",
    Verdict.WARNINGS: "with warnings",
    Verdict.ERRORS: "with errors",
    Verdict.UNREADABLE: "unreadable",
}


def _lines(report: Report) -> Iterator[Text]:
    once = ", once mended" if report.mended is not None else ""
    yield Text(f"{printable(report.file)}: {_WORDS[report.verdict]}{once}", style="bold")
    if report.measured is not None:
        yield Text(f"  {_facts(report.measured)}")
    for finding in report.findings:
        yield _finding(finding)
    if report.mended is not None:
        yield Text(
            f"  mended: {printable(report.mended.file)}: {', '.join(report.mended.steps)}", style="green"
        )
        yield Text("  left in it:" if report.mended.findings else "  nothing is left")
        for finding in report.mended.findings:
            yield _finding(finding)
    if report.refused is not None:
        yield Text(f"  {report.refused.message} [{report.refused.code}]", style="bold red")


def _facts(of: Measured) -> str:
    facts, levels = of.facts, of.levels
    told = [
        f"{facts.container} ({facts.encoding})",
        f"{facts.rate} Hz",
        f"{facts.channels} channel{'s' if facts.channels > 1 else ''}",
        f"{of.duration_s:.1f} s",
        f"{of.speech_s:.1f} s of speech",
        f"noise at {levels.noise_dbfs:.0f} dBFS",
    ]
    if levels.active_dbfs is not None:
        told.insert(5, f"level {levels.active_dbfs:.1f} dBFS")
    return ", ".join(told)


def _finding(finding: Finding) -> Text:
    line = Text("  ")
    line.append(f"{finding.severity:<8}", style=_STYLES[finding.severity])
    return line.append(f"{finding.code}: {finding.seen}. {finding.todo}")
