"""`callguard memory`: what is remembered of a caller, and forgetting it."""

from typing import Annotated
from uuid import UUID

import typer

from callguard.cli.database import opened_database
from callguard.cli.running import run, tell
from callguard.config import Settings, load_settings
from callguard.domain.caller import WITHHELD, caller_number
from callguard.domain.feedback import Answer
from callguard.domain.memory import history
from callguard.domain.signals import AttestationLevel
from callguard.memory.book import PURPOSE, Memory, Remembered
from callguard.trust.keys import load_keys

memory = typer.Typer(help="Show and forget what is remembered of callers.", no_args_is_help=True)

_SAID = {
    Answer.SCAM: "said to be a scam",
    Answer.NOT_SCAM: "said to be fine",
    Answer.UNSURE: "nobody was sure",
}


@memory.command()
def show(number: Annotated[str, typer.Argument(help="The caller's number, such as +12025550190.")]) -> None:
    """Show what is remembered of NUMBER, by organisation, and what it counts for now."""
    found = run(_remembered(load_settings(), _number(number)))
    for organisation, calls in found:
        print(organisation)
        for call in calls:
            print(f"  {_line(call)}")
        for level in (AttestationLevel.A, AttestationLevel.NONE):
            known = history([call.mark for call in calls], level, "en")
            vouched = "vouched for" if level is AttestationLevel.A else "not vouched for"
            print(f"  standing where the number is {vouched}: {known.standing} (-100 safe, 100 fraud)")
            for reason in known.reasons:
                print(f"    {reason}")
    if not found:
        print("Nothing is remembered of this number.")


@memory.command()
def forget(
    number: Annotated[str | None, typer.Argument(help="A caller's number.")] = None,
    person: Annotated[
        str | None, typer.Option(help="All that the calls to the person of this e-mail address left.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every caller, of everybody.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --all: don't ask.")] = False,
) -> None:
    """Forget a caller: the number and the words of its calls. What people said of each call stays with it."""
    if [number is not None, person is not None, every].count(True) != 1:
        raise typer.BadParameter("Name one: a NUMBER, --person, or --all.")
    if every and not yes:
        typer.confirm("Forget every caller that is remembered here?", abort=True)
    count = run(_forget(load_settings(), _number(number) if number is not None else None, person))
    tell(f"Forgot {count} call{'' if count == 1 else 's'}.")


def _number(text: str) -> str:
    number = caller_number(text)
    if number == WITHHELD:
        raise typer.BadParameter("Write the number with its country, as in +12025550190.")
    return number


def _line(call: Remembered) -> str:
    parts = [f"{call.began_at:%Y-%m-%d %H:%M}, a call to {call.person_name}"]
    if call.verdict is not None:
        parts.append(f"judged {call.verdict}")
    if call.people_say is not None and call.people_said_at is not None:
        parts.append(f"{_SAID[call.people_say]} ({call.people_said_at:%Y-%m-%d})")
    if call.has_script:
        parts.append("its words would be known again")
    return "; ".join(parts)


def _book(settings: Settings) -> Memory:
    return Memory(load_keys(settings).derive(PURPOSE), is_on=settings.caller_memory)


async def _remembered(settings: Settings, number: str) -> list[tuple[str, list[Remembered]]]:
    """By the organisation's name."""
    book = _book(settings)
    found = []
    async with opened_database(settings) as database:
        async with database.session() as session:
            tenants: list[UUID] = [row["id"] for row in await session.rows("tenants.ids")]
        for tenant_id in tenants:
            async with database.tenant(tenant_id) as session:
                calls = await book.of_number(session, tenant_id, number)
                if calls:
                    found.append((await session.value("tenants.name", tenant_id), calls))
    return found


async def _forget(settings: Settings, number: str | None, person: str | None) -> int:
    """How many calls were forgotten. Without a number and a person, all."""
    book = _book(settings)
    async with opened_database(settings) as database:
        async with database.session() as session:
            tenants: list[UUID] = [row["id"] for row in await session.rows("tenants.ids")]
        count = 0
        for tenant_id in tenants:
            async with database.tenant(tenant_id) as session:
                count += await book.forget(session, tenant_id, number=number, person=person)
    return count
