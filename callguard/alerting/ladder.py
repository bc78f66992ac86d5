"""The ladder inside a call: steps asked for with a verdict or an answer, taken on the line by a worker.

A step is stored with the wish for it and moves forward from there. Before Twilio is asked the end of a hold
is in the queue already, so that a caller is taken back whatever dies meanwhile. A whisper is fetched by
Twilio at an address that speaks once: a request whose reply was lost is sent again and says nothing twice.
"""

from uuid import UUID

import structlog

from callguard.alerting.speech import AlertSpeech, participant_label
from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.db.queue import Work
from callguard.domain.ladder import (
    HOLD_SECONDS,
    AskedBy,
    Move,
    OptIns,
    Rung,
    Standing,
    Step,
    StepState,
    Wording,
    next_move,
    rungs,
    step_may_follow,
)
from callguard.errors import DestinationRefused, TelephonyError
from callguard.telephony.destinations import Destinations
from callguard.telephony.port import Telephony

TAKE_STEP = "take_step"
UNDO_STEP = "undo_step"
CALLER, PERSON = "caller", "person"

log = structlog.get_logger(__name__)


async def request_steps(session: Session, tenant_id: UUID, call_id: UUID, risk: int, local_risk: int) -> None:
    """Asks for what a verdict asks for, in the verdict's transaction; nothing in a call that is over."""
    call = await session.row("ladder.standing", call_id)
    if call is None:
        return
    opted_in = OptIns(
        call["ladder_whisper"], call["ladder_hold"], call["ladder_bring_in"], call["ladder_end"]
    )
    asked = {_rung(row) for row in call["asked"]}
    for rung in rungs(risk, local_risk, opted_in, asked, is_safe=call["is_safe"]):
        contact_id = None
        if rung.step is Step.BRING_IN:
            contact_id = await _first_contact(session, call_id, call["excluded"])
            if contact_id is None:
                continue
        await ask(session, tenant_id, call_id, rung, AskedBy.POLICY, contact_id=contact_id)


async def _first_contact(session: Session, call_id: UUID, excluded: list[str]) -> UUID | None:
    """Of those whose numbers have confirmed themselves."""
    contacts = await session.rows("people.contacts_of_call", call_id)
    fitting = [row for row in contacts if row["verified"] and row["phone_number"] not in excluded]
    first = min(fitting, key=lambda row: (row["priority"], row["name"], str(row["id"])), default=None)
    return first["id"] if first else None


async def ask(
    session: Session,
    tenant_id: UUID,
    call_id: UUID,
    rung: Rung,
    asked_by: AskedBy,
    *,
    contact_id: UUID | None = None,
    answer_id: UUID | None = None,
    state: StepState = StepState.ASKED,
) -> None:
    """Stores the wish for a step and the work of taking it, once. One that is `taken` needs no work."""
    step_id = await session.value(
        "ladder.ask",
        tenant_id,
        call_id,
        rung.step,
        rung.wording,
        asked_by,
        contact_id,
        answer_id,
        state,
    )
    if step_id is not None and state is StepState.ASKED:
        await _look_at(session, TAKE_STEP, tenant_id, call_id, step_id)


async def end_holds(session: Session, tenant_id: UUID, call_id: UUID) -> None:
    """The caller is to be taken back."""
    for row in await session.rows("ladder.end_holds", call_id):
        await _look_at(session, UNDO_STEP, tenant_id, call_id, row["id"])


async def all_clear(session: Session, tenant_id: UUID, call_id: UUID) -> None:
    """A contact called the call safe: holds end, and a person who was warned is told."""
    await end_holds(session, tenant_id, call_id)
    if await session.value("ladder.was_warned", call_id):
        rung = Rung(Step.WHISPER, Wording.ALL_CLEAR)
        await ask(session, tenant_id, call_id, rung, AskedBy.POLICY)


async def _look_at(
    session: Session, kind: str, tenant_id: UUID, call_id: UUID, step_id: UUID, delay_seconds: float = 0
) -> None:
    await queue.add(
        session, tenant_id, kind, subject=step_id, call_id=call_id, urgency=0, delay_seconds=delay_seconds
    )


class Ladder:
    """The handler of TAKE_STEP and UNDO_STEP, and the door at which Twilio fetches what is whispered.

    `sender`: the number that contacts are rung from, if it is not the person's own Twilio number.
    """

    def __init__(
        self,
        database: Database,
        telephony: Telephony,
        speech: AlertSpeech,
        destinations: Destinations,
        sender: str | None,
    ) -> None:
        self._database = database
        self._telephony = telephony
        self._speech = speech
        self._destinations = destinations
        self._sender = sender

    async def move(self, work: Work) -> None:
        """Takes or undoes a step, as it stands now. Raises TelephonyError to be tried again."""
        async with self._database.tenant(work.tenant_id) as session:
            row = await session.row("ladder.to_take", work.subject, HOLD_SECONDS)
            if row is None:
                await queue.finish(session, work)
                return
            move = next_move(_standing(row))
            if move is Move.TAKE and row["step"] == Step.HOLD:
                await _look_at(session, UNDO_STEP, work.tenant_id, work.call_id, row["id"], HOLD_SECONDS)
        state, code = await self._outcome(move, row, again=work.attempts > 1)
        async with self._database.tenant(work.tenant_id) as session:
            settled = state is None or await self._settle(session, work, row, state, code)
            if settled:
                await queue.finish(session, work)
        if not settled:
            await self._hold(row, on=False)
            async with self._database.tenant(work.tenant_id) as session:
                await queue.finish(session, work)

    async def _outcome(self, move: Move, row: Row, *, again: bool) -> tuple[StepState | None, str | None]:
        try:
            return await self._do(move, row, again=again), None
        except DestinationRefused as error:
            log.error("step_refused", step=str(row["id"]), kind=row["step"], reason=error.reason)
            return StepState.FAILED, f"destination_{error.reason}"
        except TelephonyError as error:
            if error.may_pass:
                raise
            log.warning("step_refused", step=str(row["id"]), kind=row["step"], twilio_code=error.twilio_code)
            return StepState.FAILED, str(error.twilio_code)

    async def _do(self, move: Move, row: Row, *, again: bool) -> StepState | None:
        """What becomes of the step; None where nothing does."""
        match move:
            case Move.SKIP:
                return StepState.SKIPPED
            case Move.UNDO:
                await self._hold(row, on=False)
                return StepState.UNDONE
            case Move.TAKE:
                return await self._take(row, again=again)
            case Move.REST:
                return None

    async def _take(self, row: Row, *, again: bool) -> StepState:
        match Step(row["step"]):
            case Step.WHISPER:
                return await self._whisper(row)
            case Step.HOLD:
                await self._hold(row, on=True)
            case Step.BRING_IN:
                return await self._bring_in(row, again=again)
            case Step.END:
                await self._telephony.end_leg(row["call_sid"])
        return StepState.DONE

    async def _settle(
        self, session: Session, work: Work, row: Row, state: StepState, code: str | None
    ) -> bool:
        """Stores the outcome, and has the person told of a hold. False for a hold that is unwanted by now."""
        unwanted = await session.value("ladder.advance", row["id"], state, step_may_follow(state), code)
        if row["step"] != Step.HOLD or state is not StepState.DONE:
            return True
        if unwanted is not False:
            return False
        rung, by = Rung(Step.WHISPER, Wording.ON_HOLD), AskedBy(row["asked_by"])
        await ask(session, work.tenant_id, work.call_id, rung, by, contact_id=row["contact_id"])
        return True

    async def _whisper(self, row: Row) -> StepState:
        url = self._speech.whisper_url(row["id"], row["wording"], row["language"])
        found = await self._telephony.announce(conference=row["conference_name"], label=PERSON, url=url)
        return StepState.TAKEN if found else StepState.SKIPPED

    async def _hold(self, row: Row, *, on: bool) -> None:
        await self._telephony.hold(
            conference=row["conference_name"],
            label=CALLER,
            on=on,
            announcement=self._speech.hold_url(row["callers_language"]),
        )

    async def _bring_in(self, row: Row, *, again: bool) -> StepState:
        if row["to_number"] is None:  # the contact was removed meanwhile
            return StepState.SKIPPED
        conference, label = row["conference_name"], participant_label(row["contact_id"])
        if not (again and await self._telephony.leg_in_conference(conference, label)):
            self._destinations.check(row["to_number"], home=row["home_number"])
            sender = self._sender or row["twilio_number"]
            await self._telephony.add_contact(
                conference=conference, to=row["to_number"], sender=sender, label=label
            )
        return StepState.TAKEN

    async def gave_up(self, session: Session, work: Work, code: str) -> None:
        """A visible failure. A hold may have come about all the same, so it is ended."""
        log.error("step_not_taken", step=str(work.subject), code=code)
        failed = StepState.FAILED
        await session.value("ladder.advance", work.subject, failed, step_may_follow(failed), code)
        row = await session.row("ladder.to_take", work.subject, HOLD_SECONDS)
        if row is not None and row["step"] == Step.HOLD:
            await end_holds(session, work.tenant_id, work.call_id)

    async def whisper(self, step_id: UUID, request_token: str) -> bool:
        """Whether Twilio's request for this announcement is the one to speak for. Raises DatabaseError."""
        async with self._database.session() as session:
            tenant_id = await session.value("ladder.resolve", step_id)
        if tenant_id is None:
            return False
        async with self._database.tenant(tenant_id) as session:
            return await session.value("ladder.fetched", step_id, request_token) is not None


def _rung(row: Row) -> Rung:
    return Rung(Step(row["step"]), Wording(row["wording"]) if row["wording"] else None)


def _standing(row: Row) -> Standing:
    return Standing(
        rung=_rung(row),
        state=StepState(row["state"]),
        asked_by=AskedBy(row["asked_by"]),
        is_live=row["is_live"],
        is_safe=row["is_safe"],
        has_conference=row["has_conference"],
        is_ripe=row["is_ripe"],
    )
