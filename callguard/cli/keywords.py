"""`callguard keywords`: what wakes the analyzer, for one organisation, without SQL and without a restart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from callguard.analysis import catalogue_store as store
from callguard.analysis.catalogue import read, write
from callguard.analysis.catalogue_store import SHIPPED, Version
from callguard.cli.database import opened_database
from callguard.cli.running import run, tell
from callguard.config import load_settings
from callguard.db.pool import Session
from callguard.domain.keywords import LANGUAGES, Catalogue, Language
from callguard.errors import KeywordsError
from callguard.people import book

keywords = typer.Typer(help="Show and change the words that wake the analyzer.", no_args_is_help=True)

Of = Annotated[str | None, typer.Option("--organisation", help="Whose; needed where there are several.")]
TenantId = Annotated[UUID | None, typer.Option("--tenant-id", help="Whose, by the tenant's id.")]
In = Annotated[str, typer.Option("--language", help="en, es, fr, de or pt.")]


@keywords.command()
def show(language: In = "en", organisation: Of = None, tenant_id: TenantId = None) -> None:
    """Print the catalogue in force, as a file that `callguard keywords apply` takes."""
    spoken = _language(language)
    version, catalogue = run(_in_force(spoken, organisation, tenant_id))
    tell(f"{language}/{version}: {len(catalogue.phrases)} phrases, {len(catalogue.hints)} hints")
    print(write(catalogue), end="")


@keywords.command()
def apply(
    file: Annotated[Path, typer.Argument(help="TOML file of a catalogue; its language stands in it.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    organisation: Of = None,
    tenant_id: TenantId = None,
) -> None:
    """Put FILE in force as a new version, from the next words on; what changes is printed, a line each."""
    changes, version = run(_apply(read(file), organisation, tenant_id, dry_run=dry_run))
    for line in changes:
        print(line)
    if not changes:
        print("Nothing to change.")
    elif version is None:
        tell("Nothing was changed: this was a dry run.")
    else:
        tell(f"{version} is in force. To go back: callguard keywords versions, then restore.")


@keywords.command()
def versions(language: In = "en", organisation: Of = None, tenant_id: TenantId = None) -> None:
    """List the versions that one may go back to, newest first; * is in force."""
    for version in run(_versions(_language(language), organisation, tenant_id)):
        mark = "*" if version.in_force else " "
        print(f"{mark} {version.name:22} {version.created_at:%Y-%m-%d %H:%M} {version.phrases:4} phrases")


@keywords.command()
def restore(
    version: Annotated[str, typer.Argument(help="Such as v1; `shipped` follows what callguard ships.")],
    language: In = "en",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    organisation: Of = None,
    tenant_id: TenantId = None,
) -> None:
    """Put an older version in force again, from the next words on."""
    changes = run(_restore(version, _language(language), organisation, tenant_id, dry_run=dry_run))
    for line in changes:
        print(line)
    tell("Nothing was changed: this was a dry run." if dry_run else f"{language}/{version} is in force.")


def differences(before: Catalogue | None, after: Catalogue) -> list[str]:
    """What changes: `+` new phrases, `-` those that go, and that hints or wording do where phrases don't."""
    old = set() if before is None else set(before.phrases)
    lines = [f"+ {phrase}" for phrase in after.phrases if phrase not in old]
    lines += [f"- {phrase}" for phrase in sorted(old - set(after.phrases))]
    if before is not None and before.hints != after.hints:
        lines.append(f"~ hints: {len(before.hints)} -> {len(after.hints)}")
    if not lines and before != after:
        lines.append("~ groups or their wording")
    return lines


def _language(name: str) -> Language:
    found = next((known for known in LANGUAGES if known == name), None)
    if found is None:
        raise KeywordsError(
            f"There are no keywords in {name!r}. Choose one of {', '.join(LANGUAGES)}.",
            code="KEYWORDS_NO_SUCH_LANGUAGE",
        )
    return found


@asynccontextmanager
async def _as(
    organisation: str | None, tenant_id: UUID | None, language: Language
) -> AsyncIterator[tuple[Session, UUID]]:
    """A transaction in the organisation's name, alone with its catalogue, with what is shipped in place."""
    async with opened_database(load_settings()) as database:
        found = [
            each.tenant_id
            for each in await book.organisations(database)
            if organisation in (None, each.name) and tenant_id in (None, each.tenant_id)
        ]
        if len(found) != 1:
            problem = (
                "Nobody is set up of that name or id" if not found else "There are several organisations"
            )
            raise KeywordsError(
                f"{problem}: name one with --organisation or --tenant-id. `callguard people show` lists all.",
                code="KEYWORDS_WHOSE",
            )
        async with database.tenant(found[0], one_at_a_time=store.lock(found[0], language)) as session:
            await store.ship(session)
            yield session, found[0]


async def _in_force(
    language: Language, organisation: str | None, tenant_id: UUID | None
) -> tuple[str, Catalogue]:
    async with _as(organisation, tenant_id, language) as (session, tenant):
        found = await store.in_force(session, tenant, language)
    assert found is not None, "it was shipped in this transaction"
    return found


async def _apply(
    catalogue: Catalogue, organisation: str | None, tenant_id: UUID | None, *, dry_run: bool
) -> tuple[list[str], str | None]:
    async with _as(organisation, tenant_id, catalogue.language) as (session, tenant):
        before = await store.in_force(session, tenant, catalogue.language)
        changes = differences(None if before is None else before[1], catalogue)
        if not changes or dry_run:
            return changes, None
        version = await store.publish(session, tenant, catalogue)
    return changes, f"{catalogue.language}/{version}"


async def _versions(language: Language, organisation: str | None, tenant_id: UUID | None) -> list[Version]:
    async with _as(organisation, tenant_id, language) as (session, tenant):
        return await store.versions(session, tenant, language)


async def _restore(
    version: str, language: Language, organisation: str | None, tenant_id: UUID | None, *, dry_run: bool
) -> list[str]:
    name = SHIPPED if version.startswith(SHIPPED) else version
    async with _as(organisation, tenant_id, language) as (session, tenant):
        before = await store.in_force(session, tenant, language)
        wanted = await store.restore(session, tenant, language, name, dry_run=dry_run)
        return differences(None if before is None else before[1], wanted)
