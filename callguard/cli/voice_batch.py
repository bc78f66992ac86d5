"""Many recordings at once, in as many processes as there are cores; none of them can end the run."""

import csv
import io
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import msgspec

from callguard.errors import CallguardError
from callguard.voice.deepfake.detectors import Choice
from callguard.voice.deepfake.labels import Label, RiskLevel
from callguard.voice.deepfake.port import Detector, Reason
from callguard.voice.deepfake.results import scored
from callguard.voice.reading import READ_S, pieces

AHEAD: Final = 2
"""Recordings handed to each process before it asks."""


@dataclass(frozen=True, slots=True)
class Row:
    """A recording in the report. `reason` says why it has no score, `error` what is wrong with the file."""

    call_id: str
    file_path: str
    score: float | None
    label: Label
    risk_level: RiskLevel
    timestamp: str
    low: float | None = None
    high: float | None = None
    reason: Reason | None = None
    speech_seconds: float | None = None
    duration_seconds: float | None = None
    error: str | None = None
    error_code: str | None = None
    model_version: str | None = None


def in_processes(files: Sequence[Path], choice: Choice, processes: int) -> Iterator[Row]:
    """A row for each file, as they get ready.

    Where a file takes its process down with it, those that were in the processes' hands are scored again one
    by one until it is found.
    """
    waiting = deque(files)
    while waiting:
        suspects = deque((yield from _until_broken(waiting, choice, processes, AHEAD * processes)))
        while suspects:
            for culprit in (yield from _until_broken(suspects, choice, 1, 1)):
                yield _failed(culprit, "Its process died over it.", "AUDIO_UNREADABLE")


def _until_broken(
    waiting: deque[Path], choice: Choice, processes: int, most: int
) -> Generator[Row, None, list[Path]]:
    """Rows until none waits or a process died; gives back the files that were handed out then, `most` of
    them.
    """
    running: dict[Future[Row], Path] = {}
    with ProcessPoolExecutor(
        min(processes, len(waiting)),
        mp_context=get_context("spawn"),
        initializer=_start,
        initargs=(choice,),
    ) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < most:
                    running[pool.submit(_row, waiting[0])] = waiting[0]
                    waiting.popleft()
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    row = done.result()
                    del running[done]
                    yield row
        except BrokenProcessPool:
            return list(running.values())
    return []


_detector: Detector | None = None


def _start(choice: Choice) -> None:
    """Each process loads the detector once."""
    global _detector  # noqa: PLW0603  # a process of a pool keeps what its initializer made nowhere else
    _detector = choice.load()


def _row(path: Path) -> Row:
    assert _detector is not None  # the initializer ran, or the process would not be here
    try:
        told = scored(str(path), pieces(path, READ_S), _detector)
    except CallguardError as error:
        return _failed(path, error.message, error.code)
    except Exception as error:  # noqa: BLE001  # a decoder may raise anything over a damaged file
        return _failed(path, f"It can't be read ({type(error).__name__}).", "AUDIO_UNREADABLE")
    return Row(
        call_id=path.stem,
        file_path=str(path),
        score=told.score,
        label=told.label,
        risk_level=told.risk_level,
        timestamp=_now(),
        low=told.low,
        high=told.high,
        reason=told.reason,
        speech_seconds=told.speech_seconds,
        duration_seconds=told.duration_seconds,
        model_version=told.model_version,
    )


def _failed(path: Path, error: str, code: str) -> Row:
    return Row(
        path.stem, str(path), None, Label.UNCERTAIN, RiskLevel.ERROR, _now(), error=error, error_code=code
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def rows_as_csv(rows: Sequence[Row]) -> str:
    """The rows as CSV, with a heading; a name that a spreadsheet would compute is kept from it by a quote."""
    file = io.StringIO()
    table = csv.DictWriter(file, fieldnames=Row.__slots__, lineterminator="\n")
    table.writeheader()
    for row in rows:
        cells = msgspec.to_builtins(row)
        table.writerow({name: _harmless(value) for name, value in cells.items()})
    return file.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value
