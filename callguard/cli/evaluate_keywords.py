"""`callguard evaluate keywords`: which calls a catalogue wakes, and in time."""

import json as json_format
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from callguard.analysis.catalogue import read, shipped_catalogue
from callguard.domain.keywords import LANGUAGES, Catalogue
from callguard.domain.proportions import wilson
from callguard.errors import KeywordsError
from callguard.evaluation.dialogues import Dialogue, growing, read_dialogues
from callguard.evaluation.waking import woken_at

SCAM, HARD, PLAIN = KINDS = ("scam, by the telling turn", "honest, hard", "honest, plain")


@dataclass(frozen=True, slots=True)
class Share:
    """How many calls of a kind were woken, with the interval that holds the true share 95 times in 100."""

    language: str
    split: str
    kind: str
    woken: int
    calls: int
    share: float
    low: float
    high: float


def wakes(phrases: Collection[str], dialogue: Dialogue) -> bool:
    """Whether a call is woken: a fraud by its telling turn, an honest call at all."""
    utterances = tuple(growing(dialogue))[-1]
    place = woken_at(utterances, phrases)
    if place is None or dialogue.telling_turn is None:
        return place is not None
    return utterances[place].sequence <= dialogue.telling_turn


def shares(dialogues: Iterable[Dialogue], own: Catalogue | None = None) -> list[Share]:
    """The shares by language, split and kind, of the shipped catalogues or, in its language, of `own`."""
    groups: dict[tuple[str, str, str], list[bool]] = {}
    for dialogue in dialogues:
        language = next((known for known in LANGUAGES if known == dialogue.lang), None)
        if language is None or dialogue.label not in ("scam", "benign"):
            continue
        catalogue = own if own is not None and own.language == language else shipped_catalogue(language)
        kind = SCAM if dialogue.label == "scam" else HARD if dialogue.hard else PLAIN
        woken = wakes(catalogue.phrases, dialogue)
        groups.setdefault((language, dialogue.split or "all", kind), []).append(woken)
    return [
        Share(*group, sum(woken), len(woken), sum(woken) / len(woken), *wilson(sum(woken), len(woken)))
        for group, woken in sorted(groups.items(), key=lambda item: (item[0][:2], KINDS.index(item[0][2])))
    ]


def keywords(
    files: Annotated[list[Path], typer.Argument(help="Dialogues, one JSON object a line, labelled.")],
    catalogue: Annotated[
        Path | None, typer.Option(help="A keyword file in place of the shipped one of its language.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Tell how many frauds the keywords wake in time, and how many honest calls beside them.

    The matching is that of the trigger in the database. Waking says nothing about guilt.
    """
    dialogues = [dialogue for file in files for dialogue in read_dialogues(file)]
    found = shares(dialogues, None if catalogue is None else read(catalogue))
    if not found:
        raise KeywordsError("No call in these files has a label (scam, benign) and a language known here.")
    if json:
        print(json_format.dumps([asdict(share) for share in found]))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("language", "split", "calls", "woken", "of", "share", "95 % interval"):
        table.add_column(column, no_wrap=True)
    for row in found:
        interval = f"{row.low:.3f}-{row.high:.3f}"
        table.add_row(
            row.language, row.split, row.kind, str(row.woken), str(row.calls), f"{row.share:.3f}", interval
        )
    Console(highlight=False).print(table)
