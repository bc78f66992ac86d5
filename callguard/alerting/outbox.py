"""Alerts leave through an outbox: asked for in the verdict's transaction, sent by a worker, followed by
callbacks.

Sending a message is not idempotent, so the intent is stored before and Twilio's SID after. A second attempt
looks first whether Twilio took the message; where that can't be known a second message is better than
silence.
"""

from uuid import UUID

import structlog

from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.db.queue import Work
from callguard.domain.alerts import Contact, DeliveryStatus, delivery_status, may_follow, message, plan
from callguard.domain.scoring import AlertLevel
from callguard.domain.signals import FraudType
from callguard.errors import TelephonyError, TelephonyUnreachable
from callguard.intake.twiml import Twiml
from callguard.telephony.port import SentMessage, Telephony

SEND_ALERT = "send_alert"

log = structlog.get_logger(__name__)


async def request_alerts(
    session: Session,
    tenant_id: UUID,
    call_id: UUID,
    analysis_id: UUID,
    level: AlertLevel,
    excluded_numbers: set[str],
) -> None:
    """Decides who is told and stores it in the verdict's transaction; never the caller or the person."""
    contacts = [Contact(**row) for row in await session.rows("people.contacts_of_call", call_id)]
    told = [
        (row["contact_id"], AlertLevel(row["level"])) for row in await session.rows("alerts.told", call_id)
    ]
    for planned in plan(level, contacts, told, excluded_numbers):
        alert_id = await session.value(
            "alerts.add", tenant_id, call_id, analysis_id, planned.contact.id, planned.level
        )
        if alert_id is not None:
            await queue.add(
                session,
                tenant_id,
                SEND_ALERT,
                subject=alert_id,
                call_id=call_id,
                urgency=1 if planned.level is AlertLevel.DANGER else 2,
                delay_seconds=planned.delay_seconds,
            )


class Outbox:
    """The handler that sends, and the record of what Twilio tells afterwards."""

    def __init__(self, database: Database, telephony: Telephony, twiml: Twiml, sender: str | None) -> None:
        self._database = database
        self._telephony = telephony
        self._twiml = twiml
        self._sender = sender

    async def send(self, work: Work) -> None:
        """Raises TelephonyError to be tried again; a refusal for good ends the alert as failed."""
        async with self._database.tenant(work.tenant_id) as session:
            alert = await session.row("alerts.for_sending", work.subject)
            if alert is None or not await self._begin(session, alert):
                await queue.finish(session, work)
                return
        try:
            sent = await self._deliver(alert, second_attempt=work.attempts > 1)
        except TelephonyUnreachable:
            raise
        except TelephonyError as error:
            if _may_pass(error):
                raise
            async with self._database.tenant(work.tenant_id) as session:
                await _advance(session, alert["id"], DeliveryStatus.FAILED, str(error.twilio_code))
                await queue.finish(session, work)
            log.error("alert_refused", alert=str(alert["id"]), twilio_code=error.twilio_code)
            return
        async with self._database.tenant(work.tenant_id) as session:
            await _advance(session, alert["id"], delivery_status(sent.status), None, sent.sid)
            await queue.finish(session, work)

    async def _begin(self, session: Session, alert: Row) -> bool:
        """Stores the intent; False where there is nothing left to send."""
        if alert["status"] not in (DeliveryStatus.PENDING, DeliveryStatus.SENDING):
            return False
        if alert["overtaken"] or alert["to_number"] is None:
            await _advance(session, alert["id"], DeliveryStatus.SKIPPED, None)
            return False
        await _advance(session, alert["id"], DeliveryStatus.SENDING, None)
        return True

    async def _deliver(self, alert: Row, *, second_attempt: bool) -> SentMessage:
        body = message(
            AlertLevel(alert["level"]),
            alert["person_name"],
            alert["caller_number"],
            FraudType(alert["fraud_type"]) if alert["fraud_type"] else None,
            str(alert["id"])[:6].upper(),
        )
        if second_attempt:
            found = await self._telephony.find_message(
                to=alert["to_number"], body=body, since=alert["created_at"]
            )
            if found is not None:
                return found
        return await self._telephony.send_message(
            to=alert["to_number"],
            sender=self._sender or alert["twilio_number"],
            body=body,
            status_callback=self._twiml.message_status_url(alert["id"]),
        )

    async def gave_up(self, work: Work, code: str) -> None:
        """The alert could not be sent: a visible failure."""
        log.error("alert_not_sent", alert=str(work.subject), code=code)
        async with self._database.tenant(work.tenant_id) as session:
            await _advance(session, work.subject, DeliveryStatus.FAILED, code)

    async def told(self, alert_id: UUID, status: str, message_sid: str, error_code: str | None) -> bool:
        """A status callback of Twilio's; False for an alert that is not here. Raises DatabaseError."""
        async with self._database.session() as session:
            tenant_id = await session.value("alerts.resolve", alert_id)
        if tenant_id is None:
            return False
        async with self._database.tenant(tenant_id) as session:
            await _advance(session, alert_id, delivery_status(status), error_code, message_sid)
        return True


def _may_pass(error: TelephonyError) -> bool:
    return error.status is None or error.status == 429 or error.status >= 500


async def _advance(
    session: Session,
    alert_id: UUID,
    status: DeliveryStatus,
    error_code: str | None,
    message_sid: str | None = None,
) -> None:
    await session.run("alerts.advance", alert_id, status, list(may_follow(status)), error_code, message_sid)
