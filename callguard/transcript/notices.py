"""Notices: what isn't about a verdict, stored once, shown, logged once for the operator, and told to those
who asked for it. `alerting/notices.py` sends; what each kind means stands in `domain/notices.py`.
"""

from collections.abc import Collection, Iterable
from uuid import UUID

import structlog

from callguard.db import queue
from callguard.db.pool import Session
from callguard.domain.listening import WORDS_LOST, Fault, Remedy, degraded_words
from callguard.domain.notices import delay_seconds
from callguard.transcript import store

SEND_NOTICES = "send_notices"
BATCH_SECONDS = 300.0
"""Notices about one person that come within this time travel in one message."""

log = structlog.get_logger(__name__)


async def declare(session: Session, tenant_id: UUID, call_id: UUID, fault: Fault) -> None:
    """The call is degraded from now on, unless it is over or that was known."""
    if await _declare(session, tenant_id, call_id, fault, None, only_live=True):
        log.error("call_degraded", call_id=str(call_id), fault=str(fault))


async def tell(
    session: Session, tenant_id: UUID, call_id: UUID, kind: str, contact_id: UUID | None = None
) -> None:
    """Something happened in a call, to one of the person's contacts perhaps: once per kind."""
    if await _declare(session, tenant_id, call_id, kind, contact_id, only_live=False):
        log.warning("notice", kind=kind, call_id=str(call_id))


async def stand(
    session: Session,
    tenant_id: UUID,
    user_id: UUID,
    kind: str,
    contact_id: UUID | None = None,
    *,
    instead_of: Collection[str] = (),
) -> bool:
    """Something is so about a person, and no call of theirs, until `settle` or a notice `instead_of` it.

    True where that is news.
    """
    await settle(session, tenant_id, user_id, instead_of, contact_id)
    if await session.value("notices.stand", tenant_id, user_id, kind, contact_id) is None:
        return False
    log.warning("notice", kind=kind, user_id=str(user_id))
    await _ask_to_send(session, tenant_id, user_id, kind)
    return True


async def settle(
    session: Session,
    tenant_id: UUID,
    user_id: UUID,
    kinds: Collection[str],
    contact_id: UUID | None = None,
) -> bool:
    """These stand no longer. True where any did."""
    return await session.run("notices.settle", tenant_id, user_id, list(kinds), contact_id) > 0


async def _declare(
    session: Session, tenant_id: UUID, call_id: UUID, kind: str, contact_id: UUID | None, *, only_live: bool
) -> bool:
    news = await session.row("notices.declare", tenant_id, call_id, kind, contact_id, only_live)
    if news is None:
        return False
    if news["is_untold"]:
        await _ask_to_send(session, tenant_id, news["user_id"], kind)
    return True


async def _ask_to_send(session: Session, tenant_id: UUID, user_id: UUID, kind: str) -> None:
    await queue.add(
        session,
        tenant_id,
        SEND_NOTICES,
        subject=user_id,
        call_id=None,
        urgency=7,
        delay_seconds=delay_seconds(kind, BATCH_SECONDS),
    )


async def clear(session: Session, call_id: UUID, *faults: Fault) -> None:
    """These fail no longer."""
    if await session.run("notices.clear", call_id, list(faults)):
        log.info("call_recovered", call_id=str(call_id), faults=[str(fault) for fault in faults])


async def remedied(session: Session, call_id: UUID, remedy: Remedy) -> None:
    """Who hears the words of a degraded call now, or why nobody does."""
    if await session.run("notices.remedied", call_id, remedy, list(WORDS_LOST)):
        log.warning("call_remedy", call_id=str(call_id), remedy=str(remedy))


async def settled(session: Session, call_id: UUID, remedy: Remedy) -> None:
    """What became of the audio that was kept for after the call."""
    if await session.run("notices.settled", call_id, remedy):
        log.warning("call_remedy", call_id=str(call_id), remedy=str(remedy))


async def of_calls(session: Session, tenant_id: UUID, call_ids: Iterable[UUID]) -> dict[UUID, str]:
    """What fails in listening to each call, in words for people; others are left out."""
    calls = list(call_ids)
    missing = await store.missing(session, tenant_id, calls)
    found: dict[UUID, list[tuple[str, str | None]]] = {call_id: [] for call_id in missing}
    for row in await session.rows("notices.of_calls", tenant_id, calls, list(Fault)):
        found.setdefault(row["call_id"], []).append((row["kind"], row["remedy"]))
    return {
        call_id: degraded_words(notices, missing.get(call_id, 0)) or "" for call_id, notices in found.items()
    }
