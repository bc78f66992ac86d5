"""The caller's voice while a call runs: windows of speech, scored beside the call and never in its way.

Before the person's policy allows it nothing is computed: the audio is in the ring alone, and overwritten.
Calls take turns. A window that was not scored when its call's next one is full gives way to it, so that where
scoring can't keep up every call is looked at less often, and none waits behind another.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

import numpy as np
import structlog
from numpy.typing import NDArray

from callguard.db import queue
from callguard.db.pool import Database
from callguard.domain.audio import mulaw_decode
from callguard.domain.signals import SignalState
from callguard.domain.voice_reading import VoiceReading, is_news
from callguard.errors import CallguardError, DatabaseError
from callguard.intake.records import ANALYSE
from callguard.media.endpoint import AdmittedStream
from callguard.media.messages import Track
from callguard.media.session import StreamEvent, StreamSession, Window
from callguard.voice.activity import SpeechTape
from callguard.voice.deepfake.port import WindowScore, aggregate

LOOK_SECONDS: Final = 1.0
BATCH: Final = 8
"""Windows scored at once: enough to be worth the way to a process, few enough that none waits long."""
RING_MS: Final = 30_000
_FULL_SCALE: Final = np.float32(1 / 32768)

log = structlog.get_logger(__name__)


class Scores(Protocol):
    """Who scores windows of speech."""

    model: str

    async def score(self, windows: Sequence[NDArray[np.float32]]) -> list[WindowScore]:
        """Each window's score. Raises CallguardError."""


@dataclass(slots=True)
class _Listening:
    """One stream. `tape` is None until the voice may be judged."""

    stream: AdmittedStream
    session: StreamSession
    tape: SpeechTape | None = None
    window: NDArray[np.float32] | None = field(default=None, repr=False)
    scores: list[WindowScore] = field(default_factory=list)
    told: VoiceReading | None = None


class VoiceWatch:
    """Implements `StreamEar`; `run` does the work."""

    def __init__(self, database: Database, scores: Scores) -> None:
        self._database = database
        self._scores = scores
        self._open: dict[str, _Listening] = {}
        self._waiting: dict[str, _Listening] = {}
        self._ready = asyncio.Event()

    def opened(self, stream: AdmittedStream, session: StreamSession) -> None:
        self._open[stream.stream_sid] = _Listening(stream, session)

    def heard(self, stream: AdmittedStream, events: Sequence[StreamEvent]) -> None:
        listening = self._open.get(stream.stream_sid)
        if listening is None or listening.tape is None:
            return
        for event in events:
            if isinstance(event, Window) and event.track is Track.INBOUND:
                self._take(listening, listening.tape, event.mulaw)

    async def closed(self, stream: AdmittedStream) -> None:
        listening = self._open.pop(stream.stream_sid)
        if listening.tape is not None and not listening.scores and listening.window is None:
            spoken = listening.tape.speech_seconds
            await self._keep(listening, VoiceReading(SignalState.TOO_LITTLE_SPEECH, spoken, 0, self._scores.model))

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look())
            tasks.create_task(self._score())

    def _take(self, listening: _Listening, tape: SpeechTape, mulaw: bytes) -> None:
        for window in tape.feed(mulaw_decode(mulaw) * _FULL_SCALE):
            listening.window = window.samples
            self._waiting.setdefault(listening.stream.stream_sid, listening)
            self._ready.set()

    async def _look(self) -> None:
        """Wakes the streams whose calls may be judged by now."""
        while True:
            asleep: dict[UUID, list[_Listening]] = {}
            for listening in self._open.values():
                if listening.tape is None:
                    asleep.setdefault(listening.stream.tenant_id, []).append(listening)
            for tenant_id, listenings in asleep.items():
                try:
                    await self._wake(tenant_id, listenings)
                except DatabaseError as error:
                    log.warning("voice_policy_unknown", code=error.code)
            await asyncio.sleep(LOOK_SECONDS)

    async def _wake(self, tenant_id: UUID, listenings: Sequence[_Listening]) -> None:
        calls = [listening.stream.call_id for listening in listenings]
        async with self._database.tenant(tenant_id) as session:
            allowed = {row["id"] for row in await session.rows("voice.may_be_judged", calls)}
        for listening in listenings:
            if listening.stream.call_id in allowed and listening.tape is None:
                listening.tape = SpeechTape()
                self._take(listening, listening.tape, listening.session.told(Track.INBOUND, RING_MS))

    async def _score(self) -> None:
        while True:
            await self._ready.wait()
            turn = [self._waiting.pop(sid) for sid in list(self._waiting)[:BATCH]]
            if not self._waiting:
                self._ready.clear()
            windows = [listening.window for listening in turn if listening.window is not None]
            try:
                found = await self._scores.score(windows)
            except CallguardError as error:
                log.warning("voice_not_scored", code=error.code, windows=len(windows))
                continue
            for listening, score in zip(turn, found, strict=True):
                listening.scores.append(score)
                await self._tell(listening)

    async def _tell(self, listening: _Listening) -> None:
        reading = reading_of(listening.scores, self._scores.model)
        if is_news(listening.told, reading):
            await self._keep(listening, reading)

    async def _keep(self, listening: _Listening, reading: VoiceReading) -> None:
        """Stores it and asks for a new look at the call."""
        stream = listening.stream
        try:
            async with self._database.tenant(stream.tenant_id) as session:
                await session.run(
                    "voice.keep",
                    stream.tenant_id,
                    stream.call_id,
                    stream.stream_sid,
                    reading.state,
                    reading.score,
                    reading.low,
                    reading.high,
                    reading.speech_seconds,
                    reading.windows,
                    reading.reason,
                    reading.model,
                )
                await queue.add(
                    session,
                    stream.tenant_id,
                    ANALYSE,
                    subject=stream.call_id,
                    call_id=stream.call_id,
                    urgency=4,
                )
        except DatabaseError as error:
            log.warning("voice_reading_not_stored", code=error.code)
            return  # the next window tells it
        listening.told = reading


def reading_of(scores: Sequence[WindowScore], model: str) -> VoiceReading:
    """What a stream's scores so far say together."""
    call = aggregate(scores)
    state = SignalState.MEASURED if call.score is not None else SignalState.UNSUITABLE
    reason = next((s.reason for s in reversed(scores) if s.reason), None) if call.score is None else None
    return VoiceReading(state, call.seconds, len(scores), model, call.score, call.low, call.high, reason)
