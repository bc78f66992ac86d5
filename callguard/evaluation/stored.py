"""Stored calls that may be tried again, read in transactions that can change nothing."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from callguard.db.pool import Database, Row, Session
from callguard.domain.signals import Attestation
from callguard.domain.transcript import Utterance
from callguard.evaluation.backtest import PastCall
from callguard.evaluation.waking import Phrases
from callguard.transcript import store as transcripts

# Calls whose words are read at once.
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Stored:
    """The calls whose people allow it, and how many others there are."""

    calls: tuple[PastCall, ...]
    without_consent: int


async def stored_calls(database: Database, since: datetime | None) -> Stored:
    """Ended calls with words, organisation by organisation, oldest first. Raises DatabaseError."""
    async with database.session() as session:
        tenants: list[UUID] = [row["id"] for row in await session.rows("tenants.ids")]
    calls: list[PastCall] = []
    without_consent = 0
    for tenant_id in tenants:
        async with database.tenant(tenant_id) as session:
            await session.run("replay.only_read")
            rows = await session.rows("replay.calls", tenant_id, since)
            phrases = {
                row["language"]: tuple(row["phrases"])
                for row in await session.rows("replay.keywords", tenant_id)
            }
            allowed = [row for row in rows if row["replay_calls"]]
            calls += await _with_words(session, tenant_id, allowed, phrases)
        without_consent += len(rows) - len(allowed)
    return Stored(tuple(calls), without_consent)


async def _with_words(
    session: Session, tenant_id: UUID, rows: list[Row], phrases: dict[str, Phrases]
) -> list[PastCall]:
    calls: list[PastCall] = []
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        words = await transcripts.of_calls(session, tenant_id, [row["id"] for row in batch])
        calls += [_call(row, words[row["id"]], phrases.get(row["language"], ())) for row in batch]
    return calls


def _call(row: Row, words: tuple[Utterance, ...], phrases: Phrases) -> PastCall:
    return PastCall(
        id=str(row["id"]),
        at=row["started_at"],
        language=row["language"],
        utterances=words,
        phrases=phrases,
        attestation=Attestation.of(row["stir_verstat"]),
        told=None if row["told"] is None else round(row["told"]),
    )
