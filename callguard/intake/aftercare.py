"""Calls whose end nobody told: Twilio is asked about those of which nothing was heard for long."""

import structlog

from callguard.db import queue
from callguard.db.pool import Database
from callguard.db.queue import Work
from callguard.domain.call import FINAL
from callguard.domain.facts import LegChanged
from callguard.intake import records
from callguard.intake.records import LOOK_AFTER, SILENT_SECONDS
from callguard.telephony.port import Telephony

log = structlog.get_logger(__name__)


class Aftercare:
    """The handler of LOOK_AFTER: one row waits for as long as the call runs."""

    def __init__(self, database: Database, telephony: Telephony) -> None:
        self._database = database
        self._telephony = telephony

    async def look_after(self, work: Work) -> None:
        """Ends a call that is over at Twilio, or unknown there; else looks again later."""
        async with self._database.tenant(work.tenant_id) as session:
            call = await session.row("calls.quiet_seconds", work.call_id)
        silent = 0.0 if call is None else call["seconds"]
        status: str | None = "in-progress"
        if call is not None and silent >= SILENT_SECONDS:
            status = await self._telephony.call_status(call["call_sid"])
            silent = 0.0
        if call is not None and (status is None or status in FINAL):
            log.warning("call_ended_unheard", call=str(work.call_id), known=status is not None)
            over = LegChanged(call_sid=call["call_sid"], leg_sid=None, status=status or "completed")
            await records.record(self._database, over)
        async with self._database.tenant(work.tenant_id) as session:
            if call is not None and status is not None and status not in FINAL:
                await queue.add(
                    session,
                    work.tenant_id,
                    LOOK_AFTER,
                    subject=work.call_id,
                    call_id=work.call_id,
                    urgency=9,
                    delay_seconds=SILENT_SECONDS - silent,
                )
            await queue.finish(session, work)
