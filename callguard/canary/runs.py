"""The canary's runs in Postgres: asked for, moved on, closed, read."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
import structlog

from callguard.db import queue
from callguard.db.pool import Row, Session
from callguard.db.queue import Work
from callguard.domain import canary
from callguard.domain.canary import DEADLINES, Progress, Stage, Way
from callguard.domain.notices import Kind
from callguard.domain.transcript import Speaker, Utterance
from callguard.errors import CanaryRefused
from callguard.transcript import notices

CANARY_CALL = "canary_call"
CANARY_WATCH = "canary_watch"
CANARY_TEXT = "canary_text"

Origin = Literal["schedule", "command", "api"]

log = structlog.get_logger(__name__)


class StageReport(msgspec.Struct, frozen=True, kw_only=True):
    """A stage, when it was reached, and how many seconds after the run was asked for."""

    stage: Stage
    name: str
    at: datetime | None
    seconds: float | None


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """A run as people see it. `forwarding` is `not_tested` where the Twilio number was called itself."""

    test_id: UUID
    person_id: UUID
    person: str
    is_test: bool = True
    state: Literal["running", "passed", "failed"]
    forwarding: Literal["proven", "not_proven", "not_tested"]
    failed_stage: Stage | None
    failed: str | None
    error_code: str | None
    stages: list[StageReport]
    started_at: datetime
    finished_at: datetime | None


class Protection(msgspec.Struct, frozen=True, kw_only=True):
    """What the runs say about a person's protection; `newest` is the newest run that ended."""

    person_id: UUID
    person: str
    scheduled: bool
    running: bool
    proven_at: datetime | None
    newest: RunReport | None


async def people(session: Session, person_id: UUID | None = None) -> list[Row]:
    """Whom a canary can be asked for in the session's tenant: `user_id`, `name`, `language`, …"""
    return await session.rows("canary.people", person_id)


def need_number(number: str | None) -> None:
    """Raises CanaryRefused where there is no number to call from: that is known before a call is tried."""
    if number is None:
        raise CanaryRefused(
            "There is no number to call from. Set CANARY_NUMBER to a Twilio number of yours that is no "
            "protected person's, here and for the server.",
            code="NO_CANARY_NUMBER",
        )


async def request(session: Session, tenant_id: UUID, person: Row, origin: Origin) -> UUID:
    """Asks for a run for one of `people`, or gives the one that is under way. Raises CanaryRefused."""
    user_id, language = person["user_id"], person["language"]
    if person["paused"]:
        raise CanaryRefused("Protection is paused: test it when the pause is over.", code="PROTECTION_PAUSED")
    words = " ".join(secrets.choice(canary.vocabulary(language)) for _ in range(canary.WORDS_DRAWN))
    under_way: UUID | None = await session.value("canary.under_way", user_id)
    if under_way is not None:
        return under_way
    if person["lately"] >= canary.MOST_AN_HOUR and origin != "schedule":
        raise CanaryRefused(
            f"Protection was tested {canary.MOST_AN_HOUR} times within the hour. Try again later.",
            code="RATE_LIMIT_EXCEEDED",
        )
    run_id: UUID | None = await session.value("canary.begin", tenant_id, user_id, origin, words)
    if run_id is None:  # somebody else asked at the same moment
        raise CanaryRefused("A test was begun at this moment: ask again.", code="TEST_UNDER_WAY")
    await _ask(session, tenant_id, CANARY_CALL, run_id)
    await look_again(session, tenant_id, run_id, DEADLINES[Stage.CALLED])
    return run_id


async def look_again(session: Session, tenant_id: UUID, run_id: UUID, delay_seconds: float) -> None:
    """Has somebody look whether the run got further."""
    await _ask(session, tenant_id, CANARY_WATCH, run_id, delay_seconds)


async def _ask(session: Session, tenant_id: UUID, kind: str, run_id: UUID, delay_seconds: float = 0) -> None:
    await queue.add(
        session,
        tenant_id,
        kind,
        subject=run_id,
        call_id=None,
        urgency=2,
        delay_seconds=delay_seconds,
    )


async def judged(session: Session, work: Work, language: str, words: Sequence[Utterance]) -> None:
    """The analyzer's verdict on a canary's call: where the words drawn were said, the message is sent."""
    run = await session.row("canary.of_call", work.call_id)
    said = " ".join(heard.text for heard in words if heard.speaker is Speaker.CALLER)
    if run is not None and canary.is_heard(said, run["words"], language):
        await session.run("canary.judged", run["id"])
        await _ask(session, work.tenant_id, CANARY_TEXT, run["id"])


async def failed(session: Session, tenant_id: UUID, run_id: UUID, stage: Stage, code: str | None) -> None:
    """Closes the run and gives notice that protection is off, unless it was over."""
    user_id = await session.value("canary.failed", run_id, stage, code)
    if user_id is not None:
        log.error("protection_off", run=str(run_id), stage=str(stage), code=code)
        await notices.stand(session, tenant_id, user_id, Kind.PROTECTION_OFF, instead_of=[Kind.PROTECTION_ON])


async def passed(session: Session, tenant_id: UUID, run_id: UUID, message_sid: str | None) -> None:
    """Closes the run whose message was delivered; where protection was off, gives notice that it is on."""
    user_id = await session.value("canary.passed", run_id, message_sid)
    if user_id is not None and await notices.settle(session, tenant_id, user_id, [Kind.PROTECTION_OFF]):
        await notices.stand(session, tenant_id, user_id, Kind.PROTECTION_ON)


def progress_of(run: Row) -> Progress:
    """How far a run came, as the query `canary.run` tells it."""
    moments = {stage: run[f"{stage}_at"] for stage in Stage}
    return Progress(run["created_at"], {stage: at for stage, at in moments.items() if at is not None})


async def report(session: Session, run_id: UUID) -> RunReport | None:
    """A run of the session's tenant."""
    run = await session.row("canary.run", run_id)
    return None if run is None else _report(run)


def _report(run: Row) -> RunReport:
    progress = progress_of(run)
    seconds = progress.seconds()
    failed_stage = Stage(run["failed_stage"]) if run["failed_stage"] else None
    return RunReport(
        test_id=run["id"],
        person_id=run["user_id"],
        person=run["person_name"],
        state=run["state"],
        forwarding=_forwarding(run),
        failed_stage=failed_stage,
        failed=failure(failed_stage, run["way"]) if failed_stage else None,
        error_code=run["error_code"],
        stages=[
            StageReport(
                stage=stage,
                name=stage_name(stage, run["way"]),
                at=progress.reached.get(stage),
                seconds=seconds.get(stage),
            )
            for stage in Stage
        ],
        started_at=run["created_at"],
        finished_at=run["finished_at"],
    )


def _forwarding(run: Row) -> Literal["proven", "not_proven", "not_tested"]:
    if run["way"] == Way.DIRECT:
        return "not_tested"
    return "proven" if run["arrived_at"] is not None else "not_proven"


def stage_name(stage: Stage, way: str | None) -> str:
    """A stage for people; a call straight to the Twilio number says nothing of forwarding."""
    if stage is Stage.ARRIVED and way == Way.DIRECT:
        return "incoming call"
    return canary.STAGE_WORDS[stage]


def failure(stage: Stage, way: str | None) -> str:
    """What fails, in a sentence for people."""
    return f"protection is off: {stage_name(stage, way)}"


async def protections(session: Session, tenant_id: UUID) -> list[Protection]:
    """The state of protection of each person who wants a canary, or had one."""
    return [
        Protection(
            person_id=row["user_id"],
            person=row["person_name"],
            scheduled=row["scheduled"],
            running=row["running"],
            proven_at=row["proven_at"],
            newest=_report(row) if row["id"] else None,
        )
        for row in await session.rows("canary.newest", tenant_id)
    ]
