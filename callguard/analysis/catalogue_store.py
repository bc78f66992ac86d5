"""Catalogues in Postgres: which one a tenant's calls meet, and the versions it may go back to.

The next result that is heard meets what was published last; no server has to know of it.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from callguard.analysis.catalogue import shipped_catalogues
from callguard.db.pool import Database, Session
from callguard.domain.keywords import Catalogue, Language
from callguard.errors import DatabaseError, KeywordsError

SHIPPED = "shipped"
RETRY_SECONDS = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Version:
    """A catalogue that a tenant has published, or the shipped one."""

    name: str
    in_force: bool
    shipped: bool
    phrases: int
    created_at: datetime


async def ship(session: Session) -> list[str]:
    """Puts the catalogues of this version of callguard in force for all who have none of their own; the
    languages that were not shipped before. Needs no tenant.
    """
    fresh: list[str] = []
    for catalogue in shipped_catalogues():
        version = f"{SHIPPED}-{catalogue.digest}"
        if await session.value("keywords.ship", catalogue.language, version, *_columns(catalogue)):
            fresh.append(catalogue.language)
    return fresh


async def keep_shipped(database: Database) -> None:
    """Ships as soon as the database lets it, and then waits for the end of the server."""
    while True:
        try:
            async with database.session() as session:
                await ship(session)
            await asyncio.Event().wait()
        except DatabaseError as error:
            log.warning("keywords_not_shipped", code=error.code)
            await asyncio.sleep(RETRY_SECONDS)


async def in_force(session: Session, tenant_id: UUID, language: Language) -> tuple[str, Catalogue] | None:
    """Version and catalogue that the tenant's calls in a language meet; None before anything was shipped."""
    found = await session.row("keywords.in_force", tenant_id, language)
    return None if found is None else (found["version"], msgspec.convert(found["said"], Catalogue))


async def hints(session: Session, tenant_id: UUID, language: str) -> tuple[str, ...] | None:
    """What the recogniser of the tenant's calls is told to expect; None before anything was shipped."""
    found = await session.value("keywords.hints", tenant_id, language)
    return None if found is None else tuple(found)


async def versions(session: Session, tenant_id: UUID, language: Language) -> list[Version]:
    """Newest first, the shipped one last."""
    rows = await session.rows("keywords.versions", tenant_id, language)
    own_in_force = any(row["published"] and not row["shipped"] for row in rows)
    return [
        Version(
            row["version"],
            not own_in_force if row["shipped"] else row["published"],
            row["shipped"],
            row["phrases"],
            row["created_at"],
        )
        for row in rows
    ]


async def publish(session: Session, tenant_id: UUID, catalogue: Catalogue) -> str:
    """Puts a new version of the tenant's own in force; its name. One publishes at a time: see `lock`."""
    await session.run("keywords.withdraw", tenant_id, catalogue.language)
    version: str = await session.value(
        "keywords.publish", tenant_id, catalogue.language, *_columns(catalogue)
    )
    return version


async def restore(
    session: Session, tenant_id: UUID, language: Language, version: str, *, dry_run: bool = False
) -> Catalogue:
    """Puts an older version in force again, and gives it; `shipped` follows what ships with callguard.

    Raises KeywordsError where there is no such version.
    """
    said = await session.value("keywords.said", tenant_id, language, None if version == SHIPPED else version)
    if said is None:
        raise KeywordsError(
            f"There is no version {version} of the {language} catalogue. "
            f"`callguard keywords versions --language {language}` lists them.",
            code="KEYWORDS_NO_SUCH_VERSION",
        )
    if not dry_run:
        await session.run("keywords.withdraw", tenant_id, language)
        await session.run("keywords.restore", tenant_id, language, version)
    return msgspec.convert(said, Catalogue)


def lock(tenant_id: UUID, language: Language) -> str:
    """What transactions that publish are kept one after the other by: `one_at_a_time` of the database."""
    return f"keywords {tenant_id} {language}"


def _columns(catalogue: Catalogue) -> tuple[object, list[str], list[str]]:
    return msgspec.to_builtins(catalogue), list(catalogue.phrases), list(catalogue.hints)
