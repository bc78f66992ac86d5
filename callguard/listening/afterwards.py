"""Calls that nobody hears in time: the caller's audio waits in memory, to be recognised when they have ended.

Never on disk: what a server held is lost with it, and the call says so.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from callguard.db import queue
from callguard.db.pool import Database, Session
from callguard.db.queue import Work
from callguard.domain.audio import SAMPLE_RATE
from callguard.domain.facts import WordsHeard
from callguard.domain.listening import LOCAL_PREFIX, Remedy
from callguard.errors import CallguardError, ConfigurationError
from callguard.intake.recorder import Recorder
from callguard.media.endpoint import AdmittedStream
from callguard.media.session import Window
from callguard.speech.port import Recognised, RecogniserFactory
from callguard.speech.recogniser import OTHER_LANGUAGE
from callguard.transcript import notices

SETTLE_AFTERWARDS = "settle_afterwards"
# Audio that waits for longer is dropped. A minute later nobody has any of it, whatever became of its server.
KEEP_SECONDS: Final = 1800.0
SETTLE_SECONDS: Final = KEEP_SECONDS + 60
# Recognised in bits, so that a call that is heard in time never waits for long.
_BIT_S: Final = 10
_LONGEST_BIT_S: Final = 30

log = structlog.get_logger(__name__)


class Seats:
    """How many calls may be recognised at once."""

    def __init__(self, most: int) -> None:
        self.most: Final = most
        self._taken = 0
        self._freed = asyncio.Event()

    def take(self) -> bool:
        """False where all are taken."""
        if self._taken >= self.most:
            return False
        self._taken += 1
        return True

    def give_back(self) -> None:
        self._taken -= 1
        self._freed.set()

    async def wait(self) -> None:
        """Takes one as soon as one is free."""
        while not self.take():
            self._freed.clear()
            await self._freed.wait()


@dataclass(frozen=True, slots=True)
class _Second:
    """About a second of the caller's track, and when it was spoken."""

    at: datetime
    mulaw: bytes = field(repr=False)
    is_silent: bool


@dataclass(slots=True)
class _Kept:
    stream: AdmittedStream
    seconds: deque[_Second] = field(default_factory=deque)
    ended_at: datetime | None = None


class Afterwards:
    """What waits, at most `most_bytes` of it: beyond that the oldest second of the oldest call goes."""

    def __init__(
        self,
        database: Database,
        recorder: Recorder,
        recognisers: RecogniserFactory,
        seats: Seats,
        *,
        most_bytes: int,
    ) -> None:
        self._database = database
        self._recorder = recorder
        self._recognisers = recognisers
        self._seats = seats
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: dict[str, _Kept] = {}  # by stream, the oldest first
        self._ended = asyncio.Event()

    def keep(self, stream: AdmittedStream, past: bytes) -> bool:
        """Keeps the stream's audio from now on, and what was just heard of it; False where none is kept."""
        if not (self._most_bytes and self._seats.most):
            return False
        if stream.stream_sid not in self._kept:
            self._kept[stream.stream_sid] = _Kept(stream)
            began = datetime.now(UTC) - timedelta(seconds=len(past) / SAMPLE_RATE)
            for start in range(0, len(past), SAMPLE_RATE):
                at = began + timedelta(seconds=start / SAMPLE_RATE)
                self._add(stream, _Second(at, past[start : start + SAMPLE_RATE], is_silent=False))
        return True

    def take(self, stream: AdmittedStream, window: Window) -> None:
        """The caller's next second, if the stream is one that is kept."""
        if stream.stream_sid in self._kept:
            at = datetime.now(UTC) - timedelta(seconds=len(window.mulaw) / SAMPLE_RATE)
            self._add(stream, _Second(at, window.mulaw, is_silent=window.speech_ms == 0))

    def holds(self, stream: AdmittedStream) -> bool:
        return stream.stream_sid in self._kept

    def ended(self, stream: AdmittedStream) -> None:
        """The stream is over: its words are due."""
        if stream.stream_sid in self._kept:
            self._kept[stream.stream_sid].ended_at = datetime.now(UTC)
            self._ended.set()

    def _add(self, stream: AdmittedStream, second: _Second) -> None:
        self._kept[stream.stream_sid].seconds.append(second)
        self._bytes += len(second.mulaw)
        while self._bytes > self._most_bytes:
            oldest = next(kept for kept in self._kept.values() if kept.seconds)
            self._bytes -= len(oldest.seconds.popleft().mulaw)

    async def run(self) -> None:
        """Recognises what is due, one call at a time, for as long as it runs. What is left then is lost."""
        try:
            while True:
                kept = await self._next_due()
                await self._seats.wait()
                remedy = Remedy.AUDIO_DROPPED
                try:
                    remedy = await self._recognise(kept)
                finally:
                    self._seats.give_back()
                    await self._finish(kept, remedy)
        finally:
            for kept in tuple(self._kept.values()):
                await self._finish(kept, Remedy.AUDIO_DROPPED)

    async def _next_due(self) -> _Kept:
        while True:
            self._ended.clear()
            due = next((kept for kept in self._kept.values() if kept.ended_at is not None), None)
            if due is not None:
                return due
            await self._ended.wait()

    async def _recognise(self, kept: _Kept) -> Remedy:
        waited = datetime.now(UTC) - (kept.ended_at or datetime.now(UTC))
        if not kept.seconds or waited.total_seconds() > KEEP_SECONDS:
            return Remedy.AUDIO_DROPPED
        told = 0
        while bit := self._next_bit(kept):

            async def tell(result: Recognised, began: datetime = bit[0].at) -> None:
                nonlocal told
                if result.is_final:
                    told += 1
                    await self._tell(kept.stream, told, result, began)

            try:
                track = self._recognisers.open(kept.stream.language, tell)
                for second in bit:
                    track.feed(second.mulaw)
                await track.close()
            except ConfigurationError as error:
                return Remedy.OTHER_LANGUAGE if error.code == OTHER_LANGUAGE else Remedy.NOT_INSTALLED
        return Remedy.RECOGNISED_AFTERWARDS

    def _next_bit(self, kept: _Kept) -> list[_Second]:
        """Its next seconds, up to one in which nobody speaks."""
        bit: list[_Second] = []
        while kept.seconds and len(bit) < _LONGEST_BIT_S and not (len(bit) >= _BIT_S and bit[-1].is_silent):
            bit.append(kept.seconds.popleft())
            self._bytes -= len(bit[-1].mulaw)
        return bit

    async def _tell(self, stream: AdmittedStream, sequence: int, result: Recognised, began: datetime) -> None:
        fact = WordsHeard(
            call_sid=stream.call_sid,
            transcription_sid=f"{LOCAL_PREFIX}after-{stream.stream_sid}",
            sequence=sequence,
            track="inbound_track",
            text=result.text,
            is_final=True,
            confidence=result.confidence,
            stability=None,
            spoken_at=began + timedelta(milliseconds=result.start_ms),
        )
        try:
            await self._recorder.record(fact)
        except CallguardError as error:
            log.error("words_lost_afterwards", code=error.code)

    async def _finish(self, kept: _Kept, remedy: Remedy) -> None:
        self._bytes -= sum(len(second.mulaw) for second in kept.seconds)
        del self._kept[kept.stream.stream_sid]
        try:
            async with self._database.tenant(kept.stream.tenant_id) as session:
                await notices.settled(session, kept.stream.call_id, remedy)
        except CallguardError as error:
            log.error("outcome_not_stored", call=str(kept.stream.call_id), code=error.code)

    async def settle(self, work: Work) -> None:
        """Audio of a call that ended long ago is nobody's any more: it was lost with its server."""
        async with self._database.tenant(work.tenant_id) as session:
            if await session.value("notices.ended_long_ago", work.call_id, SETTLE_SECONDS):
                await notices.settled(session, work.call_id, Remedy.AUDIO_DROPPED)
            else:
                await ask_to_settle(session, work.tenant_id, work.call_id)
            await queue.finish(session, work)


async def ask_to_settle(session: Session, tenant_id: UUID, call_id: UUID) -> None:
    """Somebody will look what became of the audio that waits, even if its server is gone."""
    await queue.add(
        session,
        tenant_id,
        SETTLE_AFTERWARDS,
        subject=call_id,
        call_id=call_id,
        urgency=9,
        delay_seconds=SETTLE_SECONDS,
    )
