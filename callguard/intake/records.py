"""Facts into Postgres: each is recorded once, whatever the number of times and the order in which it is told.

Which call it belongs to, and so which tenant, is asked of a resolver function; all else happens in that
tenant's name.
"""

from dataclasses import dataclass
from uuid import UUID

from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.domain.call import ANSWERED, FINAL, UNANSWERED, conference_name, leg_may_follow
from callguard.domain.caller import parse_verstat
from callguard.domain.facts import (
    AnyFact,
    CallArrived,
    ConferenceChanged,
    LegChanged,
    TranscriptionChanged,
    WordsHeard,
)
from callguard.domain.listening import STARTED_WITHIN_S, Fault
from callguard.errors import CallUnknown, DatabaseError, NumberUnknown
from callguard.intake.routes import Route
from callguard.transcript import notices
from callguard.transcript import store as transcripts

DIAL = "dial"
TELL_UNREACHABLE = "tell_unreachable"
ANALYSE = "analyse"
WATCH_TRANSCRIPTION = "watch_transcription"

# A transcription stops when its call ends; that the call did is told a little later.
ENDING_SECONDS = 2.0

# SQLSTATE 54000: the notification queue is full. The words are stored without one, and polling finds the
# work.
NOTIFICATIONS_FULL = "DATABASE_54000"

CallFact = WordsHeard | TranscriptionChanged | LegChanged | ConferenceChanged

# Whose a call is never changes while it lives: by the SID of the caller's leg, the oldest dropped first.
KnownCalls = dict[str, Row]
MOST_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a recorded call is answered.

    `looping`: it is the person's own line that forwards our dialling back.
    """

    route: Route
    conference_name: str
    announce: bool
    looping: bool


async def arrive(database: Database, fact: CallArrived) -> Arrival:
    """Stores a call and, in the same transaction, the work of dialling the person.

    Raises:
        NumberUnknown: nobody here has the number that was called.
        DatabaseError: the database is away.

    """
    async with database.session() as session:
        found = await session.row("people.resolve_number", fact.called)
    if found is None:
        raise NumberUnknown(
            "A call came in on a number that belongs to nobody here. Add the person who has it."
        )
    tenant_id = found["tenant_id"]
    route = Route(
        twilio_number=fact.called,
        user_id=found["user_id"],
        phone_number=found["phone_number"],
        language=found["language"],
        announce=found["announce"],
    )
    async with database.tenant(tenant_id) as session:
        if not fact.dialled_directly and await session.value(
            "calls.still_dialling", route.user_id, fact.caller, fact.call_sid
        ):
            return Arrival(route, "", announce=False, looping=True)
        if await _open(session, tenant_id, route, fact) is None:
            known = await session.row("calls.known", fact.call_sid)
            if known is None:
                raise CallUnknown("The call's SID is known, but not under this number.")
            if fact.dialled_directly:
                await session.run("work.drop", tenant_id, DIAL, known["id"])
            return Arrival(route, known["conference_name"], known["announced"], looping=False)
    return Arrival(route, _conference(route, fact), route.announce, looping=False)


def _conference(route: Route, fact: CallArrived) -> str:
    return conference_name(route.user_id, int(fact.arrived_at.timestamp() * 1000))


async def _open(session: Session, tenant_id: UUID, route: Route, fact: CallArrived) -> UUID | None:
    call_id: UUID | None = await session.value(
        "calls.open",
        tenant_id,
        route.user_id,
        fact.call_sid,
        _conference(route, fact),
        fact.caller,
        fact.called,
        fact.forwarded_from,
        fact.stir_verstat,
        parse_verstat(fact.stir_verstat).level,
        route.language,
        route.announce and not fact.dialled_directly,
        fact.arrived_at,
    )
    if call_id is not None:
        await _watch(session, tenant_id, call_id, STARTED_WITHIN_S)
    if call_id is not None and not fact.dialled_directly:
        await session.run("calls.expect_leg", tenant_id, call_id)
        await queue.add(
            session,
            tenant_id,
            DIAL,
            subject=call_id,
            call_id=call_id,
            payload={"raw_from": fact.raw_from, "call_token": fact.call_token},
            urgency=0,
        )
    return call_id


async def record(database: Database, fact: AnyFact, known: KnownCalls | None = None) -> None:
    """Stores any fact.

    `known` spares asking again whose a call is. Raises NumberUnknown, CallUnknown or DatabaseError.
    """
    if isinstance(fact, CallArrived):
        await arrive(database, fact)
        return
    call = await _resolve(database, fact.call_sid, {} if known is None else known)
    try:
        await _store(database, call, fact, notify=True)
    except DatabaseError as error:
        if error.code != NOTIFICATIONS_FULL:
            raise
        await _store(database, call, fact, notify=False)


async def _store(database: Database, call: Row, fact: CallFact, *, notify: bool) -> None:
    serial = fact.transcription_sid if isinstance(fact, WordsHeard) else None
    async with database.tenant(call["tenant_id"], one_at_a_time=serial) as session:
        if not notify:
            await session.run("tenants.silence")
        await _record(session, call, fact)


async def _resolve(database: Database, call_sid: str, known: KnownCalls) -> Row:
    if call_sid not in known:
        async with database.session() as session:
            call = await session.row("calls.resolve", call_sid)
        if call is None:
            raise CallUnknown("Twilio told of a call that is not stored.")
        if len(known) >= MOST_KNOWN:
            del known[next(iter(known))]
        known[call_sid] = call
    return known[call_sid]


async def _record(session: Session, call: Row, fact: CallFact) -> None:
    tenant_id, call_id = call["tenant_id"], call["call_id"]
    match fact:
        case WordsHeard():
            await transcripts.add(session, tenant_id, call_id, call["language"], fact)
        case TranscriptionChanged(state=state):
            await _transcription_changed(session, tenant_id, call_id, state)
        case LegChanged(leg_sid=None, status=status):
            if status in FINAL:
                await _end(session, tenant_id, call_id)
        case LegChanged():
            await _persons_leg(session, tenant_id, call_id, fact)
        case ConferenceChanged(event="conference-end"):
            await _end(session, tenant_id, call_id)
        case ConferenceChanged(event="participant-join", label="person"):
            await session.run("calls.connected", call_id)
        case ConferenceChanged():
            pass


async def _transcription_changed(session: Session, tenant_id: UUID, call_id: UUID, state: str) -> None:
    if not await session.run("calls.transcription_changed", call_id, state):
        return
    match state:
        case "started":
            await notices.clear(session, call_id, Fault.TRANSCRIPTION_MISSING)
        case "failed":
            await notices.declare(session, tenant_id, call_id, Fault.TRANSCRIPTION_FAILED)
        case _:
            await _watch(session, tenant_id, call_id, ENDING_SECONDS)


async def _watch(session: Session, tenant_id: UUID, call_id: UUID, delay_seconds: float) -> None:
    await queue.add(
        session,
        tenant_id,
        WATCH_TRANSCRIPTION,
        subject=call_id,
        call_id=call_id,
        urgency=3,
        delay_seconds=delay_seconds,
    )


async def _persons_leg(session: Session, tenant_id: UUID, call_id: UUID, fact: LegChanged) -> None:
    status = fact.status
    moved = await session.run("calls.leg_changed", call_id, fact.leg_sid, status, leg_may_follow(status))
    if status == ANSWERED:
        await session.run("calls.connected", call_id)
    elif moved and status in UNANSWERED:
        await queue.add(session, tenant_id, TELL_UNREACHABLE, subject=call_id, call_id=call_id, urgency=1)


async def _end(session: Session, tenant_id: UUID, call_id: UUID) -> None:
    ended = await session.row("calls.end", call_id)
    if ended is not None and ended["awake"]:
        await queue.add(session, tenant_id, ANALYSE, subject=call_id, call_id=call_id, urgency=4)
