"""The person's own phone screens the call: its robot is told who is calling, and is not taken for the person.

Its leg must not end the conference: when it hangs up the caller still waits, and the next way is tried.
"""

from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.db.queue import Work
from callguard.domain.call import FINAL, Turn
from callguard.domain.call_screening import (
    BEGINS_WITHIN_S,
    PERSON_WITHIN_S,
    is_call_screening,
    may_be_the_robot,
)
from callguard.domain.facts import WordsHeard
from callguard.errors import DatabaseError
from callguard.intake import life, payloads
from callguard.intake.asking import ask_to_dial
from callguard.intake.language import follow
from callguard.intake.signature import SignatureGate
from callguard.intake.twiml import Twiml
from callguard.intake.verified import Form, verified
from callguard.telephony.port import Telephony
from callguard.transcript import store as transcripts

ANSWER_PHONE = "answer_phone"


async def hear(session: Session, call: Row, words: WordsHeard) -> None:
    """Stores words; of a screening robot's, which are nobody's, only that a result came.

    Partial results decide only for the robot, whose sentences are known; the person is known by a final one.
    """
    tenant_id, call_id = call["tenant_id"], call["call_id"]
    if words.track == "outbound_track" and await _is_robots(session, tenant_id, call_id, words):
        words = msgspec.structs.replace(words, text="")
    heard = await follow(session, call, words)
    await transcripts.add(session, tenant_id, call_id, heard.language, words, earlier=heard.earlier)


async def _is_robots(session: Session, tenant_id: UUID, call_id: UUID, words: WordsHeard) -> bool:
    if is_call_screening(words.text):
        leg_id: UUID | None = await session.value("legs.robot_speaks", call_id, BEGINS_WITHIN_S)
        if leg_id is not None:
            await life.move(session, call_id, Turn.MACHINE_CAME)
            await session.run("transcripts.not_the_persons", leg_id)
            await _ask_to_answer(session, tenant_id, call_id, leg_id)
            await ask_to_dial(session, tenant_id, call_id, PERSON_WITHIN_S)
            return True
    leg_id = await session.value("legs.screening", call_id)
    if leg_id is None:
        return False
    if not words.is_final or may_be_the_robot(words.text):
        return True
    await session.run("legs.person_speaks", leg_id)
    await life.move(session, call_id, Turn.PERSON_CAME)
    await _ask_to_answer(session, tenant_id, call_id, leg_id)
    return False


async def _ask_to_answer(session: Session, tenant_id: UUID, call_id: UUID, leg_id: UUID) -> None:
    await queue.add(session, tenant_id, ANSWER_PHONE, subject=leg_id, call_id=call_id, urgency=1)


class PhoneScreening:
    """The handler of ANSWER_PHONE, one row for each turn that a leg takes, and what such a phone is told."""

    def __init__(self, database: Database, telephony: Telephony, twiml: Twiml) -> None:
        self._database = database
        self._telephony = telephony
        self._twiml = twiml

    async def answer(self, work: Work) -> None:
        """Tells the robot who calls, or, once the person has come, lets the call end with them again."""
        async with self._database.tenant(work.tenant_id) as session:
            leg = await session.row("legs.for_announcing", work.subject)
        if leg is not None and leg["call_sid"] is not None and leg["status"] not in FINAL:
            came = leg["person_came"]
            await self._telephony.change_participant(
                conference=leg["conference_name"],
                call_sid=leg["call_sid"],
                ends_conference=came,
                announcement=None if came else self._twiml.who_calls_url(leg["callers_sid"]),
            )
        async with self._database.tenant(work.tenant_id) as session:
            await queue.finish(session, work)

    def http_routes(self, signatures: SignatureGate) -> list[Route]:
        """The doors of this part."""
        return [Route("/who-calls", verified(signatures, self.who_calls), methods=["GET", "POST"])]

    async def who_calls(self, request: Request, _form: Form) -> Response:
        """The person's phone asks who is calling in the call named by `parent`."""
        parent = payloads.call_sid({"CallSid": request.query_params.get("parent", "")})
        try:
            async with self._database.session() as session:
                found = await session.row("calls.resolve", parent)
            if found is None:
                return Response(status_code=404)
            async with self._database.tenant(found["tenant_id"]) as session:
                call = await session.row("calls.who_calls", found["call_id"])
        except DatabaseError as error:
            return PlainTextResponse(f"{error}\n", status_code=503)
        if call is None:
            return Response(status_code=404)
        twiml = self._twiml.who_calls(call["person_name"], call["caller_number"], call["language"])
        return Response(twiml, media_type="text/xml")
