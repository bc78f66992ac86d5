"""People, calls and facts for tests, and a look past row-level security at what was stored."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from callguard.analysis import catalogue_store
from callguard.db.pool import Database, Row, Session
from callguard.domain.facts import CallArrived, LegChanged, WordsHeard
from callguard.domain.keywords import Catalogue, Group, Language
from callguard.domain.signals import Tactic
from callguard.intake import records
from callguard.local.postgres import Cluster
from callguard.transcript import store

DEADLINE_S = 10.0
CALLER = "+12025550190"
KEYWORDS = ("arrest warrant", "gift card", "irs", "sue")
SAID_AT = datetime(2025, 11, 3, 9, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Household:
    """A tenant of one person with one contact."""

    tenant_id: UUID
    user_id: UUID
    contact_id: UUID
    phone_number: str
    twilio_number: str


async def household(
    database: Database, number: int = 1, *, keywords: tuple[str, ...] = KEYWORDS
) -> Household:
    """Household `number` (0-9) moves in, with English keywords."""
    tenant_id = uuid4()
    phone, twilio, contact = (f"+120255501{kind}{number}" for kind in (1, 0, 2))
    async with database.tenant(tenant_id) as session:
        await session.run("tenants.create", tenant_id, f"Household {number}")
        if keywords:
            await publish(session, tenant_id, keywords)
        email = f"person{number}@example.com"
        user_id = await session.value(
            "people.add_person", tenant_id, email, "Margaret", phone, twilio, "en", True
        )
        contact_id = await session.value(
            "people.add_contact", tenant_id, user_id, "Anna", contact, "daughter", 1
        )
        await session.run("people.verify_contact", contact_id)
    return Household(tenant_id, user_id, contact_id, phone, twilio)


async def publish(
    session: Session, tenant_id: UUID, phrases: Sequence[str], language: Language = "en"
) -> str:
    """The tenant's own catalogue from now on; its version."""
    group = Group(tactic=Tactic.PAYMENT, phrases=tuple(phrases))
    return await catalogue_store.publish(session, tenant_id, Catalogue(language=language, group=(group,)))


def call_sid(number: int) -> str:
    """A call's SID as Twilio makes them."""
    return f"CA{number:032x}"


def arrival(
    home: Household, number: int, *, caller: str = CALLER, dialled_directly: bool = False
) -> CallArrived:
    """Call `number` rings now."""
    return CallArrived(
        call_sid=call_sid(number),
        conference_name="",
        caller=caller,
        called=home.twilio_number,
        raw_from=caller,
        forwarded_from=home.phone_number,
        stir_verstat="TN-Validation-Passed-A",
        call_token="token",
        dialled_directly=dialled_directly,
        arrived_at=datetime.now(UTC),
    )


def words(
    number: int,
    sequence: int,
    text: str,
    *,
    caller: bool = True,
    final: bool = True,
    session: str | None = None,
) -> WordsHeard:
    """A recognition result of call `number`."""
    return WordsHeard(
        call_sid=call_sid(number),
        transcription_sid=session or f"GT{number:032x}",
        sequence=sequence,
        track="inbound_track" if caller else "outbound_track",
        text=text,
        is_final=final,
        confidence=0.9 if final else None,
        stability=None if final else 0.5,
        spoken_at=SAID_AT + timedelta(seconds=sequence),
    )


def leg(number: int, status: str, *, own: bool = False) -> LegChanged:
    """A status of the person's leg of call `number`, or with `own` of the caller's."""
    return LegChanged(
        call_sid=call_sid(number), leg_sid=None if own else f"CA{number + 2**64:032x}", status=status
    )


async def open_call(database: Database, home: Household, number: int = 1) -> UUID:
    """Call `number` is stored; its id."""
    await records.arrive(database, arrival(home, number, caller=f"+1202555{number % 10000:04}"))
    async with database.tenant(home.tenant_id) as session:
        call_id: UUID = await session.value("calls.known", call_sid(number))
    return call_id


async def hear(database: Database, home: Household, call_id: UUID, said: WordsHeard) -> bool:
    """Stores one result in a transaction of its own, as the recorder does."""
    async with database.tenant(home.tenant_id, one_at_a_time=said.transcription_sid) as session:
        return await store.add(session, home.tenant_id, call_id, "en", said)


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator["asyncpg.Connection[Row]"]:
    """A bare connection."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def rows(cluster: Cluster, query: str, *arguments: object) -> list[Row]:
    """What the owner sees, of whichever tenant."""
    async with connected(cluster.owner_dsn) as connection:
        return await connection.fetch(query, *arguments)


async def value(cluster: Cluster, query: str, *arguments: object) -> object:
    """The first column of the first row."""
    found = await rows(cluster, query, *arguments)
    return found[0][0] if found else None


@asynccontextmanager
async def background(running: "asyncio.Task[None]") -> AsyncIterator[None]:
    """A task that runs beside the block and is cancelled after it; what it raised meanwhile is raised."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        if not running.cancelled():
            running.result()
