"""The evidence of one alert, read from Postgres."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from callguard.db.pool import Database, Row
from callguard.domain.caller import parse_verstat
from callguard.domain.quotations import bare
from callguard.domain.replies import WINDOW_MINUTES
from callguard.domain.words import contains, normalise


@dataclass(frozen=True, slots=True)
class Quotation:
    """Words of the caller without numbers and links; `after`: seconds into the call."""

    words: str
    after: float


@dataclass(frozen=True, slots=True)
class Part:
    """What one signal brought: names as they are stored, `risk` 0-100 or None, its points in the whole,
    `detail` in fixed words, and from how many seconds of speech it is, where that counts.
    """

    signal: str
    state: str
    risk: int | None
    tactics: tuple[str, ...]
    points: int
    finding: str | None = None
    detail: str = ""
    speech_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a contact answered; None where they only read."""

    name: str
    action: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why an alert was sent and what came of it. `attestation` is A, B, C, failed or none; `may_act`: the
    alert may still be answered; `answered`: this contact has answered it. `versions`: of what judged.
    `heard_in`: the language when it was judged, `switched_from` the caller's one before.
    """

    alert_id: UUID
    tenant_id: UUID
    language: str
    time_zone: str
    first_name: str
    caller: str
    attestation: str
    verdict: str
    risk: int
    fraud_type: str | None
    quotations: tuple[Quotation, ...]
    parts: tuple[Part, ...]
    versions: tuple[tuple[str, str], ...]
    heard_in: str | None
    switched_from: str | None
    started_at: datetime
    alerted_at: datetime
    ended_at: datetime | None
    is_live: bool
    is_safe: bool
    may_act: bool
    answered: bool
    answers: tuple[Answer, ...]


async def evidence_of(database: Database, alert_id: UUID, *, hours: float) -> Evidence | None:
    """The evidence of an alert that is not older than `hours`. Raises DatabaseError."""
    async with database.session() as session:
        tenant_id = await session.value("alerts.resolve", alert_id)
    if tenant_id is None:
        return None
    async with database.tenant(tenant_id) as session:
        row = await session.row("evidence.of_alert", alert_id, hours * 3600, WINDOW_MINUTES)
        if row is None:
            return None
        said = await session.rows("evidence.callers_words", row["call_id"])
        answers = await session.rows("evidence.answers", row["call_id"])
    return _evidence(tenant_id, row, said, answers)


def _evidence(tenant_id: UUID, row: Row, said: list[Row], answers: list[Row]) -> Evidence:
    stir = parse_verstat(row["stir_verstat"])
    return Evidence(
        alert_id=row["id"],
        tenant_id=tenant_id,
        language=row["language"],
        time_zone=row["time_zone"],
        first_name=next(iter(row["person_name"].split()), ""),
        caller=row["caller_number"],
        attestation=stir.level or ("failed" if stir.failed else "none"),
        verdict=row["verdict"],
        risk=round(row["fraud_score"]),
        fraud_type=row["fraud_type"],
        quotations=_quotations(row["quotations"], said, row["started_at"]),
        parts=_parts(row["contributions"]),
        versions=tuple((name, version) for name, version in sorted(row["versions"].items()) if version),
        heard_in=row["heard_in"],
        switched_from=row["language_switched_from"],
        started_at=row["started_at"],
        alerted_at=row["created_at"],
        ended_at=row["ended_at"],
        is_live=row["call_is_live"],
        is_safe=row["is_safe"],
        may_act=row["is_open"],
        answered=row["answered_at"] is not None,
        answers=tuple(Answer(found["name"], found["action"], found["created_at"]) for found in answers),
    )


def _parts(contributions: Sequence[dict[str, Any]]) -> tuple[Part, ...]:
    """What weighs most comes first, what is not known last."""
    parts = (
        Part(
            part["signal"],
            part["state"],
            part["risk"],
            tuple(part.get("tactics", ())),
            part.get("points", 0),
            part.get("finding"),
            part["detail"],
            part.get("speech_seconds"),
        )
        for part in contributions
    )
    return tuple(sorted(parts, key=lambda part: (part.state != "measured", -(part.risk or 0))))


def _quotations(
    quotations: Sequence[str], said: Sequence[Row], started_at: datetime
) -> tuple[Quotation, ...]:
    """Those that the caller spoke, by their time; a quotation may run over two results."""
    spoken = [(f" {normalise(row['text'])}", row["spoken_at"]) for row in said]
    whole = "".join(text for text, _ in spoken)
    found = []
    for quotation in quotations:
        phrase = normalise(quotation)
        if not contains(whole, phrase):
            continue
        at = f"{whole} ".index(f" {phrase} ")
        for text, spoken_at in spoken:
            if at < len(text):
                after = max(0.0, (spoken_at - started_at).total_seconds())
                found.append(Quotation(bare(quotation), after))
                break
            at -= len(text)
    return tuple(sorted(found, key=lambda quotation: quotation.after))
