"""What contacts answer, by SMS or on the keypad, and how it is carried out.

A reply counts from a contact's own number, within the window of an alert sent to it; where that leaves a
doubt the alert's code decides. Each is stored once by the SID it came with, together with the work it asks
for.
"""

import asyncio
from typing import Literal
from uuid import UUID

import structlog

from callguard.alerting import ladder
from callguard.alerting.invitations import Invitations
from callguard.alerting.opt_out import opted_in, opted_out
from callguard.alerting.outbox import escalate_soon
from callguard.alerting.speech import AlertSpeech, participant_label
from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.db.queue import Work
from callguard.domain.caller import e164
from callguard.domain.feedback import Answer
from callguard.domain.ladder import AskedBy, Rung, Step, StepState
from callguard.domain.replies import KEYS, WINDOW_MINUTES, Action, OpenAlert, Reply, meant, parse
from callguard.domain.reply_texts import Told, acknowledgement
from callguard.domain.scoring import AlertLevel
from callguard.domain.signals import FraudType
from callguard.memory import feedback
from callguard.telephony.destinations import Destinations
from callguard.telephony.port import Telephony

CARRY_OUT = "carry_out"
AnsweredBy = Literal["sms", "key", "link"]
# What can only be done while the call lasts.
_NEED_A_LIVE_CALL = frozenset({Action.HANG_UP, Action.JOIN, Action.HOLD, Action.RESUME})
# What can't be done where Twilio dialled the person itself.
_NEED_A_CONFERENCE = _NEED_A_LIVE_CALL - {Action.HANG_UP}
# What a contact says of the caller, not only wants done. HANGUP is no such word: it comes within seconds and
# rests on callguard's own, so that, counted as a report, it would have callguard confirm itself.
_SAYS = {Action.SAFE: Answer.NOT_SCAM, Action.SCAM: Answer.SCAM}
_SAID_BY: dict[AnsweredBy, feedback.Source] = {"sms": "sms", "key": "key", "link": "evidence"}
_STEPS = {Action.HANG_UP: Step.END, Action.HOLD: Step.HOLD, Action.JOIN: Step.BRING_IN}

log = structlog.get_logger(__name__)


class Answers:
    """`wake` is set when an answer asks for work. `sender`: the number that all alerts come from, if any."""

    def __init__(
        self,
        database: Database,
        telephony: Telephony,
        speech: AlertSpeech,
        invitations: Invitations,
        destinations: Destinations,
        sender: str | None,
        wake: asyncio.Event,
    ) -> None:
        self._database = database
        self._telephony = telephony
        self._speech = speech
        self._invitations = invitations
        self._destinations = destinations
        self._sender = sender
        self._wake = wake
        self._ignored = 0

    async def replied(self, message_sid: str, sender: str, receiver: str, body: str) -> str | None:
        """A text message came in: its acknowledgement. Nothing for strangers, of whom nothing is kept.

        Raises DatabaseError.
        """
        async with self._database.session() as session:
            found = await session.rows("answers.senders", e164(sender) or sender)
        contacts = [row for row in found if receiver in (row["twilio_number"], self._sender)]
        if not contacts:
            self._ignored += 1
            log.info("reply_ignored", so_far=self._ignored)
            return None
        for tenant_id in dict.fromkeys(row["tenant_id"] for row in contacts):
            async with self._database.tenant(tenant_id) as session:
                known = await session.row("answers.known", message_sid)
            if known is not None:
                return acknowledgement(Told(known["told"]), known["language"]) if known["told"] else None
        reply = parse(body)
        if reply.action in (Action.STOP, Action.START):
            return await self._opted(message_sid, contacts, reply.action)
        if reply.action is Action.YES and (reply.code or not all(c["verified"] for c in contacts)):
            contact, answer = await self._invitations.answered(contacts, reply)
            await self._record(contact, message_sid, None, None, answer)
            return acknowledgement(answer, contact["language"])
        return await self._asked(message_sid, contacts, reply)

    async def _opted(self, message_sid: str, contacts: list[Row], action: Action) -> str | None:
        """STOP and START hold for all that this number is a contact of; the carrier confirms STOP itself."""
        for contact in contacts:
            tenant_id, contact_id = contact["tenant_id"], contact["contact_id"]
            async with self._database.tenant(tenant_id) as session:
                if action is Action.START:
                    await opted_in(session, tenant_id, contact_id)
                    continue
                await opted_out(session, tenant_id, contact_id)
                open_alerts = await session.rows("answers.open_alerts", [contact_id], WINDOW_MINUTES)
                for alert in open_alerts:
                    await escalate_soon(session, alert["tenant_id"], alert["call_id"], alert["id"], 0)
            if action is Action.STOP:
                log.warning(
                    "contact_opted_out",
                    contact=str(contact["contact_id"]),
                    during_an_alert=bool(open_alerts),
                    now="alerts to this contact go by spoken call",
                )
        told = Told.START if action is Action.START else None
        await self._record(contacts[0], message_sid, None, action, told)
        return acknowledgement(told, contacts[0]["language"]) if told else None

    async def _asked(self, message_sid: str, contacts: list[Row], reply: Reply) -> str | None:
        open_alerts = await self._open_alerts(contacts)
        # A number that has not confirmed itself answers by the code alone, and so confirms itself.
        surely = [a for a in open_alerts if reply.code or _contact_of(a, contacts)["verified"]]
        alert = meant(reply.code, surely, contacts=len(contacts))
        action, told = reply.action, None
        if alert is not None and alert.holds and action is Action.HOLD:
            action = Action.RESUME  # said twice, it is taken back
        if action is Action.HELP or (action in (None, Action.YES) and open_alerts):
            alert, told = None, Told.HELP
        elif action in (None, Action.YES):
            pass  # a word of thanks, perhaps: nothing is asked for
        elif not open_alerts:
            told = Told.NOTHING_OPEN
        elif alert is None:
            told = Told.WHICH
        else:
            told = _told(action, alert)
        contact = _contact_of(alert, contacts) if alert else contacts[0]
        if not await self._record(contact, message_sid, alert, action, told) or told is None:
            return None
        return acknowledgement(told, contact["language"])

    async def _open_alerts(self, contacts: list[Row]) -> list[OpenAlert]:
        found: list[OpenAlert] = []
        for tenant_id in dict.fromkeys(row["tenant_id"] for row in contacts):
            ids = [row["contact_id"] for row in contacts if row["tenant_id"] == tenant_id]
            async with self._database.tenant(tenant_id) as session:
                rows = await session.rows("answers.open_alerts", ids, WINDOW_MINUTES)
            found += [OpenAlert(**row) for row in rows]
        return found

    async def _record(
        self,
        contact: Row,
        source_sid: str,
        alert: OpenAlert | None,
        action: Action | None,
        told: Told | None,
        *,
        by: AnsweredBy = "sms",
        is_on_the_line: bool = False,
        is_late: bool = False,
    ) -> bool:
        """Stores an answer with what follows from it; False when its SID is known.

        `is_on_the_line`: the contact speaks to us, and is connected by what that call is told. `is_late`: it
        says something of the caller, and nothing else follows.
        """
        tenant_id = contact["tenant_id"]
        call_id, alert_id = (alert.call_id, alert.id) if alert else (None, None)
        async with self._database.tenant(tenant_id) as session:
            answer_id = await session.value(
                "answers.add", tenant_id, source_sid, contact["contact_id"], call_id, alert_id, action, told
            )
            # On the page people may change their mind and back: what they said last counts.
            if alert is not None and action in _SAYS and (answer_id is not None or by == "link"):
                await feedback.give(
                    session,
                    tenant_id,
                    alert.call_id,
                    _SAYS[action],
                    _SAID_BY[by],
                    "contact",
                    contact_id=alert.contact_id,
                )
            if answer_id is None:
                return False
            if alert is not None:
                await session.run("answers.close_alert", alert.id, by)
                if by == "sms":
                    await session.run("people.verify_contact", alert.contact_id)
                if action is not None and not is_late and told not in (Told.OVER, Told.NOT_HERE):
                    await _follow(session, alert, answer_id, action, is_on_the_line=is_on_the_line)
        self._wake.set()
        return True

    async def pressed(self, alert_id: UUID, call_sid: str, digits: str) -> str | None:
        """A key on a spoken alert: what is said and done now, as TwiML. None for an alert that is not here.

        Raises DatabaseError.
        """
        async with self._database.session() as session:
            tenant_id = await session.value("alerts.resolve", alert_id)
        if tenant_id is None:
            return None
        async with self._database.tenant(tenant_id) as session:
            row = await session.row("answers.to_alert", alert_id, WINDOW_MINUTES)
        if row is None or row["contact_id"] is None:
            return None
        action = KEYS.get(digits)
        if action is None:
            return self._spoken(row, alert_id)
        alert = _open_alert(tenant_id, alert_id, row)
        told = _told(action, alert)
        joins = told is Told.JOIN
        await self._record(row, call_sid, alert, action, told, by="key", is_on_the_line=joins)
        if joins:
            return self._speech.join_conference(row["conference_name"], participant_label(alert.contact_id))
        return self._speech.answered(told, alert.language)

    async def clicked(self, tenant_id: UUID, alert_id: UUID, action: Action | None) -> Told | None:
        """A button on the page of an alert; without an action it was read. None where it is not to be
        answered any more; what the call was can be said as long as the page is shown. Raises DatabaseError.
        """
        async with self._database.tenant(tenant_id) as session:
            row = await session.row("answers.to_alert", alert_id, WINDOW_MINUTES)
        if row is None or row["contact_id"] is None:
            return None
        is_late = action is not None and not row["is_open"]
        if is_late and action not in _SAYS:
            return None
        alert = _open_alert(tenant_id, alert_id, row)
        told = _told(action, alert) if action else Told.SEEN
        source = f"link:{alert_id}:{told}"  # a button that is pressed again has no second effect
        await self._record(row, source, alert, action, told, by="link", is_late=is_late)
        return told

    def _spoken(self, row: Row, alert_id: UUID) -> str:
        return self._speech.alert_call(
            alert_id,
            AlertLevel(row["level"]),
            row["person_name"],
            FraudType(row["fraud_type"]) if row["fraud_type"] else None,
            row["language"],
        )

    async def carry_out(self, work: Work) -> None:
        """Rings a contact who asked for it, and tells. Raises TelephonyError to be tried again."""
        async with self._database.tenant(work.tenant_id) as session:
            answer = await session.row("answers.to_carry_out", work.subject)
        if answer is not None:
            await self._ring(answer, again=work.attempts > 1)
        async with self._database.tenant(work.tenant_id) as session:
            await queue.finish(session, work)

    async def _ring(self, answer: Row, *, again: bool) -> None:
        to, sender = answer["to_number"], self._sender or answer["twilio_number"]
        self._destinations.check(to, home=answer["home_number"])
        if again and await self._telephony.find_call(to=to, sender=sender, since=answer["created_at"]):
            return
        twiml = self._spoken(answer, answer["alert_id"])
        await self._telephony.place_call(to=to, sender=sender, twiml=twiml, status_callback=None)

    async def gave_up(self, _session: Session, work: Work, code: str) -> None:
        """A visible failure: the contact was told otherwise."""
        log.error("answer_not_carried_out", answer=str(work.subject), code=code)


def _open_alert(tenant_id: UUID, alert_id: UUID, row: Row) -> OpenAlert:
    return OpenAlert(
        alert_id,
        tenant_id,
        row["contact_id"],
        row["call_id"],
        row["call_is_live"],
        row["language"],
        dialled_directly=row["dialled_directly"],
    )


def _contact_of(alert: OpenAlert, contacts: list[Row]) -> Row:
    return next(c for c in contacts if c["contact_id"] == alert.contact_id)


async def _follow(
    session: Session, alert: OpenAlert, answer_id: UUID, action: Action, *, is_on_the_line: bool
) -> None:
    """What an answer brings about, as work."""
    tenant_id, call_id = alert.tenant_id, alert.call_id
    match action:
        case Action.SAFE:
            await session.run("answers.call_is_safe", call_id)
            await ladder.all_clear(session, tenant_id, call_id)
        case Action.RESUME:
            await ladder.end_holds(session, tenant_id, call_id)
        case Action.CALL:
            await queue.add(session, tenant_id, CARRY_OUT, subject=answer_id, call_id=call_id, urgency=0)
        case Action.HANG_UP | Action.HOLD | Action.JOIN:
            await ladder.ask(
                session,
                tenant_id,
                call_id,
                Rung(_STEPS[action]),
                AskedBy.CONTACT,
                contact_id=alert.contact_id,
                answer_id=answer_id,
                state=StepState.TAKEN if is_on_the_line else StepState.ASKED,
            )


def _told(action: Action, alert: OpenAlert) -> Told:
    if action in _NEED_A_LIVE_CALL and not alert.call_is_live:
        return Told.OVER
    if action in _NEED_A_CONFERENCE and alert.dialled_directly:
        return Told.NOT_HERE
    return Told(action)
