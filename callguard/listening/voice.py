"""The caller's voice while a call runs: windows of speech, judged beside the call and never in its way.

Before the person's policy allows it nothing is computed: the audio is in the ring alone, and overwritten.
Calls take turns. Of a call that waits its newest windows are kept, so that where judging can't keep up every
call is looked at less often, and none waits behind another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from callguard.domain.voice_reading import Likeness, VoiceReading, is_news, likeness_is_news
from callguard.errors import CallguardError, DatabaseError, DatabaseUnavailable
from callguard.listening.voice_book import Leave, VoiceBook
from callguard.listening.voice_judge import Speech, VoiceJudge
from callguard.listening.voice_stream import VoiceStream, WaitingWindow, likeness_of
from callguard.media.endpoint import AdmittedStream
from callguard.media.messages import Track
from callguard.media.session import StreamEvent, StreamSession, Window

LOOK_SECONDS: Final = 1.0
BATCH: Final = 8
"""Calls in a turn: enough to be worth the way to a process, few enough that none waits long."""
RING_MS: Final = 30_000

log = structlog.get_logger(__name__)


class VoiceWatch:
    """Implements `StreamEar`; `run` does the work, `at_once` turns at a time."""

    def __init__(self, book: VoiceBook, judge: VoiceJudge, at_once: int) -> None:
        self._book = book
        self._judge = judge
        self._at_once = at_once
        self._open: dict[str, VoiceStream] = {}
        self._due: dict[str, VoiceStream] = {}  # in the order in which they are served
        self._is_due = asyncio.Event()
        self._untold: dict[tuple[str, UUID | None], Callable[[], Awaitable[None]]] = {}
        self._has_news = asyncio.Event()

    def opened(self, stream: AdmittedStream, session: StreamSession) -> None:
        self._open[stream.stream_sid] = VoiceStream(stream, session)

    def heard(self, stream: AdmittedStream, events: Sequence[StreamEvent]) -> None:
        voice = self._open[stream.stream_sid]
        if voice.tape is None:
            return
        for event in events:
            if isinstance(event, Window) and event.track is Track.INBOUND:
                voice.hear(voice.tape, event.mulaw)
        self._offer(voice)

    async def closed(self, stream: AdmittedStream) -> None:
        voice = self._open.pop(stream.stream_sid)
        if voice.tape is None:
            await self._ask_leave([voice])  # a keyword may have been heard a moment ago
        if voice.tape is not None:
            voice.end(voice.tape)
            self._offer(voice)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look())
            tasks.create_task(self._tell())
            for _ in range(self._at_once):
                tasks.create_task(self._serve())

    async def _look(self) -> None:
        while True:
            await self._ask_leave(list(self._open.values()))
            await asyncio.sleep(LOOK_SECONDS)

    async def _ask_leave(self, voices: Sequence[VoiceStream]) -> None:
        """What may be done with these voices by now; they are as before where the database is away."""
        if not voices:
            return
        try:
            leaves = await self._book.leaves([voice.stream.call_id for voice in voices])
        except DatabaseError as error:
            log.warning("voices_not_looked_after", code=error.code)
            return
        for voice in voices:
            leave = leaves.get(voice.stream.call_id)
            if leave is not None and leave != voice.leave and not voice.is_over:
                await self._follow(voice, leave)
                await asyncio.sleep(0)  # half a minute may be heard at once: others have their turn between

    async def _follow(self, voice: VoiceStream, leave: Leave) -> None:
        claimed = leave.claimed if voice.leave is None or leave.claimed != voice.leave.claimed else None
        voice.leave = leave
        if voice.tape is None:
            voice.begin(voice.session.told(Track.INBOUND, RING_MS))
        if claimed is not None:
            try:
                voice.voiceprints = await self._book.voiceprints(voice.stream.tenant_id, claimed)
            except CallguardError as error:
                log.warning("voiceprints_not_opened", code=error.code)
        self._offer(voice)

    def _offer(self, voice: VoiceStream) -> None:
        """Puts it in the queue if there is something to do for it; one that is over and done with is told."""
        if voice.in_hand:
            return
        if voice.is_due:
            self._due.setdefault(voice.stream.stream_sid, voice)
            self._is_due.set()
        elif voice.is_over and (reading := voice.reading()) != voice.told:
            self._announce(voice, reading)

    async def _serve(self) -> None:
        while True:
            await self._is_due.wait()
            turn = self._next_turn()
            try:
                await self._judge_windows(
                    [(voice, voice.waiting.popleft()) for voice in turn if voice.waiting]
                )
                for voice in turn:
                    if voice.should_compare:
                        await self._compare(voice)
            finally:
                for voice in turn:
                    voice.in_hand = False
                    self._offer(voice)

    def _next_turn(self) -> list[VoiceStream]:
        """Those who waited longest; a window that failed goes alone, since it may be why others failed."""
        turn: list[VoiceStream] = []
        while self._due and len(turn) < BATCH:
            sid, voice = next(iter(self._due.items()))
            if voice.failed_before and turn:
                break
            turn.append(self._due.pop(sid))
            voice.in_hand = True
            if voice.failed_before:
                break
        if not self._due:
            self._is_due.clear()
        return turn

    async def _judge_windows(self, asked: Sequence[tuple[VoiceStream, WaitingWindow]]) -> None:
        if not asked:
            return
        speech = [Speech(window.pcm, may_leave=voice.may_leave) for voice, window in asked]
        try:
            verdicts = await self._judge.score(speech)
        except CallguardError as error:
            log.warning("voices_not_judged", code=error.code, windows=len(asked))
            for voice, window in asked:
                voice.failed(window)
        else:
            for (voice, window), verdict in zip(asked, verdicts, strict=True):
                voice.add(window, verdict.score, verdict.model)
        for voice, _ in asked:
            if voice.scores and is_news(voice.told, reading := voice.reading()):
                self._announce(voice, reading)

    def _announce(self, voice: VoiceStream, reading: VoiceReading) -> None:
        voice.told = reading
        self._untold[voice.stream.stream_sid, None] = partial(self._book.keep_reading, voice.stream, reading)
        self._has_news.set()

    async def _compare(self, voice: VoiceStream) -> None:
        voice.compared_at = voice.spoken_s
        try:
            told = await self._judge.compare(voice.session.told(Track.INBOUND, RING_MS), voice.voiceprints)
        except CallguardError as error:
            log.warning("voices_not_compared", code=error.code)
            return
        for voiceprint, (reason, similarity) in zip(voice.voiceprints, told.found, strict=True):
            likeness = likeness_of(reason, similarity, told.model)
            if likeness is not None and likeness_is_news(voice.likenesses.get(voiceprint.id), likeness):
                self._liken(voice, voiceprint.id, likeness)

    def _liken(self, voice: VoiceStream, voiceprint_id: UUID, likeness: Likeness) -> None:
        voice.likenesses[voiceprint_id] = likeness
        self._untold[voice.stream.stream_sid, voiceprint_id] = partial(
            self._book.keep_likeness, voice.stream, voiceprint_id, likeness
        )
        self._has_news.set()

    async def _tell(self) -> None:
        """Stores the news, one after the other; what is newer takes the place of what waits."""
        while True:
            await self._has_news.wait()
            key = next(iter(self._untold))
            keep = self._untold.pop(key)
            try:
                await keep()
            except DatabaseUnavailable as error:
                log.warning("voice_waits_for_the_database", code=error.code)
                self._untold.setdefault(key, keep)
                await asyncio.sleep(LOOK_SECONDS)
            except DatabaseError as error:
                log.error("voice_not_stored", code=error.code)
            if not self._untold:
                self._has_news.clear()
