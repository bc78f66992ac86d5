"""Notices are sent to who asked for them: in batches, a few a day, by e-mail or SMS, each attempt a row.

The person's own messages wait until they are off the phone: who has them read out what arrives meanwhile
would learn what is listened to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

import structlog

from callguard.alerting.email import Mailer
from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.db.queue import Work
from callguard.domain.alerts import DeliveryStatus, delivery_status, may_follow
from callguard.domain.notices import DAILY_CAP, Recipient, kinds_for, sentences, subject, text_message
from callguard.errors import DeliveryError, DeliveryRefused, TelephonyError
from callguard.intake.twiml import RETRIED
from callguard.telephony.port import Telephony

SEND_NOTICE = "send_notice"
OFF_THE_PHONE_SECONDS = 30.0
STATUS_PATH = "/notice-status"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Operator:
    """Where the operator wants to be told, if anywhere."""

    email: str | None
    number: str | None


@dataclass(frozen=True, slots=True)
class _Addressee:
    recipient: Recipient
    contact_id: UUID | None
    email: str | None
    number: str | None

    def channel(self, mailer: Mailer | None) -> str | None:
        if self.email is not None and mailer is not None:
            return "email"
        return "sms" if self.number is not None else None


class NoticeSender:
    """The handlers of SEND_NOTICES, for all that is new about a person, and of SEND_NOTICE, for one message.

    `mailer` is None where there is no e-mail; `sender` is the number that all messages come from, if any.
    """

    def __init__(
        self,
        database: Database,
        telephony: Telephony,
        mailer: Mailer | None,
        operator: Operator,
        sender: str | None,
        base_url: str,
    ) -> None:
        self._database = database
        self._telephony = telephony
        self._mailer = mailer
        self._operator = operator
        self._sender = sender
        self._base_url = base_url

    async def collect(self, work: Work) -> None:
        """Puts what nobody was told yet into one message for each recipient, with the work of sending it."""
        async with self._database.tenant(work.tenant_id) as session:
            untold = await session.rows("notices.untold", work.tenant_id, work.subject)
            if untold:
                for addressee in await self._addressees(session, work.subject):
                    kinds = kinds_for(addressee.recipient, [row["kind"] for row in untold])
                    if kinds:
                        await self._request(session, work, addressee, kinds)
                await session.run("notices.told", [row["id"] for row in untold])
            await queue.finish(session, work)

    async def _addressees(self, session: Session, user_id: UUID) -> list[_Addressee]:
        person = await session.row("notice_messages.person", user_id)
        number = person["phone_number"] if person is not None else None
        return [
            _Addressee(Recipient.OPERATOR, None, self._operator.email, self._operator.number),
            _Addressee(Recipient.PERSON, None, None, number),
            *(
                _Addressee(Recipient.CONTACT, contact["id"], contact["email"], contact["phone_number"])
                for contact in await session.rows("notice_messages.contacts", user_id)
            ),
        ]

    async def _request(self, session: Session, work: Work, to: _Addressee, kinds: Sequence[str]) -> None:
        channel = to.channel(self._mailer)
        if channel is None:
            return
        whose = (work.subject, to.recipient, to.contact_id)
        capped = await session.value("notice_messages.sent_today", *whose) >= DAILY_CAP
        status = DeliveryStatus.SKIPPED if capped else DeliveryStatus.PENDING
        message_id = await session.value(
            "notice_messages.add",
            work.tenant_id,
            *whose,
            channel,
            list(kinds),
            status,
            "DAILY_CAP" if capped else None,
        )
        if not capped:
            await _ask_to_send(session, work.tenant_id, message_id, 0)

    async def send(self, work: Work) -> None:
        """Raises TelephonyError or DeliveryError to be tried again."""
        async with self._database.tenant(work.tenant_id) as session:
            message = await session.row("notice_messages.for_sending", work.subject)
            person = message and await session.row("notice_messages.person", message["user_id"])
            if message is None or person is None or await self._waits(session, work, message, person):
                await queue.finish(session, work)
                return
            await _advance(session, message["id"], DeliveryStatus.SENDING)
        sid, status, code = None, DeliveryStatus.SENT, None
        try:
            sid, status = await self._deliver(work, message, person)
        except (TelephonyError, DeliveryError) as error:
            if error.may_pass:
                raise
            status, code = DeliveryStatus.FAILED, error.code
            log.error("notice_refused", message=str(message["id"]), refused_with=code)
        async with self._database.tenant(work.tenant_id) as session:
            await _advance(session, message["id"], status, code, sid)
            await queue.finish(session, work)

    async def _waits(self, session: Session, work: Work, message: Row, person: Row) -> bool:
        """Whether there is nothing to send (now)."""
        if message["status"] not in (DeliveryStatus.PENDING, DeliveryStatus.SENDING):
            return True
        if message["recipient"] != Recipient.PERSON or not person["is_on_the_phone"]:
            return False
        await _ask_to_send(session, work.tenant_id, work.subject, OFF_THE_PHONE_SECONDS)
        return True

    async def _deliver(self, work: Work, message: Row, person: Row) -> tuple[str | None, DeliveryStatus]:
        kinds, name, language = message["kinds"], person["name"], message["language"] or person["language"]
        email, number = self._address(message, person)
        if message["channel"] == "email" and self._mailer is not None and email is not None:
            await self._mailer.send(
                to=email,
                subject=subject(language),
                body="\n\n".join(sentences(kinds, name, language)) + "\n",
                message_id=message["id"],
            )
            return None, DeliveryStatus.SENT
        if message["channel"] == "email" or number is None:
            raise DeliveryRefused("The recipient has no such address any longer.", code="NO_ADDRESS")
        body = text_message(kinds, name, language)
        sent = None
        if work.attempts > 1:
            sent = await self._telephony.find_message(to=number, body=body, since=message["created_at"])
        if sent is None:
            sent = await self._telephony.send_message(
                to=number,
                sender=self._sender or person["twilio_number"],
                body=body,
                status_callback=self._status_url(work.tenant_id, message["id"]),
            )
        return sent.sid, delivery_status(sent.status)

    def _address(self, message: Row, person: Row) -> tuple[str | None, str | None]:
        match Recipient(message["recipient"]):
            case Recipient.OPERATOR:
                return self._operator.email, self._operator.number
            case Recipient.PERSON:
                return None, person["phone_number"]
            case Recipient.CONTACT:
                return message["email"], message["phone_number"]

    def _status_url(self, tenant_id: UUID, message_id: UUID) -> str:
        # Twilio's signature covers the address, so that the tenant in it is the one we wrote.
        query = urlencode({"tenant": tenant_id, "message": message_id})
        return f"{self._base_url}{STATUS_PATH}?{query}{RETRIED}"

    async def told(
        self, tenant_id: UUID, message_id: UUID, status: str, sid: str, error_code: str | None
    ) -> None:
        """A status callback of Twilio's. Raises DatabaseError."""
        async with self._database.tenant(tenant_id) as session:
            await _advance(session, message_id, delivery_status(status), error_code, sid)

    async def gave_up(self, session: Session, work: Work, code: str) -> None:
        """A visible failure."""
        log.error("notice_not_sent", message=str(work.subject), code=code)
        await _advance(session, work.subject, DeliveryStatus.FAILED, code)


async def _ask_to_send(session: Session, tenant_id: UUID, message_id: UUID, delay_seconds: float) -> None:
    await queue.add(
        session,
        tenant_id,
        SEND_NOTICE,
        subject=message_id,
        call_id=None,
        urgency=7,
        delay_seconds=delay_seconds,
    )


async def _advance(
    session: Session,
    message_id: UUID,
    status: DeliveryStatus,
    error_code: str | None = None,
    sid: str | None = None,
) -> None:
    await session.run(
        "notice_messages.advance", message_id, status, list(may_follow(status)), error_code, sid
    )
