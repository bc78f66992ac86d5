"""The figures kept of each stream, and what they say about who hears its words."""

from collections.abc import Mapping
from typing import Final

from callguard.db.pool import Database, Row
from callguard.domain.listening import Fault, Remedy, is_silent, needs_ears
from callguard.listening.afterwards import ask_to_settle
from callguard.listening.local import LocalTranscriber
from callguard.listening.watch import look_at_stream
from callguard.media.endpoint import AdmittedStream, StreamEnd
from callguard.media.messages import Track
from callguard.media.session import StreamFigures
from callguard.transcript import notices

# Twilio stops a stream when its call ends; that the call did is told a little later.
_RESTART_AFTER_S: Final = {StreamEnd.STOPPED: 2.0}
_RESTART_AFTER_BREAK_S: Final = 0.5


class StreamFiguresBook:
    """Implements `StreamBook` in Postgres: how much was heard, never what. Words that don't come although
    somebody speaks make the call degraded, and local recognition takes over where it can.
    """

    def __init__(self, database: Database, local: LocalTranscriber) -> None:
        self._database = database
        self._local = local

    async def progress(self, stream: AdmittedStream, heard: Mapping[Track, StreamFigures]) -> None:
        caller, callee = heard.get(Track.INBOUND), heard.get(Track.OUTBOUND)
        async with self._database.tenant(stream.tenant_id) as session:
            row = await session.row(
                "streams.progress",
                stream.tenant_id,
                stream.call_id,
                stream.stream_sid,
                caller.speech_ms if caller else 0,
                callee.speech_ms if callee else 0,
                sum(figures.received_ms for figures in heard.values()),
                sum(figures.lost_ms for figures in heard.values()),
                list(Fault),
            )
            if row is None:
                return
            faults = set(row["faults"])
            if row["told"]:
                faults.discard(Fault.TRANSCRIPTION_SILENT)
                if Fault.TRANSCRIPTION_SILENT in row["faults"]:
                    await notices.clear(session, stream.call_id, Fault.TRANSCRIPTION_SILENT)
            elif is_silent(row["transcription_state"], row["unheard_ms"]):
                faults.add(Fault.TRANSCRIPTION_SILENT)
                await notices.declare(session, stream.tenant_id, stream.call_id, Fault.TRANSCRIPTION_SILENT)
        await self._give_ears(stream, faults, row)

    async def _give_ears(self, stream: AdmittedStream, faults: set[str], row: Row) -> None:
        if not self._local.is_first and not needs_ears(faults):
            await self._local.rest(stream)
            return
        remedy = self._local.listen(stream, row["silent_seconds"])
        if (
            remedy is Remedy.AT_CAPACITY
            and row["recognise_afterwards"]
            and self._local.keep(stream, row["silent_seconds"])
        ):
            remedy = Remedy.AFTERWARDS
        if remedy is None or not self._is_news(remedy, faults, row["remedies"]):
            return
        async with self._database.tenant(stream.tenant_id) as session:
            if self._local.is_first and remedy is Remedy.LOCAL:
                await notices.clear(session, stream.call_id, Fault.UNHEARD)
                return
            if self._local.is_first:
                await notices.declare(session, stream.tenant_id, stream.call_id, Fault.UNHEARD)
            await notices.remedied(session, stream.call_id, remedy)
            if remedy is Remedy.AFTERWARDS:
                await ask_to_settle(session, stream.tenant_id, stream.call_id)

    def _is_news(self, remedy: Remedy, faults: set[str], known: list[str]) -> bool:
        if self._local.is_first and remedy is Remedy.LOCAL:
            return Fault.UNHEARD in faults
        return set(known) != {remedy}

    async def ended(self, stream: AdmittedStream, reason: StreamEnd) -> None:
        async with self._database.tenant(stream.tenant_id) as session:
            await session.run("streams.end", stream.call_id, stream.stream_sid, reason)
            delay = _RESTART_AFTER_S.get(reason, _RESTART_AFTER_BREAK_S)
            await look_at_stream(session, stream.tenant_id, stream.call_id, delay)
