"""The read model from Postgres: a handful of queries per tenant, past the domain's objects."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from callguard.canary import runs
from callguard.canary.runs import Protection
from callguard.dashboard.snapshot import (
    Contribution,
    LiveAlert,
    LiveCall,
    LiveFeedback,
    LiveNotice,
    LiveStep,
    NoticeMessages,
    Snapshot,
)
from callguard.db.pool import Database, Row, Session
from callguard.domain.transcript import Utterance
from callguard.transcript import notices
from callguard.transcript import store as transcripts

MOST_CALLS = 50
MOST_NOTICES = 30


class DatabaseSnapshots:
    """A `SnapshotSource` over every tenant of this installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self) -> Snapshot:
        """Raises DatabaseError."""
        async with self._database.session() as session:
            tenants: list[UUID] = [row["id"] for row in await session.rows("tenants.ids")]
        calls: list[LiveCall] = []
        protections: list[Protection] = []
        told: list[LiveNotice] = []
        messages: Counter[tuple[str, str, str]] = Counter()
        for tenant_id in tenants:
            async with self._database.tenant(tenant_id) as session:
                calls += await _calls(session, tenant_id)
                protections += await runs.protections(session, tenant_id)
                told += [
                    LiveNotice(**row) for row in await session.rows("notices.recent", tenant_id, MOST_NOTICES)
                ]
                for row in await session.rows("notice_messages.recent", tenant_id):
                    messages[row["recipient"], row["channel"], row["status"]] += row["count"]
        calls.sort(key=lambda call: (call.ended_at is None, call.started_at), reverse=True)
        told.sort(key=lambda notice: notice.began_at, reverse=True)
        return Snapshot(
            taken_at=datetime.now(UTC),
            calls=tuple(calls[:MOST_CALLS]),
            protections=tuple(protections),
            notices=tuple(told[:MOST_NOTICES]),
            messages=tuple(NoticeMessages(*key, count) for key, count in sorted(messages.items())),
        )


async def _calls(session: Session, tenant_id: UUID) -> list[LiveCall]:
    rows = await session.rows("calls.recent", MOST_CALLS)
    ids = [row["id"] for row in rows]
    words = await transcripts.of_calls(session, tenant_id, ids)
    verdicts = {row["call_id"]: row for row in await session.rows("analyses.standing", tenant_id, ids)}
    degraded = await notices.of_calls(session, tenant_id, ids)
    alerts: defaultdict[UUID, list[LiveAlert]] = defaultdict(list)
    for row in await session.rows("alerts.of_calls", tenant_id, ids):
        alerts[row["call_id"]].append(_alert(row))
    steps: defaultdict[UUID, list[LiveStep]] = defaultdict(list)
    for row in await session.rows("ladder.of_calls", tenant_id, ids):
        steps[row["call_id"]].append(_step(row))
    feedback: defaultdict[UUID, list[LiveFeedback]] = defaultdict(list)
    for row in await session.rows("feedback.of_calls", tenant_id, ids):
        said = LiveFeedback(row["answer"], row["source"], row["contact_name"], row["created_at"])
        feedback[row["call_id"]].append(said)
    return [
        _call(
            row,
            words.get(row["id"], ()),
            verdicts.get(row["id"]),
            alerts[row["id"]],
            degraded.get(row["id"]),
            steps[row["id"]],
            feedback[row["id"]],
        )
        for row in rows
    ]


def _alert(row: Row) -> LiveAlert:
    return LiveAlert(
        id=row["id"],
        contact_name=row["contact_name"],
        channel=row["alert_type"],
        level=row["level"],
        status=row["status"],
        created_at=row["created_at"],
        sent_at=row["sent_at"],
        delivered_at=row["delivered_at"],
        reason=row["error_code"],
        answered_at=row["answered_at"],
        answered_by=row["answered_by"],
        answer=row["answer"],
    )


def _step(row: Row) -> LiveStep:
    by_contact = row["asked_by"] == "contact"
    return LiveStep(
        id=row["id"],
        step=row["step"],
        wording=row["wording"],
        contact_name=(row["contact_name"] or "a contact since removed") if by_contact else None,
        state=row["state"],
        asked_at=row["asked_at"],
        done_at=row["done_at"],
        undone_at=row["undone_at"],
    )


def _call(
    row: Row,
    words: tuple[Utterance, ...],
    verdict: Row | None,
    alerts: Iterable[LiveAlert],
    degraded: str | None,
    steps: Iterable[LiveStep],
    feedback: Iterable[LiveFeedback],
) -> LiveCall:
    return LiveCall(
        id=row["id"],
        call_sid=row["call_sid"],
        person_name=row["person_name"],
        caller=row["caller_number"],
        attestation=row["attestation"],
        status=row["status"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        verdict=verdict["verdict"] if verdict else "SAFE",
        risk=round(verdict["fraud_score"]) if verdict else 0,
        fraud_type=verdict["fraud_type"] if verdict else None,
        explanation=verdict["explanation"] if verdict else "",
        quotations=tuple(verdict["quotations"]) if verdict else (),
        contributions=tuple(Contribution(**part) for part in verdict["contributions"]) if verdict else (),
        keywords=tuple(row["keywords"]),
        transcript=words,
        alerts=tuple(alerts),
        speech_seconds=row["caller_speech_ms"] / 1000,
        degraded=degraded,
        steps=tuple(steps),
        feedback=tuple(feedback),
    )
