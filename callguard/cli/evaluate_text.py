"""`callguard evaluate text`."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from callguard.analysis.models import SHIPPED, load
from callguard.cli.evaluation_tables import print_evaluation
from callguard.cli.progress import tracked
from callguard.cli.report_file import write_report
from callguard.errors import ConfigurationError
from callguard.evaluation.dialogues import Dialogue, read_dialogues
from callguard.evaluation.evaluation import Tried, evaluation, replays
from callguard.evaluation.rendering import render_evaluation
from callguard.evaluation.replay import Replay

# A table has nine columns; where nobody looks, there is no screen to be too narrow.
WIDTH = 110


class Split(StrEnum):
    """The part of the authored dialogues."""

    TRAIN = "train"
    VALIDATION = "validation"


def text(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="JSONL files of labelled dialogues.")
    ],
    model: Annotated[
        list[str] | None, typer.Option(help="The scorer; several are compared with the first.")
    ] = None,
    split: Annotated[Split | None, typer.Option(help="Leave out dialogues of another split.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a report to this file.")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes at once.")] = 1,
) -> None:
    """Judge dialogues turn by turn and tell how well that went, with intervals of 95 %."""
    names = model or [SHIPPED]
    versions = [load(name).version for name in names]
    found = [dialogue for file in files for dialogue in read_dialogues(file, labelled=True)]
    chosen = [dialogue for dialogue in found if split is None or dialogue.split in (None, split)]
    if not chosen:
        raise ConfigurationError(f"All {len(found)} dialogues are of another split than '{split}'.")
    tried = [
        Tried(name, version, tuple(_replays(chosen, name, jobs)))
        for name, version in zip(names, versions, strict=True)
    ]
    told = evaluation([file.name for file in files], split, len(found) - len(chosen), tried)
    if html is not None:
        write_report(html, render_evaluation(told, tried))
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        console = Console(highlight=False)
        console.width = console.width if console.is_terminal else WIDTH
        print_evaluation(console, told)


def _replays(dialogues: list[Dialogue], model: str, jobs: int) -> Iterator[Replay]:
    yield from tracked(model, replays(dialogues, model, jobs), len(dialogues))
