"""Notices: what fails in a call's listening, stored once for the person and logged once for the operator."""

from collections.abc import Iterable
from uuid import UUID

import structlog

from callguard.db.pool import Session
from callguard.domain.listening import WORDS_LOST, Fault, Remedy, degraded_words

log = structlog.get_logger(__name__)


async def declare(session: Session, tenant_id: UUID, call_id: UUID, fault: Fault) -> None:
    """The call is degraded from now on, unless it is over or that was known."""
    if await session.value("notices.declare", tenant_id, call_id, fault) is not None:
        log.error("call_degraded", call_id=str(call_id), fault=str(fault))


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
    """What fails in each call, in words for people; calls in which nothing does are left out."""
    found: dict[UUID, list[tuple[str, str | None]]] = {}
    for row in await session.rows("notices.of_calls", tenant_id, list(call_ids)):
        found.setdefault(row["call_id"], []).append((row["fault"], row["remedy"]))
    return {call_id: degraded_words(notices) or "" for call_id, notices in found.items()}
