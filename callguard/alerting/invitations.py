"""Whom we may write to: a contact's number counts once it has answered an invitation with its code.

An invitation is a message with a code of its own. YES and the code, from the number it went to, confirms it;
a code that is guessed wrong a few times is void.
"""

from urllib.parse import urlencode
from uuid import UUID

import structlog

from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.db.queue import Work
from callguard.domain.alert_texts import invitation_message
from callguard.domain.alerts import DeliveryStatus, delivery_status, may_follow
from callguard.domain.replies import Reply, code_of
from callguard.domain.reply_texts import Told
from callguard.errors import DestinationRefused, InvitationRefused, TelephonyError, TelephonyUnreachable
from callguard.intake.twiml import RETRIED
from callguard.telephony.destinations import Destinations
from callguard.telephony.port import Telephony

INVITE = "invite"
GOOD_FOR_DAYS = 7
MOST_WRONG_CODES = 5
MOST_A_WEEK, MOST_OF_A_TENANT_A_DAY = 3, 50

log = structlog.get_logger(__name__)


async def request_invitation(session: Session, tenant_id: UUID, contact_id: UUID) -> UUID:
    """Asks for an invitation in the session's transaction; its id.

    Raises InvitationRefused: the contact is unknown, confirmed, or opted out; or it is too soon, or too many
    were sent.
    """
    contact = await session.row("invitations.of_contact", contact_id)
    reason = _why_not(contact)
    if reason is not None:
        raise InvitationRefused(
            f"This contact is not invited now ({reason}). "
            "Wait, or ask them to answer the message that they have got.",
            reason=reason,
        )
    invitation_id: UUID = await session.value("invitations.add", tenant_id, contact_id)
    await queue.add(session, tenant_id, INVITE, subject=invitation_id, call_id=None, urgency=4)
    return invitation_id


def _why_not(contact: Row | None) -> str | None:
    if contact is None:
        return "unknown"
    if contact["verified"]:
        return "confirmed already"
    if contact["opted_out"]:
        return "opted out"
    if contact["just_now"] or contact["this_week"] >= MOST_A_WEEK:
        return "invited already"
    return "too many today" if contact["tenants_today"] >= MOST_OF_A_TENANT_A_DAY else None


class Invitations:
    """Sends them, follows them, and takes their answers. `sender`: the number of all messages, if any."""

    def __init__(
        self,
        database: Database,
        telephony: Telephony,
        destinations: Destinations,
        base_url: str,
        sender: str | None,
    ) -> None:
        self._database = database
        self._telephony = telephony
        self._destinations = destinations
        self._base_url = base_url
        self._sender = sender

    async def send(self, work: Work) -> None:
        """Raises TelephonyError to be tried again."""
        async with self._database.tenant(work.tenant_id) as session:
            row = await session.row("invitations.for_sending", work.subject)
            if row is None or row["opted_out"] or row["status"] not in ("pending", "sending"):
                await queue.finish(session, work)
                return
            await _advance(session, work.subject, DeliveryStatus.SENDING)
        try:
            self._destinations.check(row["to_number"], home=row["home_number"])
            sid, status = await self._deliver(work, row)
        except DestinationRefused as error:
            await self._refused(work, error.reason)
            return
        except TelephonyUnreachable:
            raise
        except TelephonyError as error:
            if error.may_pass:
                raise
            await self._refused(work, str(error.twilio_code))
            return
        async with self._database.tenant(work.tenant_id) as session:
            await _advance(session, work.subject, status, sid=sid)
            await queue.finish(session, work)

    async def _deliver(self, work: Work, row: Row) -> tuple[str, DeliveryStatus]:
        to = row["to_number"]
        body = invitation_message(row["person_name"], code_of(row["id"]), row["language"])
        sent = None
        if work.attempts > 1:
            sent = await self._telephony.find_message(to=to, body=body, since=row["created_at"])
        if sent is None:
            query = urlencode({"tenant": work.tenant_id, "invitation": work.subject})
            sent = await self._telephony.send_message(
                to=to,
                sender=self._sender or row["twilio_number"],
                body=body,
                status_callback=f"{self._base_url}/invitation-status?{query}{RETRIED}",
            )
        return sent.sid, delivery_status(sent.status)

    async def _refused(self, work: Work, code: str) -> None:
        log.error("invitation_refused", invitation=str(work.subject), code=code)
        async with self._database.tenant(work.tenant_id) as session:
            await _advance(session, work.subject, DeliveryStatus.FAILED, code)
            await queue.finish(session, work)

    async def gave_up(self, session: Session, work: Work, code: str) -> None:
        """It could not be sent: a visible failure."""
        log.error("invitation_not_sent", invitation=str(work.subject), code=code)
        await _advance(session, work.subject, DeliveryStatus.FAILED, code)

    async def told(
        self, tenant_id: UUID, invitation_id: UUID, status: str, sid: str, error_code: str | None
    ) -> bool:
        """A status callback of Twilio's; False for an invitation that is not here. Raises DatabaseError."""
        async with self._database.tenant(tenant_id) as session:
            if await session.row("invitations.for_sending", invitation_id) is None:
                return False
            await _advance(session, invitation_id, delivery_status(status), error_code, sid)
        return True

    async def answered(self, contacts: list[Row], reply: Reply) -> tuple[Row, Told]:
        """A YES from a number that `contacts` (of `answers.senders`) have: whose answer it is, and what they
        are told. Raises DatabaseError.
        """
        for contact in contacts:
            async with self._database.tenant(contact["tenant_id"]) as session:
                found = await session.rows(
                    "invitations.open", contact["contact_id"], GOOD_FOR_DAYS, MOST_WRONG_CODES
                )
                accepted = next((row for row in found if code_of(row["id"]) == reply.code), None)
                if accepted is not None:
                    await session.run("invitations.accept", accepted["id"])
                    await session.run("people.verify_contact", contact["contact_id"])
                    return contact, Told.WELCOME
                if reply.code is not None:
                    await session.run("invitations.wrong_code", [row["id"] for row in found])
        return contacts[0], Told.NO_INVITATION


async def _advance(
    session: Session,
    invitation_id: UUID,
    status: DeliveryStatus,
    error_code: str | None = None,
    sid: str | None = None,
) -> None:
    await session.run("invitations.advance", invitation_id, status, list(may_follow(status)), error_code, sid)
