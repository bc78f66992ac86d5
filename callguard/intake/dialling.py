"""The person is dialled into the conference, by one way after another; where all fail the caller is told."""

from dataclasses import dataclass
from uuid import UUID

import msgspec
import structlog

from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.db.queue import Work
from callguard.domain.call import ANSWERED, FINAL
from callguard.domain.call_screening import PERSON_WITHIN_S
from callguard.domain.caller import WITHHELD
from callguard.domain.delivery import Delivery, TriedLeg, in_order, next_delivery
from callguard.errors import TelephonyError, TelephonyUnreachable
from callguard.intake.asking import DIAL
from callguard.intake.records import TELL_UNREACHABLE, persons_leg
from callguard.intake.twiml import Twiml
from callguard.telephony.destinations import Destinations
from callguard.telephony.port import DialledLeg, Telephony

# After this long a leg that was dialled is asked about: it rings for 40 s, and its callbacks may be lost.
LOOK_AGAIN_SECONDS = 60.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Ring:
    """A leg to be dialled. `asked`: Twilio was asked before, and may have taken it."""

    leg_id: UUID
    address: str
    asked: bool


@dataclass(frozen=True, slots=True)
class _Await:
    """A leg that rings: what becomes of it will be told."""

    leg_sid: str


@dataclass(frozen=True, slots=True)
class _Patience:
    """A leg whose phone asks who is calling: the person has these seconds left."""

    seconds: float


_Move = _Ring | _Await | _Patience | None


class Dialler:
    """Handlers of the two kinds of work that reach for the telephone on behalf of a waiting caller.

    One row of DIAL waits behind each leg that rings, with the call token: whatever ends the leg wakes it.
    """

    def __init__(
        self, database: Database, telephony: Telephony, twiml: Twiml, destinations: Destinations
    ) -> None:
        self._database = database
        self._destinations = destinations
        self._telephony = telephony
        self._twiml = twiml

    async def dial(self, work: Work) -> None:
        """Rings the person by the next way, bearing the caller's own number where a call token lets us."""
        async with self._database.tenant(work.tenant_id) as session:
            call = await session.row("calls.for_dialling", work.call_id)
            if call is None or not _wants_dialling(call):
                await queue.finish(session, work)
                return
            await session.run("legs.give_up_screening", work.call_id, PERSON_WITHIN_S)
            legs = await session.rows("legs.of_call", work.call_id, PERSON_WITHIN_S)
            move = await self._next_move(session, work, legs)
        await self._end_given_up(call, legs)
        match move:
            case _Ring():
                await self._ring(work, call, legs, move)
            case _Await(leg_sid=leg_sid):
                await self._ask_about(work, leg_sid)
            case _Patience(seconds=seconds):
                async with self._database.tenant(work.tenant_id) as session:
                    await _look_again(session, work, delay_seconds=max(seconds, 0))
                    await queue.finish(session, work)
            case None:
                async with self._database.tenant(work.tenant_id) as session:
                    await _ask_to_tell(session, work)
                    await queue.finish(session, work)

    async def _next_move(self, session: Session, work: Work, legs: list[Row]) -> _Move:
        """Decides, and stores the intent before Twilio is asked."""
        tried = [TriedLeg(leg["address"], leg["status"], leg["given_up"] is not None) for leg in legs]
        ways = await session.row("deliveries.of_call", work.call_id)
        if ways is None:
            return None
        home = ways["phone_number"]
        if tried and not tried[-1].is_over:
            leg = legs[-1]
            if leg["person_in"] is not None:
                return _Patience(leg["person_in"])
            if leg["call_sid"] is not None:
                return _Await(leg["call_sid"])
            if ring := await self._allowed(session, leg["id"], leg["address"], home):
                return ring
        ordered = in_order(msgspec.convert(ways["deliveries"], list[Delivery]), home)
        while (way := next_delivery(ordered, tried)) is not None:
            leg_id = await session.value(
                "legs.expect", work.tenant_id, work.call_id, len(tried) + 1, way.kind, way.address
            )
            if ring := await self._allowed(session, leg_id, way.address, home):
                return ring
            tried.append(TriedLeg(way.address, "failed", given_up=False))
        return None

    async def _allowed(self, session: Session, leg_id: UUID, address: str, home: str) -> _Ring | None:
        """The leg as one to be dialled; None, and over, where that number may not be rung."""
        refused = self._destinations.refusal(address, home=home)
        if refused is None:
            return _Ring(leg_id, address, asked=await session.value("legs.ask", leg_id))
        log.error("delivery_refused", leg=str(leg_id), reason=refused)
        await session.run("legs.refuse", leg_id, refused)
        return None

    async def _end_given_up(self, call: Row, legs: list[Row]) -> None:
        """A leg on which a machine speaks, or which came back, is no way to the person."""
        for leg in legs:
            if leg["given_up"] is None or leg["call_sid"] is None or leg["status"] in FINAL:
                continue
            try:
                await self._telephony.drop_leg(call["conference_name"], leg["call_sid"])
            except TelephonyUnreachable:
                raise
            except TelephonyError as error:  # it was over by itself
                log.info("leg_not_ended", code=error.code, twilio_code=error.twilio_code)

    async def _ring(self, work: Work, call: Row, legs: list[Row], move: _Ring) -> None:
        leg = await self._lost_reply(work, call, legs, move) or await self._telephony.dial_into_conference(
            conference=call["conference_name"],
            to=move.address,
            caller=work.payload.get("raw_from", call["caller_number"]),
            fallback_caller=call["called_number"],
            call_token=work.payload.get("call_token") if call["caller_number"] != WITHHELD else None,
            status_callback=self._twiml.leg_status_url(call["call_sid"]),
            answered_by_callback=self._twiml.answered_by_url(call["call_sid"]),
        )
        async with self._database.tenant(work.tenant_id) as session:
            await session.run(
                "calls.leg_dialled", work.call_id, leg.call_sid, leg.used_call_token, leg.token_refused
            )
            await _look_again(session, work)
            await queue.finish(session, work)

    async def _lost_reply(self, work: Work, call: Row, legs: list[Row], move: _Ring) -> DialledLeg | None:
        if not move.asked:
            return None
        known = {leg["call_sid"] for leg in legs if leg["call_sid"] is not None}
        sid = await self._telephony.leg_in_conference(call["conference_name"], known=known)
        used_call_token = work.payload.get("call_token") is not None
        return DialledLeg(sid, used_call_token=used_call_token, token_refused=None) if sid else None

    async def _ask_about(self, work: Work, leg_sid: str) -> None:
        """Nothing was told of the leg for a while, or it was woken too early."""
        status = await self._telephony.call_status(leg_sid) or "failed"
        async with self._database.tenant(work.tenant_id) as session:
            await persons_leg(session, work.tenant_id, work.call_id, leg_sid, status)
            if status != ANSWERED:
                await _look_again(session, work)
            await queue.finish(session, work)

    async def dial_gave_up(self, session: Session, work: Work, code: str) -> None:
        """Twilio could not be brought to dial: the next way, or the caller is not left waiting."""
        log.error("person_not_dialled", work=work.id, code=code)
        if await session.run("legs.not_dialled", work.call_id):
            await _look_again(session, work, delay_seconds=0)
        else:
            await _ask_to_tell(session, work)

    async def tell_unreachable(self, work: Work) -> None:
        """Says so to a caller who still waits, or takes a message where the person wants that."""
        async with self._database.tenant(work.tenant_id) as session:
            waiting = await session.row("calls.caller_leg", work.call_id)
        if waiting is not None:
            language = waiting["language"]
            await self._telephony.redirect(
                waiting["call_sid"],
                self._twiml.voicemail(language, was_heard=waiting["monitored"])
                if waiting["takes_message"]
                else self._twiml.unreachable(language),
            )
        async with self._database.tenant(work.tenant_id) as session:
            await queue.finish(session, work)


def _wants_dialling(call: Row) -> bool:
    """Whether the caller waits for the person: not one who is still asked who they are."""
    return call["status"] == "active" and call["connected_at"] is None and bool(call["bridges"])


async def _look_again(session: Session, work: Work, delay_seconds: float = LOOK_AGAIN_SECONDS) -> None:
    await queue.add(
        session,
        work.tenant_id,
        DIAL,
        subject=work.call_id,
        call_id=work.call_id,
        payload=work.payload,
        urgency=0,
        delay_seconds=delay_seconds,
    )


async def _ask_to_tell(session: Session, work: Work) -> None:
    await queue.add(
        session, work.tenant_id, TELL_UNREACHABLE, subject=work.call_id, call_id=work.call_id, urgency=1
    )
