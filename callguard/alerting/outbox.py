"""Alerts leave through an outbox: asked for in the verdict's transaction, sent by a worker, followed by
callbacks. Which channels follow or accompany which is `domain/alerts.py`'s to say.

Sending a message is not idempotent, so the intent is stored before and Twilio's SID after. A second attempt
looks first whether Twilio took the message; where that can't be known a second message is better than
silence. Every attempt by a channel is a row of its own, once per contact, level and call.
"""

from collections.abc import Collection, Mapping
from time import monotonic
from types import MappingProxyType
from typing import Protocol
from uuid import UUID

import structlog

from callguard.alerting.letters import Letters
from callguard.alerting.opt_out import opted_out
from callguard.alerting.speech import AlertSpeech
from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.db.queue import Work
from callguard.domain.alert_texts import Moment
from callguard.domain.alerts import (
    FREE,
    NOT_RECEIVED,
    UNREACHED,
    Caps,
    Channel,
    Contact,
    DeliveryStatus,
    PlannedAlert,
    after,
    beside,
    delivery_status,
    may_follow,
    plan,
)
from callguard.domain.notices import Kind
from callguard.domain.scoring import AlertLevel
from callguard.domain.signals import FraudType
from callguard.errors import (
    DatabaseError,
    DeliveryError,
    DeliveryRefused,
    DestinationRefused,
    LeaseLost,
    TelephonyError,
)
from callguard.telephony.destinations import Destinations
from callguard.telephony.port import Telephony
from callguard.transcript import notices

SEND_ALERT = "send_alert"
ESCALATE = "escalate"
# A contact who does not answer is rung this often in an hour; beyond it their messages stand alone.
MOST_RINGS_AN_HOUR = 4
# Twilio's code for a recipient who sent STOP, of which it may have told nobody.
OPTED_OUT = "21610"
# Some ten seconds: from then on the operator knows that an alert does not get away.
ATTEMPTS_IN_SILENCE = 5
STOOD_STILL_SECONDS = 0.5
"""Longer between an alert's beginning and its leaving is a process that was stopped, or starved."""

log = structlog.get_logger(__name__)


async def request_alerts(
    session: Session, tenant_id: UUID, call_id: UUID, analysis_id: UUID, level: AlertLevel, caps: Caps
) -> None:
    """Decides who is told and stores it in the verdict's transaction; never the caller or the person.

    Who is not told is stored with the reason; an alert that reaches nobody is a visible failure.
    """
    found = await session.row("alerts.circumstances", call_id)
    if found is None:
        return
    contacts = [Contact(**row) for row in await session.rows("people.contacts_of_call", call_id)]
    told = [
        (row["contact_id"], AlertLevel(row["level"])) for row in await session.rows("alerts.told", call_id)
    ]
    planned = plan(
        level,
        contacts,
        told,
        found["own_numbers"],
        found["now"],
        caps=caps,
        tenant_warnings=found["tenant_warnings"],
    )
    for alert in planned:
        await _request(session, tenant_id, call_id, analysis_id, alert)
    reached = told or any(alert.held_back not in UNREACHED for alert in planned)
    if not reached and await session.value("alerts.reaches_nobody", tenant_id, call_id, analysis_id, level):
        await notices.tell(session, tenant_id, call_id, Kind.NO_VERIFIED_CONTACT)
        log.error(
            "alert_reaches_nobody",
            call=str(call_id),
            alert_level=level,
            do="give the person a contact who confirms their number",
        )


async def _request(
    session: Session, tenant_id: UUID, call_id: UUID, analysis_id: UUID, alert: PlannedAlert
) -> None:
    asked = (tenant_id, call_id, analysis_id, alert.contact.id, alert.level, alert.channel)
    if alert.held_back is not None:
        await session.run("alerts.hold_back", *asked, alert.held_back)
        return
    alert_id = await session.value("alerts.add", *asked)
    if alert_id is not None:
        await queue.add(
            session,
            tenant_id,
            SEND_ALERT,
            subject=alert_id,
            call_id=call_id,
            urgency=1 if alert.level is AlertLevel.DANGER else 2,
            delay_seconds=alert.delay_seconds,
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
        letters: Letters,
        destinations: Destinations,
        sender: str | None,
        answer_seconds: float,
        others: Mapping[Channel, AlertChannel] = MappingProxyType({}),
    ) -> None:
        self._others = others
        self._database = database
        self._telephony = telephony
        self._speech = speech
        self._letters = letters
        self._destinations = destinations
        self._sender = sender
        self._answer_seconds = answer_seconds

    async def send(self, work: Work) -> None:
        """Raises TelephonyError or DeliveryError to be tried again; a refusal for good ends the alert as
        failed.
        """
        began = monotonic()
        async with self._database.tenant(work.tenant_id) as session:
            await queue.make_sure(session, work)
            alert = await session.row("alerts.for_sending", work.subject)
            if alert is None or not await self._begin(session, work, alert):
                await queue.finish(session, work)
                return
        await self._stay_the_one(work, began)
        try:
            sid, status = await self._deliver(work.tenant_id, alert, second_attempt=work.attempts > 1)
        except DestinationRefused as error:
            await self._refused(work, alert, error.reason)
            return
        except (TelephonyError, DeliveryError) as error:
            if error.may_pass:
                await self._held_up(work, alert)
                raise
            await self._refused(work, alert, _code(error))
            return
        async with self._database.tenant(work.tenant_id) as session:
            await _advance(session, work.tenant_id, alert["id"], status, None, sid)
            if alert["alert_type"] == Channel.SMS:
                await escalate_soon(session, work.tenant_id, work.call_id, alert["id"], self._answer_seconds)
            await queue.finish(session, work)

    async def _stay_the_one(self, work: Work, sure_at: float) -> None:
        """Right before the alert leaves: a process that stood still may find that another has sent it.

        Raises LeaseLost. Where the database can't be asked, twice is better than never.
        """
        while monotonic() - sure_at > STOOD_STILL_SECONDS:
            sure_at = monotonic()
            try:
                async with self._database.tenant(work.tenant_id) as session:
                    await queue.make_sure(session, work)
            except LeaseLost:
                raise
            except DatabaseError:
                return

    async def _held_up(self, work: Work, alert: Row) -> None:
        """What goes past Twilio does not wait for it, and the operator learns of a contact in silence."""
        async with self._database.tenant(work.tenant_id) as session:
            if alert["alert_type"] not in FREE:
                await self._ask(session, work, FREE)
            if work.attempts >= ATTEMPTS_IN_SILENCE:
                await _tell_if_unreached(session, work)

    async def _refused(self, work: Work, alert: Row, code: str) -> None:
        """For good: a visible failure, which the next channel follows."""
        async with self._database.tenant(work.tenant_id) as session:
            await _advance(session, work.tenant_id, alert["id"], DeliveryStatus.FAILED, code)
            if code == OPTED_OUT and alert["contact_id"] is not None:
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
            return await other.send(tenant_id, alert, self._letters.alert(alert)), DeliveryStatus.SENT
        if alert["alert_type"] in FREE:
            raise DeliveryRefused("This channel is not set up any longer.", code="CHANNEL_NOT_SET_UP")
        send = self._ring if alert["alert_type"] == Channel.CALL else self._write
        self._destinations.check(alert["to_number"], home=alert["home_number"])
        sender = self._sender or alert["twilio_number"]
        return await send(alert, sender, second_attempt=second_attempt)

    async def _write(self, alert: Row, sender: str, *, second_attempt: bool) -> tuple[str, DeliveryStatus]:
        to, since, body = alert["to_number"], alert["created_at"], self._letters.alert(alert)
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
                FraudType(alert["fraud_type"]) if alert["fraud_type"] else None,
                alert["language"],
                Moment(alert["moment"]),
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
            if alert is not None and not _is_settled(alert):
                following = after(Channel(alert["alert_type"]))
                rung = _may_be_rung(alert)
                await self._ask(session, work, [way for way in following if rung or way in FREE])
                await _tell_if_unreached(session, work)
            await queue.finish(session, work)

    async def gave_up(self, session: Session, work: Work, code: str) -> None:
        """The alert could not be sent: a visible failure."""
        log.error("alert_not_sent", alert=str(work.subject), code=code)
        await _advance(session, work.tenant_id, work.subject, DeliveryStatus.FAILED, code)

    async def told(self, alert_id: UUID, status: str, sid: str | None, error_code: str | None) -> bool:
        """A status as Twilio names it, told by who carries the alert; False for one that is not here.

        Raises DatabaseError.
        """
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


def _is_settled(alert: Row) -> bool:
    """Whether nothing more needs to follow."""
    return bool(
        alert["answered"]
        or alert["is_safe"]
        or alert["overtaken"]
        or alert["status"] == DeliveryStatus.SKIPPED
    )


def _may_be_rung(alert: Row) -> bool:
    """Only a number that has confirmed itself, and where messages arrive not again and again."""
    arrived = alert["status"] not in NOT_RECEIVED
    return bool(alert["verified"]) and not (arrived and alert["rung_lately"] >= MOST_RINGS_AN_HOUR)


def _code(error: TelephonyError | DeliveryError) -> str:
    twilio_code = error.twilio_code if isinstance(error, TelephonyError) else None
    return error.code if twilio_code is None else str(twilio_code)


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
