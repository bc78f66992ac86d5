"""Alerts leave through an outbox: asked for in the verdict's transaction, sent by a worker, followed by
callbacks. Which channels follow or accompany which is `domain/alerts.py`'s to say.

Sending a message is not idempotent, so the intent is stored before and Twilio's SID after. A second attempt
looks first whether Twilio took the message; where that can't be known a second message is better than
silence. Every attempt by a channel is a row of its own, once per contact, level and call.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Protocol
from uuid import UUID

import structlog

from callguard.alerting.opt_out import opted_out
from callguard.alerting.speech import AlertSpeech
from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.db.queue import Work
from callguard.domain.alerts import (
    FREE,
    NOT_RECEIVED,
    Channel,
    Contact,
    DeliveryStatus,
    after,
    beside,
    delivery_status,
    may_follow,
    message,
    plan,
)
from callguard.domain.notices import Kind
from callguard.domain.replies import code_of
from callguard.domain.scoring import AlertLevel
from callguard.domain.signals import FraudType
from callguard.errors import DeliveryError, DeliveryRefused, TelephonyError
from callguard.telephony.port import Telephony
from callguard.transcript import notices

SEND_ALERT = "send_alert"
ESCALATE = "escalate"
# Twilio's code for a recipient who sent STOP, of which it may have told nobody.
OPTED_OUT = 21610
# Some ten seconds: from then on the operator knows that an alert does not get away.
ATTEMPTS_IN_SILENCE = 5

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
            "alerts.add",
            tenant_id,
            call_id,
            analysis_id,
            planned.contact.id,
            planned.level,
            planned.channel,
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


async def escalate_soon(
    session: Session, tenant_id: UUID, call_id: UUID, alert_id: UUID, delay_seconds: float
) -> None:
    """The next channels follow this alert, unless it is answered before."""
    await queue.add(
        session,
        tenant_id,
        ESCALATE,
        subject=alert_id,
        call_id=call_id,
        urgency=1,
        delay_seconds=delay_seconds,
    )


class AlertChannel(Protocol):
    """A way to a contact that goes past Twilio."""

    async def send(self, tenant_id: UUID, alert: Row, text: str) -> str | None:
        """Hands over an alert (a row of `alerts.for_sending`) in these words; the id it has there, if any.

        Sending twice shows once. Raises DeliveryError, or DeliveryRefused where that is for good.
        """
        ...


class Outbox:
    """The handlers that send, and the record of what Twilio tells afterwards.

    `others` are the channels beside SMS and call that are set up.
    """

    def __init__(
        self,
        database: Database,
        telephony: Telephony,
        speech: AlertSpeech,
        sender: str | None,
        answer_seconds: float,
        others: Mapping[Channel, AlertChannel] = MappingProxyType({}),
    ) -> None:
        self._others = others
        self._database = database
        self._telephony = telephony
        self._speech = speech
        self._sender = sender
        self._answer_seconds = answer_seconds

    async def send(self, work: Work) -> None:
        """Raises TelephonyError or DeliveryError to be tried again; a refusal for good ends the alert as
        failed.
        """
        async with self._database.tenant(work.tenant_id) as session:
            alert = await session.row("alerts.for_sending", work.subject)
            if alert is None or not await self._begin(session, work, alert):
                await queue.finish(session, work)
                return
        try:
            sid, status = await self._deliver(work.tenant_id, alert, second_attempt=work.attempts > 1)
        except (TelephonyError, DeliveryError) as error:
            if not may_pass(error):
                await self._refused(work, alert, error)
                return
            async with self._database.tenant(work.tenant_id) as session:
                if alert["alert_type"] not in FREE:
                    await self._ask(session, work, FREE)
                if work.attempts >= ATTEMPTS_IN_SILENCE:
                    await _tell_if_unreached(session, work)
            raise
        async with self._database.tenant(work.tenant_id) as session:
            await _advance(session, work.tenant_id, alert["id"], status, None, sid)
            if alert["alert_type"] == Channel.SMS:
                await escalate_soon(session, work.tenant_id, work.call_id, alert["id"], self._answer_seconds)
            await queue.finish(session, work)

    async def _refused(self, work: Work, alert: Row, error: TelephonyError | DeliveryError) -> None:
        """For good: a visible failure, which the next channel follows."""
        twilio_code = error.twilio_code if isinstance(error, TelephonyError) else None
        code = error.code if twilio_code is None else str(twilio_code)
        async with self._database.tenant(work.tenant_id) as session:
            await _advance(session, work.tenant_id, alert["id"], DeliveryStatus.FAILED, code)
            if twilio_code == OPTED_OUT and alert["contact_id"] is not None:
                await opted_out(session, work.tenant_id, alert["contact_id"])
            await queue.finish(session, work)
        log.error("alert_refused", alert=str(alert["id"]), channel=alert["alert_type"], refused_with=code)

    async def _ask(self, session: Session, work: Work, channels: Collection[Channel]) -> None:
        """The same alert by these channels, as far as they are set up, reach the contact, and are new."""
        ready = [channel for channel in channels if channel not in FREE or channel in self._others]
        for alert in await session.rows("alerts.also", work.subject, ready):
            await queue.add(
                session, work.tenant_id, SEND_ALERT, subject=alert["id"], call_id=work.call_id, urgency=1
            )

    async def _begin(self, session: Session, work: Work, alert: Row) -> bool:
        """Stores the intent, and what leaves beside it; False where there is nothing left to send."""
        tenant_id = work.tenant_id
        if alert["status"] not in (DeliveryStatus.PENDING, DeliveryStatus.SENDING):
            return False
        needless = alert["answered"] and (
            alert["level"] == AlertLevel.WARNING or alert["alert_type"] == Channel.CALL
        )
        if needless or alert["is_safe"] or alert["overtaken"] or alert["to_number"] is None:
            await _advance(session, tenant_id, alert["id"], DeliveryStatus.SKIPPED, None)
            return False
        await _advance(session, tenant_id, alert["id"], DeliveryStatus.SENDING, None)
        await self._ask(session, work, beside(AlertLevel(alert["level"]), Channel(alert["alert_type"])))
        return True

    async def _deliver(
        self, tenant_id: UUID, alert: Row, *, second_attempt: bool
    ) -> tuple[str | None, DeliveryStatus]:
        """The id of the message or call where it is on its way, and how far it is."""
        other = self._others.get(Channel(alert["alert_type"]))
        if other is not None:
            return await other.send(tenant_id, alert, _text(alert)), DeliveryStatus.SENT
        if alert["alert_type"] in FREE:
            raise DeliveryRefused("This channel is not set up any longer.", code="CHANNEL_NOT_SET_UP")
        send = self._ring if alert["alert_type"] == Channel.CALL else self._write
        sender = self._sender or alert["twilio_number"]
        return await send(alert, sender, second_attempt=second_attempt)

    async def _write(self, alert: Row, sender: str, *, second_attempt: bool) -> tuple[str, DeliveryStatus]:
        to, since, body = alert["to_number"], alert["created_at"], _text(alert)
        sent = None
        if second_attempt:
            sent = await self._telephony.find_message(to=to, body=body, since=since)
        if sent is None:
            callback = self._speech.message_status_url(alert["id"])
            sent = await self._telephony.send_message(
                to=to, sender=sender, body=body, status_callback=callback
            )
        return sent.sid, delivery_status(sent.status)

    async def _ring(self, alert: Row, sender: str, *, second_attempt: bool) -> tuple[str, DeliveryStatus]:
        to, since = alert["to_number"], alert["created_at"]
        sid = None
        if second_attempt:
            sid = await self._telephony.find_call(to=to, sender=sender, since=since)
        if sid is None:
            twiml = self._speech.alert_call(
                alert["id"],
                AlertLevel(alert["level"]),
                alert["person_name"],
                _fraud_type(alert),
                alert["language"],
            )
            callback = self._speech.call_status_url(alert["id"])
            sid = await self._telephony.place_call(
                to=to, sender=sender, twiml=twiml, status_callback=callback
            )
        return sid, DeliveryStatus.SENT

    async def escalate(self, work: Work) -> None:
        """The alert did not arrive, or nobody answered in time: the next channels tell the same contact."""
        async with self._database.tenant(work.tenant_id) as session:
            alert = await session.row("alerts.for_sending", work.subject)
            if alert is not None and not (
                alert["answered"]
                or alert["is_safe"]
                or alert["overtaken"]
                or alert["status"] == DeliveryStatus.SKIPPED
            ):
                await self._ask(session, work, after(Channel(alert["alert_type"])))
                await _tell_if_unreached(session, work)
            await queue.finish(session, work)

    async def gave_up(self, session: Session, work: Work, code: str) -> None:
        """The alert could not be sent: a visible failure."""
        log.error("alert_not_sent", alert=str(work.subject), code=code)
        await _advance(session, work.tenant_id, work.subject, DeliveryStatus.FAILED, code)

    async def told(self, alert_id: UUID, status: str, sid: str, error_code: str | None) -> bool:
        """A status callback of Twilio's; False for an alert that is not here. Raises DatabaseError."""
        async with self._database.session() as session:
            tenant_id = await session.value("alerts.resolve", alert_id)
        if tenant_id is None:
            return False
        async with self._database.tenant(tenant_id) as session:
            await _advance(session, tenant_id, alert_id, delivery_status(status), error_code, sid)
        return True


async def _tell_if_unreached(session: Session, work: Work) -> None:
    """The operator learns that a contact got none of the call's alerts, and none is about to leave."""
    contact_id = await session.value("alerts.unreached", work.subject)
    if contact_id is not None:
        await notices.tell(session, work.tenant_id, work.call_id, Kind.ALERT_NOT_SENT, contact_id)


def _text(alert: Row) -> str:
    """The words of an alert, the same by every written channel."""
    person, caller = alert["person_name"], alert["caller_number"]
    return message(AlertLevel(alert["level"]), person, caller, _fraud_type(alert), code_of(alert["id"]))


def _fraud_type(alert: Row) -> FraudType | None:
    return FraudType(alert["fraud_type"]) if alert["fraud_type"] else None


def may_pass(error: TelephonyError | DeliveryError) -> bool:
    """Whether a later attempt may succeed."""
    if isinstance(error, DeliveryError):
        return not isinstance(error, DeliveryRefused)
    return error.status is None or error.status == 429 or error.status >= 500


async def _advance(
    session: Session,
    tenant_id: UUID,
    alert_id: UUID,
    status: DeliveryStatus,
    error_code: str | None,
    sid: str | None = None,
) -> None:
    """Moves the alert forward; one that is lost is followed by the next channels."""
    call_id = await session.value(
        "alerts.advance", alert_id, status, list(may_follow(status)), error_code, sid
    )
    if call_id is not None and status in NOT_RECEIVED:
        await escalate_soon(session, tenant_id, call_id, alert_id, delay_seconds=0)
