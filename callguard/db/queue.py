"""The one queue: rows of `work`, held by a lease on the database's clock, a fencing token, and the name of
the process that has them.

A worker that lost its lease finds its `finish` refused, and with it the transaction that carries its results.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from callguard.db.pool import Database, Session
from callguard.errors import DatabaseError, LeaseLost

LEASE_SECONDS = 30.0

# SQLSTATE 23505: a newer request of the subject was stored at the same moment.
NEWER_CAME = "DATABASE_23505"


@dataclass(frozen=True, slots=True)
class Work:
    """A row in this worker's hands. `attempts` counts this one; what is about no call has its subject as
    `call_id`.
    """

    id: int
    tenant_id: UUID
    kind: str
    subject: UUID
    call_id: UUID
    payload: dict[str, Any]
    attempts: int
    fence: int


async def add(
    session: Session,
    tenant_id: UUID,
    kind: str,
    *,
    subject: UUID,
    call_id: UUID | None,
    payload: dict[str, object] | None = None,
    urgency: int,
    delay_seconds: float = 0,
) -> None:
    """Asks for work in the session's transaction; one request per kind and subject waits."""
    await session.run("work.add", tenant_id, kind, subject, call_id, payload or {}, urgency, delay_seconds)


async def claim(
    database: Database,
    kinds: list[str],
    batch: int,
    *,
    holder: int | None = None,
    in_hand: Collection[int] = (),
) -> list[Work]:
    """Due work, most urgent first, and what nobody has in hand any more.

    `holder` names this process while others can see that it lives, `in_hand` is the work it has: whatever
    else runs under its name was claimed in a reply that never came. Raises DatabaseError.
    """
    async with database.session() as session:
        claimed = await session.rows("work.claim", kinds, batch, LEASE_SECONDS, holder, list(in_hand))
    return [Work(**row) for row in claimed]


async def finish(session: Session, work: Work) -> None:
    """Marks work done inside the transaction that holds its results. Raises LeaseLost, which undoes them."""
    if not await session.run("work.finish", work.id, work.fence):
        raise LeaseLost("Another worker has taken over this work; its result stands, this one's is dropped.")


async def renew(database: Database, work: Work) -> bool:
    """A heartbeat; False when the lease is lost."""
    async with database.tenant(work.tenant_id) as session:
        return bool(await session.run("work.renew", work.id, work.fence, LEASE_SECONDS))


async def make_sure(session: Session, work: Work) -> None:
    """That the work is still this worker's. Locks nothing: whoever takes over need not wait. Raises
    LeaseLost.
    """
    if not await session.value("work.is_held", work.id, work.fence):
        raise LeaseLost("Another worker has taken over this work; this one leaves it alone.")


async def put_back(database: Database, work: Work, error_code: str, delay_seconds: float) -> None:
    """For a later attempt; where a newer request of the subject waits, that one does it."""
    try:
        async with database.tenant(work.tenant_id) as session:
            if await session.run("work.retry", work.id, work.fence, error_code, delay_seconds):
                return
    except DatabaseError as error:
        if error.code != NEWER_CAME:
            raise
    async with database.tenant(work.tenant_id) as session:
        await session.run("work.hand_on", work.id, work.fence)
        await session.run("work.fail", work.id, work.fence, error_code)


async def give_up(session: Session, work: Work, error_code: str) -> None:
    """A visible failure, in the transaction that holds what follows from it. Raises LeaseLost."""
    if not await session.run("work.fail", work.id, work.fence, error_code):
        raise LeaseLost("Another worker has taken over this work; giving it up is its decision.")
