"""`callguard backtest`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from callguard.cli.database import opened_database
from callguard.cli.progress import tracked
from callguard.cli.report_file import write_report
from callguard.cli.running import run
from callguard.config import load_settings
from callguard.errors import ConfigurationError
from callguard.evaluation.backtest import Backtest, CallLine, Outcome, compared
from callguard.evaluation.backtest import backtest as summed
from callguard.evaluation.backtest_page import render_backtest
from callguard.evaluation.dialogues import read_dialogues
from callguard.evaluation.setups import (
    as_calls,
    bundled_dialogues,
    current_setup,
    described,
    other_setup,
    read_policy,
)
from callguard.evaluation.stored import Stored, stored_calls
from callguard.evaluation.waking import read_phrases

# A table has nine columns; where nobody looks, there is no screen to be too narrow.
WIDTH = 130


def backtest(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE...]", help="JSONL files of dialogues, in place of stored calls."),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only stored calls from this day on (UTC).")
    ] = None,
    bundled: Annotated[bool, typer.Option("--bundled", help="The calls that come with callguard.")] = False,
    model: Annotated[str | None, typer.Option(help="Another scorer.")] = None,
    keywords: Annotated[
        list[Path] | None, typer.Option(help="Keyword file, in place of a language's keywords.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="after_keyword, local_always, always, or a TOML file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a report to this file.")] = None,
    show_words: Annotated[
        bool, typer.Option("--show-words", help="With what was said, which is personal.")
    ] = False,
) -> None:
    """Try calls again with another set-up, offline, and print what would change. Nobody is alerted."""
    before = current_setup()
    phrases = dict(read_phrases(path) for path in keywords or [])
    after = other_setup(model, phrases, read_policy(policy) if policy is not None else None)
    if since is not None and (files or bundled):
        raise ConfigurationError("--since is of stored calls: leave it out with files and with --bundled.")
    if files or bundled:
        dialogues = bundled_dialogues() if bundled else []
        dialogues += [dialogue for path in files or [] for dialogue in read_dialogues(path)]
        source, stored = "dialogues", Stored(tuple(as_calls(dialogues)), without_consent=0)
    else:
        source, stored = "stored calls", run(_stored(since))
    calls = stored.calls
    found = list(tracked("calls", (compared(call, before, after) for call in calls), len(calls)))
    told = summed(
        source, (described(before), described(after)), found, stored.without_consent, show_words=show_words
    )
    if html is not None:
        write_report(html, render_backtest(told, found))
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        _print(told)


async def _stored(since: datetime | None) -> Stored:
    async with opened_database(load_settings()) as database:
        return await stored_calls(database, since.replace(tzinfo=UTC) if since else None)


def _print(told: Backtest) -> None:
    console = Console(highlight=False)
    console.width = console.width if console.is_terminal else WIDTH
    console.print(f"{told.calls} calls ({told.source}), tried again offline. Nobody was alerted.")
    if told.without_consent:
        console.print(
            f"{told.without_consent} more were left out: their people have not set replay_calls.",
            style="yellow",
        )
    console.print(f"now:   {told.setups[0]}", markup=False, soft_wrap=True)
    console.print(f"other: {told.setups[1]}", markup=False, soft_wrap=True)
    console.print(_totals(told))
    for change, count in told.changes.items():
        console.print(f"  {count:5d}  {change}", markup=False)
    if told.changed:
        console.print(_changed(told.changed))
    for line in told.changed:
        if line.words is not None:
            console.print(f"\n{line.id}", style="bold", markup=False)
            console.print("\n".join(line.words), markup=False, soft_wrap=True)


def _totals(told: Backtest) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("calls")
    for name in ("all", "woken", "warning", "danger"):
        table.add_column(name, justify="right")
    for name, before in told.before.items():
        after = told.after[name]
        table.add_row(
            name,
            str(before.calls),
            f"{before.woken} -> {after.woken}",
            f"{before.warned} -> {after.warned}",
            f"{before.in_danger} -> {after.in_danger}",
        )
    return table


def _changed(lines: tuple[CallLine, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("call", no_wrap=True)
    for name in ("when", "truth", "change"):
        table.add_column(name)
    for name in ("risk", "woken at turn", "alert", "stored then"):
        table.add_column(name, justify="right")
    for line in lines:
        before, after = line.before, line.after
        table.add_row(
            line.id,
            f"{line.at:%Y-%m-%d %H:%M}" if line.at else "-",
            line.label or "-",
            line.change,
            f"{before.risk} -> {after.risk}",
            f"{_shown(before.woken_turn)} -> {_shown(after.woken_turn)}",
            f"{_alert(before)} -> {_alert(after)}",
            _shown(line.told),
        )
    return table


def _alert(outcome: Outcome) -> str:
    return f"{outcome.level} {outcome.alert_turn}" if outcome.level else "-"


def _shown(value: int | None) -> str:
    return "-" if value is None else str(value)
