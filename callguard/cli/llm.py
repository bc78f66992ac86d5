"""`callguard llm`: what the LLM judge was asked, and what that cost."""

from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from callguard.analysis.llm_book import DayUse, dollars, use_of_all
from callguard.cli.database import opened_database
from callguard.cli.running import run
from callguard.config import load_settings

llm = typer.Typer(help="What the LLM judge was asked, and what that cost.", no_args_is_help=True)


@llm.callback()
def _root() -> None:
    """A group, though it has one command yet."""


@llm.command()
def usage(
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days (UTC), today with them.")] = 7,
    json: Annotated[bool, typer.Option("--json", help="As JSON, one object a day and model.")] = False,
) -> None:
    """Show each organisation's use of the LLM judge, day by day, and where its daily budget was spent."""
    found = run(_found(days))
    if json:
        print(msgspec.json.encode(found).decode())
    elif found:
        _print(found)
    else:
        print("The LLM judge was not asked in these days.")


async def _found(days: int) -> list[DayUse]:
    async with opened_database(load_settings()) as database:
        return await use_of_all(database, days)


def _print(found: list[DayUse]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("day", "organisation", "model"):
        table.add_column(column, overflow="fold")
    for column in ("questions", "answered", "tokens sent", "answered with", "cost", "median ms"):
        table.add_column(column, justify="right")
    table.add_column("")
    for use in found:
        notes = ["tokens in part estimated"] if use.is_estimated else []
        notes += ["budget spent"] if use.budget_spent else []
        table.add_row(
            str(use.day), use.organisation, use.model, str(use.questions), str(use.answered),
            str(use.prompt_tokens), str(use.completion_tokens), dollars(use.micro_usd) or "unknown",
            str(use.median_ms), ", ".join(notes),
        )  # fmt: skip
    Console(highlight=False).print(table)
