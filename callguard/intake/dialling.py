"""The person is dialled into the conference, or the caller told that they can't be reached."""

import structlog

from callguard.db import queue
from callguard.db.pool import Database
from callguard.db.queue import Work
from callguard.domain.caller import WITHHELD
from callguard.intake.records import TELL_UNREACHABLE
from callguard.intake.twiml import Twiml
from callguard.telephony.port import DialledLeg, Telephony

log = structlog.get_logger(__name__)


class Dialler:
    """Handlers of the two kinds of work that reach for the telephone on behalf of a waiting caller."""

    def __init__(self, database: Database, telephony: Telephony, twiml: Twiml) -> None:
        self._database = database
        self._telephony = telephony
        self._twiml = twiml

    async def dial(self, work: Work) -> None:
        """Rings the person, bearing the caller's own number where a call token lets us.

        A second attempt looks first.
        """
        async with self._database.tenant(work.tenant_id) as session:
            call = await session.row("calls.for_dialling", work.call_id)
        if call is None or call["status"] != "active" or call["leg_sid"] is not None:
            async with self._database.tenant(work.tenant_id) as session:
                await queue.finish(session, work)
            return
        leg = await self._lost_reply(
            work, call["conference_name"]
        ) or await self._telephony.dial_into_conference(
            conference=call["conference_name"],
            to=call["phone_number"],
            caller=work.payload["raw_from"],
            fallback_caller=call["called_number"],
            call_token=work.payload["call_token"] if call["caller_number"] != WITHHELD else None,
            status_callback=self._twiml.leg_status_url(call["call_sid"]),
        )
        async with self._database.tenant(work.tenant_id) as session:
            await session.run(
                "calls.leg_dialled", work.call_id, leg.call_sid, leg.used_call_token, leg.token_refused
            )
            await queue.finish(session, work)

    async def _lost_reply(self, work: Work, conference: str) -> DialledLeg | None:
        if work.attempts == 1:
            return None
        sid = await self._telephony.leg_in_conference(conference)
        return (
            DialledLeg(sid, used_call_token=work.payload["call_token"] is not None, token_refused=None)
            if sid
            else None
        )

    async def dial_gave_up(self, work: Work, code: str) -> None:
        """The person can't be rung: the caller is not left waiting."""
        log.error("person_not_dialled", work=work.id, code=code)
        async with self._database.tenant(work.tenant_id) as session:
            await queue.add(
                session,
                work.tenant_id,
                TELL_UNREACHABLE,
                subject=work.call_id,
                call_id=work.call_id,
                urgency=1,
            )

    async def tell_unreachable(self, work: Work) -> None:
        """Says so to a caller who still waits."""
        async with self._database.tenant(work.tenant_id) as session:
            waiting = await session.row("calls.caller_leg", work.call_id)
        if waiting is not None:
            await self._telephony.redirect(waiting["call_sid"], self._twiml.unreachable(waiting["language"]))
        async with self._database.tenant(work.tenant_id) as session:
            await queue.finish(session, work)
