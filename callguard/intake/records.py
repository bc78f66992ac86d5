"""Facts into Postgres: each is recorded once, whatever the number of times and the order in which it is told.

Which call it belongs to, and so which tenant, is asked of a resolver function; all else happens in that
tenant's name.
"""

from dataclasses import dataclass
from uuid import UUID

from callguard.analysis import catalogue_store
from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.domain.call import (
    FINAL,
    UNANSWERED,
    Turn,
    conference_name,
    is_machine,
    leg_may_follow,
    turn_of_conference,
    turn_of_leg,
)
from callguard.domain.caller import e164, parse_verstat
from callguard.domain.facts import (
    AnyFact,
    CallArrived,
    CallerScreened,
    ConferenceChanged,
    ConnectionChosen,
    LegAnsweredBy,
    LegChanged,
    MessageRecorded,
    TranscriptionChanged,
    WordsHeard,
)
from callguard.domain.ladder import StepState, step_may_follow
from callguard.domain.listening import TRANSCRIPTION_ENDED, Fault
from callguard.domain.notices import Kind
from callguard.domain.policy import MONITORED, Action, Consent, Decision, Reason, decide
from callguard.errors import CallUnknown, DatabaseError, NumberUnknown
from callguard.intake import life, phone_screening, screening
from callguard.intake.asking import (
    DIAL,
    WATCH_TRANSCRIPTION,
    ask_to_dial,
    ask_to_watch,
    dial_after,
    started_within,
)
from callguard.intake.routes import Route, route_of
from callguard.intake.screening import Screened
from callguard.intake.wordings import announcement_played, consent_played
from callguard.transcript import notices

TELL_UNREACHABLE = "tell_unreachable"
ANALYSE = "analyse"
JUDGE_VOICE = "judge_voice"
TRANSCRIBE_MESSAGE = "transcribe_message"

# A transcription stops when its call ends; that the call did is told a little later.
ENDING_SECONDS = 2.0
LOOK_AFTER = "look_after"

# A call of which nothing is heard for this long is asked about.
SILENT_SECONDS = 600.0
# A caller who is asked who they are has answered by then, or the call is over.
SCREENED_WITHIN_SECONDS = 300.0
# What seems to be a machine may show, by its words, to be a phone that screens its calls.
MACHINE_SECONDS = 1.5


# What a contact who was brought in does, as states of that step.
CONTACT_STATES = {"participant-join": StepState.DONE, "participant-leave": StepState.UNDONE}

# SQLSTATE 54000: the notification queue is full. The words are stored without one, and polling finds the
# work.
NOTIFICATIONS_FULL = "DATABASE_54000"

CallFact = (
    WordsHeard
    | TranscriptionChanged
    | LegChanged
    | LegAnsweredBy
    | ConferenceChanged
    | CallerScreened
    | ConnectionChosen
    | MessageRecorded
)

# Whose a call is never changes while it lives: by the SID of the caller's leg, the oldest dropped first.
KnownCalls = dict[str, Row]
MOST_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a recorded call is answered.

    `looping`: it is the person's own line that forwards our dialling back. `hints`: what the recogniser is
    told to expect, by the tenant's own catalogue.
    """

    route: Route
    conference_name: str
    consent: Consent
    looping: bool
    decision: Decision = MONITORED
    hints: tuple[str, ...] | None = None


async def arrive(database: Database, fact: CallArrived) -> Arrival:
    """Stores a call with how it is answered and, in the same transaction, the work of dialling the person.

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
    tenant_id, route = found["tenant_id"], route_of(found, twilio_number=fact.called)
    decision = fact.decision or decision_about(fact, route)
    async with database.tenant(tenant_id) as session:
        if not fact.dialled_directly and await _cut_loop(session, tenant_id, route, fact):
            return Arrival(route, "", Consent.OFF, looping=True)
        hints = await catalogue_store.hints(session, tenant_id, route.language)
        if await _open(session, tenant_id, route, fact, decision) is None:
            known = await session.row("calls.known", fact.call_sid)
            if known is None:
                raise CallUnknown("The call's SID is known, but not under this number.")
            if fact.dialled_directly:
                await session.run("work.drop", tenant_id, DIAL, known["id"])
                await session.run("ladder.dialled_directly", known["id"])
                await session.run("calls.carried_out", known["id"], decision.action)
            taken = Decision(Action(known["decision"]), Reason(known["decision_reason"]))
            consent = consent_played(known["announcement"])
            return Arrival(route, known["conference_name"], consent, False, taken, hints)
    consent = _consent(route, fact, decision)
    return Arrival(route, _conference(route, fact), consent, False, decision, hints)


def decision_about(fact: CallArrived, route: Route) -> Decision:
    """How the call is answered, by the policy of the person who is called."""
    return decide(fact.caller, fact.called, parse_verstat(fact.stir_verstat), route.policy, fact.arrived_at)


def _conference(route: Route, fact: CallArrived) -> str:
    return conference_name(route.user_id, fact.arrived_at, fact.call_sid)


def _consent(route: Route, fact: CallArrived, decision: Decision) -> Consent:
    return route.consent if decision.monitors and not fact.dialled_directly else Consent.OFF


async def _cut_loop(session: Session, tenant_id: UUID, route: Route, fact: CallArrived) -> bool:
    """Whether the call is our own dialling that comes back.

    Then that leg is given up, its way is marked, the operator is told, and the waiting caller's next way is
    asked for; once, however often it is told.
    """
    forwarded_from = e164(fact.forwarded_from or "") or fact.forwarded_from
    parent = await session.row("calls.looping", route.user_id, fact.caller, fact.call_sid, forwarded_from)
    if parent is None:
        return False
    call_id = parent["call_id"]
    if parent["is_new"]:
        await session.run("legs.looped", parent["leg_id"], fact.call_sid)
        await session.run(
            "deliveries.looping", tenant_id, route.user_id, parent["route_kind"], parent["address"]
        )
        await notices.tell(session, tenant_id, call_id, Kind.FORWARDING_LOOP)
        await ask_to_dial(session, tenant_id, call_id)
    return True


async def _open(
    session: Session, tenant_id: UUID, route: Route, fact: CallArrived, decision: Decision
) -> UUID | None:
    consent = _consent(route, fact, decision)
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
        consent is not Consent.OFF,
        fact.arrived_at,
        decision.action,
        decision.reason,
        announcement_played(decision.action, route.language, consent),
    )
    if call_id is None or decision.action is Action.REJECT:
        return call_id
    if fact.dialled_directly:
        await session.run("ladder.dialled_directly", call_id)
    await queue.add(
        session,
        tenant_id,
        LOOK_AFTER,
        subject=call_id,
        call_id=call_id,
        urgency=9,
        delay_seconds=SILENT_SECONDS,
    )
    if decision.monitors:
        await ask_to_watch(session, tenant_id, call_id, started_within(consent))
    if decision.bridges and not fact.dialled_directly:
        first = route.first_delivery
        await session.value("legs.expect", tenant_id, call_id, 1, first.kind, first.address)
        await ask_to_dial(session, tenant_id, call_id, dial_after(consent), token_of=fact)
    elif decision.action is Action.SCREEN:
        # The call token comes once: it waits with the dialling until the caller has answered.
        await ask_to_dial(session, tenant_id, call_id, SCREENED_WITHIN_SECONDS, token_of=fact)
    return call_id


async def screened(database: Database, fact: CallerScreened, known: KnownCalls) -> Screened:
    """Stores the answer to the screening question, and gives how the call goes on.

    Raises CallUnknown or DatabaseError.
    """
    await record(database, fact, known)
    call = await _resolve(database, fact.call_sid, known)
    async with database.tenant(call["tenant_id"]) as session:
        return await screening.standing(session, call["call_id"])


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
            await phone_screening.hear(session, call, fact)
        case TranscriptionChanged():
            await _transcription_changed(session, tenant_id, call_id, fact)
        case LegChanged(leg_sid=None, status=status):
            await _live(session, tenant_id, call_id, turn_of_leg(status, is_callers=True), None)
        case LegChanged(leg_sid=str(leg_sid), status=status):
            await persons_leg(session, tenant_id, call_id, leg_sid, status)
        case LegAnsweredBy():
            await _answered(session, tenant_id, call_id, fact)
        case ConferenceChanged():
            await _conference_changed(session, tenant_id, call_id, fact)
        case CallerScreened() | ConnectionChosen() | MessageRecorded():
            await _answered_by_caller(session, call, fact)


async def _answered_by_caller(
    session: Session, call: Row, fact: CallerScreened | ConnectionChosen | MessageRecorded
) -> None:
    """What callers made of what they were asked or offered."""
    tenant_id, call_id = call["tenant_id"], call["call_id"]
    match fact:
        case CallerScreened():
            await screening.conclude(session, call, fact)
        case ConnectionChosen():
            if await session.run("calls.choose_unmonitored", call_id):
                await session.run("work.drop", tenant_id, WATCH_TRANSCRIPTION, call_id)
        case MessageRecorded():
            await _message(session, tenant_id, call_id, fact)


async def _message(session: Session, tenant_id: UUID, call_id: UUID, fact: MessageRecorded) -> None:
    """A caller left a message: people are told, and its words are asked for."""
    message_id = await session.value("voicemails.add", tenant_id, call_id, fact.recording_sid, fact.seconds)
    if message_id is None:
        return
    await notices.tell(session, tenant_id, call_id, Kind.VOICEMAIL)
    await queue.add(session, tenant_id, TRANSCRIBE_MESSAGE, subject=message_id, call_id=call_id, urgency=4)


async def _conference_changed(
    session: Session, tenant_id: UUID, call_id: UUID, fact: ConferenceChanged
) -> None:
    turn = turn_of_conference(fact.event, fact.label)
    await _live(session, tenant_id, call_id, turn, fact.leg_sid)
    if turn is None and fact.event == "participant-join" and await session.value("calls.dials_now", call_id):
        await ask_to_dial(session, tenant_id, call_id)
    if fact.event in CONTACT_STATES and fact.label is not None and fact.label.startswith("contact-"):
        state = CONTACT_STATES[fact.event]
        await session.run("ladder.contact_moved", call_id, fact.label, state, step_may_follow(state))


async def _transcription_changed(
    session: Session, tenant_id: UUID, call_id: UUID, fact: TranscriptionChanged
) -> None:
    if not await session.run("calls.transcription_changed", call_id, fact.state, fact.transcription_sid):
        return
    match fact.state:
        case "started":
            await notices.clear(session, call_id, *TRANSCRIPTION_ENDED)
        case "failed":
            await notices.declare(session, tenant_id, call_id, Fault.TRANSCRIPTION_FAILED)
            await ask_to_watch(session, tenant_id, call_id, 0)
        case _:
            await ask_to_watch(session, tenant_id, call_id, ENDING_SECONDS)


async def persons_leg(session: Session, tenant_id: UUID, call_id: UUID, leg_sid: str, status: str) -> None:
    """A leg of the person moved on; where nobody came on the line, the next way is asked for."""
    moved = await session.run("calls.leg_changed", call_id, leg_sid, status, leg_may_follow(status))
    await _live(session, tenant_id, call_id, turn_of_leg(status, is_callers=False), leg_sid)
    if moved and (
        status in UNANSWERED or (status in FINAL and await session.value("legs.robot_left", call_id, leg_sid))
    ):
        await ask_to_dial(session, tenant_id, call_id)


async def _answered(session: Session, tenant_id: UUID, call_id: UUID, fact: LegAnsweredBy) -> None:
    """A machine is no person: the next way is asked for, not at once where its words may yet tell more."""
    if not is_machine(fact.answered_by):
        return
    is_heard = await session.value("legs.give_up", call_id, fact.leg_sid)
    if is_heard is not None:
        await life.move(session, call_id, Turn.MACHINE_CAME)
        await ask_to_dial(session, tenant_id, call_id, MACHINE_SECONDS if is_heard else 0)


async def _live(
    session: Session, tenant_id: UUID, call_id: UUID, turn: Turn | None, leg_sid: str | None
) -> None:
    """The call moves on; its end takes back what waits for it, and asks for a last look at its words."""
    ended = await life.move(session, call_id, turn, leg_sid)
    if ended is None:
        return
    for kind in (DIAL, LOOK_AFTER, WATCH_TRANSCRIPTION):
        await session.run("work.drop", tenant_id, kind, call_id)
    if ended["is_awake"]:
        await queue.add(session, tenant_id, ANALYSE, subject=call_id, call_id=call_id, urgency=4)
