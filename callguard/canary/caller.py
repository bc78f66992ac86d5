"""The canary at work: scheduled, placed, recognised when it comes in, watched, and closed by its message."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import msgspec
import structlog

from callguard.canary import runs
from callguard.canary.runs import CANARY_CALL, CANARY_TEXT, CANARY_WATCH
from callguard.canary.speech import CanarySpeech
from callguard.db import queue
from callguard.db.pool import Database, Row
from callguard.db.queue import Work
from callguard.domain import canary
from callguard.domain.alerts import NOT_RECEIVED, DeliveryStatus, delivery_status
from callguard.domain.call import UNANSWERED
from callguard.domain.caller import parse_verstat
from callguard.domain.canary import DEADLINES, RING_SECONDS, Stage, Way
from callguard.domain.delivery import Delivery
from callguard.domain.facts import CallArrived
from callguard.domain.policy import Policy, is_quiet
from callguard.domain.replies import code_of
from callguard.errors import DatabaseError, TelephonyError
from callguard.telephony.port import Telephony

CANARY_DUE = "canary_due"
SCHEDULE_SECONDS = 60.0

__all__ = ["CANARY_CALL", "CANARY_DUE", "CANARY_TEXT", "CANARY_WATCH", "Canary", "Numbers"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Numbers:
    """`canary` calls, `alerts` writes (None: the person's Twilio number), `operator` is written to."""

    canary: str | None
    alerts: str | None
    operator: str | None


class Canary:
    """Handlers of the canary's work, and its answers to Twilio."""

    def __init__(
        self,
        database: Database,
        telephony: Telephony,
        speech: CanarySpeech,
        numbers: Numbers,
        deadline_seconds: float,
    ) -> None:
        self._database = database
        self._telephony = telephony
        self._speech = speech
        self._numbers = numbers
        self._deadline = deadline_seconds

    # The daily one

    async def run(self) -> None:
        """Schedules for as long as it runs."""
        while True:
            try:
                await self.schedule()
            except DatabaseError as error:
                log.warning("canary_not_scheduled", code=error.code)
            await asyncio.sleep(SCHEDULE_SECONDS)

    async def schedule(self) -> None:
        """One piece of work waits for each person who wants a daily canary. Raises DatabaseError."""
        if self._numbers.canary is None:
            return
        async with self._database.session() as session:
            tenants = [row["id"] for row in await session.rows("tenants.ids")]
        for tenant_id in tenants:
            async with self._database.tenant(tenant_id) as session:
                await session.run("canary.unschedule", CANARY_DUE)
                for row in await session.rows("canary.unscheduled", CANARY_DUE):
                    due = canary.next_run(row["now"], row["canary_at"], row["time_zone"], row["user_id"])
                    await queue.add(
                        session,
                        tenant_id,
                        CANARY_DUE,
                        subject=row["user_id"],
                        call_id=None,
                        payload={"at": row["hour"]},
                        urgency=9,
                        delay_seconds=(due - row["now"]) / timedelta(seconds=1),
                    )

    async def due(self, work: Work) -> None:
        """The hour has come. In quiet hours and in a pause of protection none is placed."""
        async with self._database.tenant(work.tenant_id) as session:
            wanted = await session.row("canary.due", work.subject)
            if wanted is not None:
                policy, now = msgspec.convert(wanted["policy"], Policy), wanted["now"]
                is_paused = policy.paused_until is not None and now < policy.paused_until
                if not is_paused and not is_quiet(policy, now):
                    (person,) = await runs.people(session, work.subject)
                    await runs.request(session, work.tenant_id, person, "schedule")
            await queue.finish(session, work)

    # The call

    async def call(self, work: Work) -> None:
        """Places the call. Raises TelephonyError to be tried again; a refusal for good ends the run."""
        async with self._database.tenant(work.tenant_id) as session:
            run = await session.row("canary.for_calling", work.subject)
            number = self._numbers.canary
            if run is None or run["state"] != "running" or run["leg_sid"] is not None:
                await queue.finish(session, work)
                return
            if number is None or number == run["twilio_number"]:
                # A number can't call itself.
                await runs.failed(session, work.tenant_id, work.subject, Stage.CALLED, "NO_CANARY_NUMBER")
                await queue.finish(session, work)
                return
            deliveries = msgspec.convert(run["deliveries"], list[Delivery])
            way = canary.way_to(run["phone_number"], deliveries, run["time_zone"], run["now"])
            await session.run("canary.asked", work.subject, way)
        to = run["phone_number"] if way is Way.PHONE else run["twilio_number"]
        try:
            leg_sid = await self._place(work.subject, to, number, run)
        except TelephonyError as error:
            if error.may_pass:
                raise
            async with self._database.tenant(work.tenant_id) as session:
                code = str(error.twilio_code)
                await runs.failed(session, work.tenant_id, work.subject, Stage.CALLED, code)
                await queue.finish(session, work)
            return
        async with self._database.tenant(work.tenant_id) as session:
            await session.run("canary.called", work.subject, leg_sid)
            await runs.look_again(session, work.tenant_id, work.subject, DEADLINES[Stage.ARRIVED])
            await queue.finish(session, work)

    async def _place(self, run_id: UUID, to: str, sender: str, run: Row) -> str:
        if run["asked_at"] is not None:
            found = await self._telephony.find_call(to=to, sender=sender, since=run["asked_at"])
            if found is not None:
                return found
        return await self._telephony.ring_for_test(
            to=to,
            sender=sender,
            url=self._speech.call_url(run_id),
            status_callback=self._speech.call_status_url(run_id),
            ring_seconds=RING_SECONDS,
        )

    async def arrive(self, fact: CallArrived) -> str | None:
        """The TwiML for the canary's own call coming in; None for every other call.

        A caller can say that they call from the canary's number: they are taken for it only while a run of
        that person waits for its call, and then the words drawn for it must be said. While that can't be
        looked up the call is turned away: nobody but callguard calls from that number, and its test must
        not ring anybody.
        """
        if fact.caller != self._numbers.canary or parse_verstat(fact.stir_verstat).failed:
            return None
        try:
            async with asyncio.timeout(self._deadline):
                language = await self._take(fact)
        except (DatabaseError, TimeoutError):
            return self._speech.turned_away()
        return self._speech.listening(fact.call_sid, language, time.time()) if language else None

    async def _take(self, fact: CallArrived) -> str | None:
        """The language to listen in, once the call is stored as the run's."""
        async with self._database.session() as session:
            person = await session.row("people.resolve_number", fact.called)
        if person is None:
            return None
        tenant_id, language = person["tenant_id"], str(person["language"])
        async with self._database.tenant(tenant_id) as session:
            if await session.value("canary.known_call", fact.call_sid):
                return language
            run_id = await session.value("canary.expected", person["user_id"])
            if run_id is None:
                return None
            call_id = await session.value(
                "canary.open_call",
                tenant_id,
                person["user_id"],
                fact.call_sid,
                fact.caller,
                fact.called,
                fact.forwarded_from,
                language,
            )
            await session.run("canary.arrived", run_id, call_id)
            await runs.look_again(session, tenant_id, run_id, DEADLINES[Stage.TRANSCRIBED])
        return language

    async def says(self, run_id: UUID) -> str | None:
        """The TwiML for the end that speaks; None for a run that is not here. Raises DatabaseError.

        Where the call did not come in a person or a machine picked up: protection is off, and they are told
        what it was.
        """
        tenant_id = await self._tenant_of(run_id)
        if tenant_id is None:
            return None
        async with self._database.tenant(tenant_id) as session:
            run = await session.row("canary.said", run_id)
            if run is None:
                return None
            if run["arrived"]:
                return self._speech.speaks(run["words"], run["language"])
            await runs.failed(session, tenant_id, run_id, Stage.ARRIVED, "answered")
        return self._speech.excuse(run["language"])

    async def leg_ended(self, run_id: UUID, status: str) -> bool:
        """The call ended, perhaps before it came in; False for a run that is not here."""
        tenant_id = await self._tenant_of(run_id)
        if tenant_id is None:
            return False
        if status in UNANSWERED:
            async with self._database.tenant(tenant_id) as session:
                run = await session.row("canary.run", run_id)
                if run is not None and run["arrived_at"] is None:
                    await runs.failed(session, tenant_id, run_id, Stage.ARRIVED, status)
        return True

    async def watch(self, work: Work) -> None:
        """The stage that is waited for did not come in time: the call is ended, and the run failed."""
        async with self._database.tenant(work.tenant_id) as session:
            run = await session.row("canary.run", work.subject)
            progress = None if run is None or run["state"] != "running" else runs.progress_of(run)
            left = progress.seconds_left(run["now"]) if run is not None and progress else 0.0
            if run is None or progress is None or left > 0:
                if left > 0:
                    await runs.look_again(session, work.tenant_id, work.subject, left)
                await queue.finish(session, work)
                return
        if run["leg_sid"] is not None:
            try:
                await self._telephony.end_leg(run["leg_sid"])
            except TelephonyError as error:
                log.warning("canary_not_ended", code=error.code)
        stage = progress.waits_for or Stage.DELIVERED
        delivered = stage is Stage.DELIVERED and await self._delivered(work)
        async with self._database.tenant(work.tenant_id) as session:
            if delivered:
                await session.run("canary.passed", work.subject, None)
            else:
                await runs.failed(session, work.tenant_id, work.subject, stage, None)
            await queue.finish(session, work)

    async def _delivered(self, work: Work) -> bool:
        """Whether Twilio says that the message arrived, though nobody told. Raises TelephonyError."""
        async with self._database.tenant(work.tenant_id) as session:
            run = await session.row("canary.for_texting", work.subject)
        if run is None:
            return False
        to, _, body = self._message(work.subject, run)
        sent = await self._telephony.find_message(to=to, body=body, since=run["created_at"])
        return sent is not None and delivery_status(sent.status) is DeliveryStatus.DELIVERED

    # The message

    async def text(self, work: Work) -> None:
        """Sends the message that closes the run. Raises TelephonyError to be tried again."""
        async with self._database.tenant(work.tenant_id) as session:
            run = await session.row("canary.for_texting", work.subject)
            if run is None or run["state"] != "running" or run["message_sid"] is not None:
                await queue.finish(session, work)
                return
        to, sender, body = self._message(work.subject, run)
        try:
            sent = None
            if work.attempts > 1:
                sent = await self._telephony.find_message(to=to, body=body, since=run["created_at"])
            sent = sent or await self._telephony.send_message(
                to=to, sender=sender, body=body, status_callback=self._speech.message_status_url(work.subject)
            )
        except TelephonyError as error:
            if error.may_pass:
                raise
            async with self._database.tenant(work.tenant_id) as session:
                code = str(error.twilio_code)
                await runs.failed(session, work.tenant_id, work.subject, Stage.TEXTED, code)
                await queue.finish(session, work)
            return
        async with self._database.tenant(work.tenant_id) as session:
            await session.run("canary.texted", work.subject, sent.sid)
            await runs.look_again(session, work.tenant_id, work.subject, DEADLINES[Stage.DELIVERED])
            await queue.finish(session, work)

    def _message(self, run_id: UUID, run: Row) -> tuple[str, str, str]:
        """To whom, from which number, and what; a number can't write to itself."""
        to: str = run["contact_number"] or self._numbers.operator or self._numbers.canary or ""
        sender = self._numbers.alerts or run["twilio_number"]
        body = canary.message(run["person_name"], code_of(run_id), run["language"])
        return to, run["twilio_number"] if sender == to else sender, body

    async def message_told(self, run_id: UUID, status: str, sid: str, error_code: str | None) -> bool:
        """A status callback about the message; False for a run that is not here. Raises DatabaseError."""
        tenant_id = await self._tenant_of(run_id)
        if tenant_id is None:
            return False
        reached = delivery_status(status)
        async with self._database.tenant(tenant_id) as session:
            if reached is DeliveryStatus.DELIVERED:
                await session.run("canary.passed", run_id, sid)
            elif reached in NOT_RECEIVED:
                await runs.failed(session, tenant_id, run_id, Stage.DELIVERED, error_code or status)
        return True

    async def _tenant_of(self, run_id: UUID) -> UUID | None:
        async with self._database.session() as session:
            tenant_id: UUID | None = await session.value("canary.resolve", run_id)
        return tenant_id
