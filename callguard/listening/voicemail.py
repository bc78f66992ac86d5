"""Messages that callers left: fetched, turned into words in this house, deleted at Twilio.

The audio is only ever in memory. The words are stored as those of any call: they meet the same keywords, are
judged and raise the same alerts.
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.db.queue import Work
from callguard.domain.audio import SAMPLE_RATE
from callguard.domain.facts import WordsHeard
from callguard.errors import AudioError, ConfigurationError
from callguard.speech.port import Recognised, RecogniserFactory
from callguard.speech.recogniser import NOT_INSTALLED, OTHER_LANGUAGE
from callguard.speech.wav import telephone_audio
from callguard.telephony.port import Telephony
from callguard.transcript import store as transcripts

DELETE_RECORDING = "delete_recording"

# A message that nobody here could turn into words stays at Twilio for people to hear, but not for good.
KEPT_SECONDS = 30 * 24 * 3600.0

_REASONS = {OTHER_LANGUAGE: "other_language", NOT_INSTALLED: "not_installed"}

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Words:
    """What was recognised of a message."""

    finals: list[Recognised] = field(default_factory=list)

    async def take(self, result: Recognised) -> None:
        if result.is_final:
            self.finals.append(result)


class Voicemails:
    """Handlers of the two kinds of work about recorded messages."""

    def __init__(self, database: Database, telephony: Telephony, recognisers: RecogniserFactory) -> None:
        self._database = database
        self._telephony = telephony
        self._recognisers = recognisers

    async def transcribe(self, work: Work) -> None:
        """Stores the words of a message, or why there are none, and asks for its deletion."""
        async with self._database.tenant(work.tenant_id) as session:
            message = await session.row("voicemails.for_transcribing", work.subject)
            if message is None:
                await queue.finish(session, work)
                return
        wav = await self._telephony.recording(message["recording_sid"])
        try:
            finals = await self._recognised(telephone_audio(wav or b""), message["language"])
        except (AudioError, ConfigurationError) as error:
            log.warning("message_not_transcribed", code=error.code)
            reason = _REASONS.get(error.code, "unreadable")
            async with self._database.tenant(work.tenant_id) as session:
                await session.run("voicemails.not_transcribed", work.subject, reason)
                await _ask_to_delete(session, work, KEPT_SECONDS)
                await queue.finish(session, work)
            return
        async with self._database.tenant(work.tenant_id, one_at_a_time=message["recording_sid"]) as session:
            for number, result in enumerate(finals, 1):
                words = _as_words(message, number, result)
                await transcripts.add(session, work.tenant_id, work.call_id, message["language"], words)
            await session.run("voicemails.transcribed", work.subject)
            await _ask_to_delete(session, work, 0)
            await queue.finish(session, work)

    async def _recognised(self, mulaw: bytes, language: str) -> list[Recognised]:
        """Raises ConfigurationError without a recogniser for the language."""
        words = _Words()
        track = self._recognisers.open(language, words.take)
        for start in range(0, len(mulaw), SAMPLE_RATE):
            track.feed(mulaw[start : start + SAMPLE_RATE])
            await asyncio.sleep(0)  # two minutes are cut into stretches: calls have their turn between them
        await track.close()
        return words.finals

    async def not_transcribed(self, session: Session, work: Work, code: str) -> None:
        """Every attempt failed: the message stays where people can hear it."""
        log.error("message_not_transcribed", work=work.id, code=code)
        await session.run("voicemails.not_transcribed", work.subject, "unreadable")
        await _ask_to_delete(session, work, KEPT_SECONDS)

    async def delete(self, work: Work) -> None:
        """Deletes a recording whose words are stored, or that was kept long enough."""
        async with self._database.tenant(work.tenant_id) as session:
            recording_sid = await session.value("voicemails.to_delete", work.subject)
        if recording_sid is not None:
            await self._telephony.delete_recording(recording_sid)
        async with self._database.tenant(work.tenant_id) as session:
            await session.run("voicemails.deleted", work.subject)
            await queue.finish(session, work)


async def _ask_to_delete(session: Session, work: Work, delay_seconds: float) -> None:
    await queue.add(
        session,
        work.tenant_id,
        DELETE_RECORDING,
        subject=work.subject,
        call_id=work.call_id,
        urgency=8,
        delay_seconds=delay_seconds,
    )


def _as_words(message: Row, number: int, result: Recognised) -> WordsHeard:
    return WordsHeard(
        call_sid=message["call_sid"],
        transcription_sid=message["recording_sid"],
        sequence=number,
        track="inbound_track",
        text=result.text,
        is_final=True,
        confidence=result.confidence,
        stability=None,
        spoken_at=message["created_at"],
    )
