"""`callguard people`: who is protected, and how, without SQL."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from callguard.cli.database import opened_database
from callguard.cli.running import run, tell
from callguard.config import load_settings
from callguard.errors import PeopleError
from callguard.people import book
from callguard.people.book import Organisation
from callguard.people.file import Person, read, write

people = typer.Typer(help="Set people up from a file, and show them.", no_args_is_help=True)


@people.command()
def apply(
    file: Annotated[Path, typer.Argument(help="TOML file of an organisation and its people.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
) -> None:
    """Make the database say what FILE says, all of it or nothing. What differs is printed, a line each."""
    changes = run(_apply(file, dry_run=dry_run))
    for line in changes:
        print(line)
    if not changes:
        print("Nothing to change.")
    elif dry_run:
        tell("Nothing was changed: this was a dry run.")


@people.command()
def show(
    toml: Annotated[
        bool, typer.Option("--toml", help="As a file that `callguard people apply` takes.")
    ] = False,
    organisation: Annotated[str | None, typer.Option(help="Only the organisation of this name.")] = None,
) -> None:
    """Show everybody who is protected, with their contacts and wishes."""
    found = run(_found())
    chosen = [each for each in found if organisation in (None, each.name)]
    if organisation is not None and not chosen:
        raise PeopleError("There is no organisation of this name. `callguard people show` lists all.")
    if toml:
        if len(chosen) != 1:
            raise PeopleError("A file holds one organisation: name it with --organisation.")
        print(write(chosen[0].name, chosen[0].people), end="")
        return
    console = Console(highlight=False)
    for each in chosen:
        _print(console, each)
    if not chosen:
        console.print("Nobody yet. Write a people file and give it to `callguard people apply`.")


def _print(console: Console, organisation: Organisation) -> None:
    console.print(organisation.name, style="bold", markup=False)
    for person in organisation.people:
        console.print(f"  {person.name} <{person.email}>", style="bold", markup=False)
        for line in _lines(person):
            console.print(f"    {line}", markup=False, soft_wrap=True)


def _lines(person: Person) -> list[str]:
    said = person.model_dump(mode="json", exclude_none=True, exclude={"name", "email", *book.ELSEWHERE})
    lines = [f"{name}: {value}" for name, value in said.items()]
    lines += [f"{rule}: {number}" for rule in ("allow", "block") for number in getattr(person, rule)]
    lines += [
        f"delivery {place}: {delivery.kind} {delivery.address or person.phone_number}"
        for place, delivery in enumerate(person.delivery, 1)
    ]
    for contact in sorted(person.contact, key=lambda each: each.priority):
        about = contact.model_dump(exclude={"name", "phone_number"}, exclude_defaults=True)
        more = "".join(f", {name}: {value}" for name, value in about.items())
        lines.append(f"contact: {contact.name} {contact.phone_number}{more}")
    return lines


async def _apply(path: Path, *, dry_run: bool) -> list[str]:
    file = read(path)
    async with opened_database(load_settings()) as database:
        return await book.apply(database, file, dry_run=dry_run)


async def _found() -> list[Organisation]:
    async with opened_database(load_settings()) as database:
        return await book.organisations(database)
