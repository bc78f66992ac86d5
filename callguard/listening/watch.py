"""The handlers that look after a call's transcription and its audio stream."""

import time
from uuid import UUID

import structlog

from callguard.analysis import catalogue_store
from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.db.queue import Work
from callguard.domain.listening import (
    MOST_RESTARTS,
    MOST_TRANSCRIPTION_RESTARTS,
    STARTED_WITHIN_S,
    Fault,
    transcription_fault,
)
from callguard.errors import TelephonyError
from callguard.intake.asking import ask_to_transcribe_anew, ask_to_watch
from callguard.intake.twiml import Twiml
from callguard.media.endpoint import LiveStreams
from callguard.telephony.port import Telephony
from callguard.transcript import notices

WATCH_STREAM = "watch_stream"
# A stream that was asked for arrives within this time, or is asked for once more.
ARRIVAL_SECONDS = 5.0
# One that runs is looked at now and then: its server may be killed, and nobody tells.
LOOK_SECONDS = 10.0

log = structlog.get_logger(__name__)


class ListeningWatch:
    """Notices what does not come. `streams` are this process's; `transcribed`: Twilio was asked for words."""

    def __init__(
        self,
        database: Database,
        telephony: Telephony,
        twiml: Twiml,
        streams: LiveStreams,
        *,
        transcribed: bool,
    ) -> None:
        self._streams = streams
        self._database = database
        self._telephony = telephony
        self._twiml = twiml
        self._transcribed = transcribed

    async def transcription(self, work: Work) -> None:
        """By now transcription and stream run, or the call is degraded."""
        async with self._database.tenant(work.tenant_id) as session:
            call = await _active(session, work)
            if call is not None:
                # One that was asked for in another language is looked at by the work that asked.
                expected = self._transcribed and not call["is_changing_language"]
                fault = transcription_fault(call["transcription_state"]) if expected else None
                if fault is not None:
                    await notices.declare(session, work.tenant_id, work.call_id, fault)
                    await _ask_again(session, work)
                await look_at_stream(session, work.tenant_id, work.call_id, 0)
            await queue.finish(session, work)

    async def restart_transcription(self, work: Work) -> None:
        """Asks Twilio for another session, after the end of one that still runs in another language, and
        looks later whether it started. A refusal is no reason to ask more: the call ended meanwhile (21220),
        or the name is taken by a request whose reply was lost.
        """
        async with self._database.tenant(work.tenant_id) as session:
            call = await _active(session, work)
            if call is None or call["transcription_state"] != "waiting":
                await queue.finish(session, work)
                return
            hints = await catalogue_store.hints(session, work.tenant_id, call["language"])
        try:
            if "instead_of" in work.payload:
                await self._telephony.stop_transcription(call["call_sid"], work.payload["instead_of"])
            await self._telephony.start_transcription(
                call["call_sid"],
                name=f"callguard-{call['transcription_restarts'] + call['language_switches'] + 1}",
                **self._twiml.transcription(call["language"], hints),
            )
        except TelephonyError as error:
            if error.may_pass:
                raise
            log.warning("transcription_not_restarted", call=str(work.call_id), twilio_code=error.twilio_code)
        async with self._database.tenant(work.tenant_id) as session:
            await ask_to_watch(session, work.tenant_id, work.call_id, STARTED_WITHIN_S)
            await queue.finish(session, work)

    async def stream(self, work: Work) -> None:
        """Asks for another stream of a call that goes on without one, MOST_RESTARTS times at the most. A
        refusal counts as asked: the call ended meanwhile, or the name is taken by a request whose reply was
        lost.
        """
        async with self._database.tenant(work.tenant_id) as session:
            call = await _active(session, work)
            if call is None or not await self._is_wanting(session, work, call):
                await queue.finish(session, work)
                return
        try:
            await self._telephony.start_stream(
                call["call_sid"],
                # Twilio takes a name once, so a request whose reply was lost starts no second stream.
                name=f"callguard-{call['stream_restarts'] + 1}",
                url=self._twiml.stream_url,
                token=self._twiml.stream_token(call["call_sid"], time.time()),
            )
        except TelephonyError as error:
            if error.may_pass:
                raise
            log.warning("stream_not_restarted", call=str(work.call_id), twilio_code=error.twilio_code)
        async with self._database.tenant(work.tenant_id) as session:
            await session.run("streams.restarted", work.call_id)
            await look_at_stream(session, work.tenant_id, work.call_id, ARRIVAL_SECONDS)
            await queue.finish(session, work)

    async def _is_wanting(self, session: Session, work: Work, call: Row) -> bool:
        """Whether to ask for a stream."""
        if call["streaming"] or self._streams.get(call["call_sid"]) is not None:
            await look_at_stream(session, work.tenant_id, work.call_id, LOOK_SECONDS)
            return False
        await notices.declare(session, work.tenant_id, work.call_id, Fault.AUDIO_LOST)
        return bool(call["stream_restarts"] < MOST_RESTARTS)


async def _ask_again(session: Session, work: Work) -> None:
    """For another session of the transcription, once."""
    if await session.run("calls.replace_transcription", work.call_id, MOST_TRANSCRIPTION_RESTARTS):
        await ask_to_transcribe_anew(session, work.tenant_id, work.call_id)


async def look_at_stream(session: Session, tenant_id: UUID, call_id: UUID, delay_seconds: float) -> None:
    """Asks for a look at the call's stream, and for another one if the call goes on without one then."""
    await queue.add(
        session,
        tenant_id,
        WATCH_STREAM,
        subject=call_id,
        call_id=call_id,
        urgency=2,
        delay_seconds=delay_seconds,
    )


async def _active(session: Session, work: Work) -> Row | None:
    call = await session.row("streams.for_watching", work.call_id)
    return call if call is not None and call["status"] == "active" else None
