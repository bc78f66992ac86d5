"""The whole story of a call's verdicts, for whoever must explain them in a year."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from callguard.db.pool import Database, Row, Session
from callguard.domain.transcript import turns
from callguard.transcript import store as transcripts


@dataclass(frozen=True, slots=True)
class ToldTurn:
    """What one speaker said, from `at` seconds into the call on."""

    at: float
    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class ToldVerdict:
    """A verdict `at` seconds into the call, with what it was made of. `measured` is what the signals made,
    `risk` what stood; `answer`: a person's, where one stood over it. `turn_times`: seconds of each of the
    turns judged.
    """

    at: float
    risk: int
    measured: int | None
    verdict: str
    answer: str | None
    fraud_type: str | None
    explanation: str
    quotations: list[str]
    signals: list[dict[str, Any]]
    language: str | None
    language_switched_from: str | None
    versions: dict[str, str | None]
    turn_times: list[float]


@dataclass(frozen=True, slots=True)
class ToldAlert:
    """A message to a contact, and how far it got; `reason` is a code."""

    at: float
    contact: str
    channel: str
    level: str
    status: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class ToldAnswer:
    """What a contact answered; None where they only read."""

    at: float
    contact: str
    action: str | None


@dataclass(frozen=True, slots=True)
class ToldStep:
    """A step on the line, whoever asked for it."""

    at: float
    step: str
    wording: str | None
    asked_by: str
    state: str


@dataclass(frozen=True, slots=True)
class Story:
    """One call: who, what was said, what was made of it, who was told and what they answered.

    `verdicts` stand in order; the last one is the one that stands.
    """

    call_sid: str
    person: str
    caller: str
    started_at: datetime
    ended_at: datetime | None
    stir_verstat: str | None
    language: str
    language_switched_from: str | None
    keywords: list[str]
    turns: list[ToldTurn]
    verdicts: list[ToldVerdict]
    alerts: list[ToldAlert]
    answers: list[ToldAnswer]
    steps: list[ToldStep]


async def story_of(database: Database, call_sid: str) -> Story | None:
    """The story of a call by the SID of any of its legs; None where there is none. Raises DatabaseError."""
    async with database.session() as session:
        found = await session.row("calls.resolve", call_sid)
    if found is None:
        return None
    async with database.tenant(found["tenant_id"]) as session:
        return await _story(session, found["tenant_id"], found["call_id"])


async def _story(session: Session, tenant_id: UUID, call_id: UUID) -> Story | None:
    call = await session.row("evidence.call", call_id)
    if call is None:
        return None
    began = call["started_at"]
    said = (await transcripts.of_calls(session, tenant_id, [call_id])).get(call_id, ())
    return Story(
        call_sid=call["call_sid"],
        person=call["person_name"],
        caller=call["caller_number"],
        started_at=began,
        ended_at=call["ended_at"],
        stir_verstat=call["stir_verstat"],
        language=call["language"],
        language_switched_from=call["language_switched_from"],
        keywords=list(call["keywords"]),
        turns=[ToldTurn(round(turn.spoken_at, 1), turn.speaker, turn.text) for turn in turns(said)],
        verdicts=[_verdict(row, began) for row in await session.rows("analyses.of_call", tenant_id, call_id)],
        alerts=[
            ToldAlert(
                _into(row["created_at"], began),
                row["contact_name"],
                row["alert_type"],
                row["level"],
                row["status"],
                row["error_code"],
            )
            for row in await session.rows("alerts.of_calls", tenant_id, [call_id])
        ],
        answers=[
            ToldAnswer(_into(row["created_at"], began), row["name"], row["action"])
            for row in await session.rows("evidence.answers", call_id)
        ],
        steps=[
            ToldStep(
                _into(row["asked_at"], began), row["step"], row["wording"], row["asked_by"], row["state"]
            )
            for row in await session.rows("ladder.of_calls", tenant_id, [call_id])
        ],
    )


def _verdict(row: Row, began: datetime) -> ToldVerdict:
    return ToldVerdict(
        at=_into(row["created_at"], began),
        risk=round(row["fraud_score"]),
        measured=None if row["measured_score"] is None else round(row["measured_score"]),
        verdict=row["verdict"],
        answer=row["answer"],
        fraud_type=row["fraud_type"],
        explanation=row["explanation"],
        quotations=list(row["quotations"]),
        signals=row["contributions"],
        language=row["language"],
        language_switched_from=row["language_switched_from"],
        versions=row["versions"],
        turn_times=list(row["turn_times"]),
    )


def _into(moment: datetime, began: datetime) -> float:
    return round(max(0.0, (moment - began).total_seconds()), 1)
