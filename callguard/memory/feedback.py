"""What people say a call was: stored as it comes, by whichever door, and remembered of the caller."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.domain.feedback import Answer, JudgedCall, resolved

REMEMBER = "remember"

Source = Literal["sms", "key", "evidence", "dashboard", "api"]
Who = Literal["contact", "operator", "api"]


@dataclass(frozen=True, slots=True)
class Given:
    """Feedback as it was stored; `analysis_id` is the verdict that it is about, if there was one."""

    id: UUID
    analysis_id: UUID | None
    answer: Answer


@dataclass(frozen=True, slots=True)
class Standing:
    """What people say of a call, all together, and since when."""

    answer: Answer
    at: datetime


async def give(
    session: Session,
    tenant_id: UUID,
    call_id: UUID,
    answer: Answer | None,
    source: Source,
    who: Who,
    *,
    contact_id: UUID | None = None,
    note: str | None = None,
) -> Given | None:
    """Stores what somebody says, and asks that the caller be remembered by it; None without such a call.

    Without an `answer` the verdict that stands is confirmed, of a call that was never judged that it is no
    scam. `note` has NOTE_MOST characters at the most.
    """
    verdict = await session.row("feedback.about", tenant_id, call_id)
    if verdict is None:
        return None
    if answer is None:
        answer = Answer.SCAM if verdict["fraud_detected"] else Answer.NOT_SCAM
    feedback_id = await session.value(
        "feedback.add", tenant_id, call_id, verdict["analysis_id"], source, who, contact_id, answer, note
    )
    await ask_to_remember(session, tenant_id, call_id)
    return Given(feedback_id, verdict["analysis_id"], answer)


async def ask_to_remember(session: Session, tenant_id: UUID, call_id: UUID) -> None:
    """The caller of a call is remembered soon, after everything that helps during a call."""
    await queue.add(session, tenant_id, REMEMBER, subject=call_id, call_id=call_id, urgency=8)


async def standing(session: Session, tenant_id: UUID, call_ids: Iterable[UUID]) -> dict[UUID, Standing]:
    """What people say of each call; calls of which nobody spoke are left out."""
    said: dict[UUID, list[Row]] = {}
    for row in await session.rows("feedback.of_calls", tenant_id, list(call_ids)):
        said.setdefault(row["call_id"], []).append(row)
    found = {}
    for call_id, rows in said.items():
        answer = resolved(Answer(row["answer"]) for row in rows)
        found[call_id] = Standing(answer, max(row["created_at"] for row in rows if row["answer"] == answer))
    return found


async def judged_calls(database: Database, since: datetime | None) -> list[JudgedCall]:
    """Every call of this installation of which somebody spoke since a moment. Raises DatabaseError."""
    async with database.session() as session:
        tenants: list[UUID] = [row["id"] for row in await session.rows("tenants.ids")]
    found = []
    for tenant_id in tenants:
        async with database.tenant(tenant_id) as session:
            rows = await session.rows("feedback.judged_calls", tenant_id, since)
            said = await standing(session, tenant_id, [row["call_id"] for row in rows])
        found += [JudgedCall(row["risk"], said[row["call_id"]].answer, row["is_judged"]) for row in rows]
    return found
