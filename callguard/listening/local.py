"""Words recognised in this house: a stream's audio through the offline model, in memory only.

The results are recorded as if the telephone company had told them.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import structlog

from callguard.domain.audio import SAMPLE_RATE
from callguard.domain.facts import WordsHeard
from callguard.domain.listening import LOCAL_PREFIX, Remedy
from callguard.errors import CallguardError, ConfigurationError
from callguard.intake.recorder import Recorder
from callguard.intake.wordings import is_announcement
from callguard.listening.afterwards import Afterwards, Seats
from callguard.media.endpoint import AdmittedStream
from callguard.media.messages import Track
from callguard.media.session import StreamEvent, StreamSession, Window
from callguard.speech.port import OnResult, Recognised, RecogniserFactory
from callguard.speech.recogniser import OTHER_LANGUAGE

LONGEST_BACK_S: Final = 30.0
_TRACK_NAMES: Final = {Track.INBOUND: "inbound_track", Track.OUTBOUND: "outbound_track"}

log = structlog.get_logger(__name__)


class LocalTranscriber:
    """Implements `StreamEar`: knows this process's streams and recognises as many at once as there are seats.

    `is_first`: it hears every call from its beginning, and nobody else is asked for the words.
    """

    def __init__(
        self,
        recorder: Recorder,
        recognisers: RecogniserFactory,
        seats: Seats,
        afterwards: Afterwards | None = None,
        *,
        is_first: bool,
    ) -> None:
        self.is_first = is_first
        self._recorder = recorder
        self._recognisers = recognisers
        self._seats = seats
        self._afterwards = afterwards
        self._sessions: dict[str, StreamSession] = {}
        self._listening: dict[str, _Listening] = {}

    def opened(self, stream: AdmittedStream, session: StreamSession) -> None:
        self._sessions[stream.stream_sid] = session
        if self.is_first:
            self.listen(stream, None)

    def heard(self, stream: AdmittedStream, events: Sequence[StreamEvent]) -> None:
        listening = self._listening.get(stream.stream_sid)
        for event in events:
            if not isinstance(event, Window):
                continue
            if listening is not None:
                listening.take(event.track, event.mulaw)
            elif self._afterwards is not None and event.track is Track.INBOUND:
                self._afterwards.take(stream, event)

    async def closed(self, stream: AdmittedStream) -> None:
        del self._sessions[stream.stream_sid]
        await self.rest(stream)
        if self._afterwards is not None:
            self._afterwards.ended(stream)

    def listen(self, stream: AdmittedStream, silent_seconds: float | None) -> Remedy | None:
        """Recognises the stream from now on, and what it brought since others fell silent, as far as that is
        still held: `silent_seconds`, None where they never spoke.

        What came of it; None for a stream that is over. Doing so already is LOCAL too.
        """
        session = self._sessions.get(stream.stream_sid)
        if session is None:
            return None
        if stream.stream_sid in self._listening:
            return Remedy.LOCAL
        if not self._seats.take():
            return Remedy.AT_CAPACITY
        try:
            listening = _Listening(stream, self._recorder, self._recognisers)
        except ConfigurationError as error:
            self._seats.give_back()
            return Remedy.OTHER_LANGUAGE if error.code == OTHER_LANGUAGE else Remedy.NOT_INSTALLED
        self._listening[stream.stream_sid] = listening
        if self._afterwards is None or not self._afterwards.holds(stream):
            back_ms = _back_ms(silent_seconds)
            listening.catch_up({track: session.told(track, back_ms) for track in Track})
        return Remedy.LOCAL

    def keep(self, stream: AdmittedStream, silent_seconds: float | None) -> bool:
        """Keeps the caller's audio for after the call, from where `listen` would begin; False if it can't."""
        session = self._sessions.get(stream.stream_sid)
        if session is None or self._afterwards is None:
            return False
        return self._afterwards.keep(stream, session.told(Track.INBOUND, _back_ms(silent_seconds)))

    async def rest(self, stream: AdmittedStream) -> None:
        """Recognises the stream no longer; what was taken in is still told."""
        listening = self._listening.get(stream.stream_sid)
        if listening is not None:
            try:
                await listening.close()
            finally:
                if self._listening.pop(stream.stream_sid, None) is not None:
                    self._seats.give_back()


def _back_ms(silent_seconds: float | None) -> int:
    return round(min(LONGEST_BACK_S if silent_seconds is None else silent_seconds, LONGEST_BACK_S) * 1000)


class _Listening:
    """One stream's recognition. Its results share one sequence over both tracks."""

    def __init__(self, stream: AdmittedStream, recorder: Recorder, recognisers: RecogniserFactory) -> None:
        """Raises ConfigurationError without a recogniser for the language."""
        self._stream = stream
        self._recorder = recorder
        self._sequence = 0
        self._tracks = {
            track: recognisers.open(stream.language, self._teller(name))
            for track, name in _TRACK_NAMES.items()
        }
        self._audio: asyncio.Queue[tuple[Track, bytes] | None] = asyncio.Queue()
        self._feeding = asyncio.create_task(self._feed())

    def catch_up(self, past: dict[Track, bytes]) -> None:
        """Take what was spoken before, both tracks side by side."""
        for start in range(0, max(map(len, past.values())), SAMPLE_RATE):
            for track, mulaw in past.items():
                self.take(track, mulaw[start : start + SAMPLE_RATE])

    def take(self, track: Track, mulaw: bytes) -> None:
        """Take a track's next audio, about a second."""
        self._audio.put_nowait((track, mulaw))

    async def close(self) -> None:
        """Tell the rest."""
        self._audio.put_nowait(None)
        await self._feeding
        closed = await asyncio.gather(
            *(track.close() for track in self._tracks.values()), return_exceptions=True
        )
        for error in closed:
            if error is not None:
                log.error("local_recognition_failed", error=type(error).__name__)

    async def _feed(self) -> None:
        while (piece := await self._audio.get()) is not None:
            track, mulaw = piece
            self._tracks[track].feed(mulaw)
            await asyncio.sleep(0)  # many seconds may wait: others have their turn between them

    def _teller(self, track: str) -> OnResult:
        async def tell(result: Recognised) -> None:
            if track == _TRACK_NAMES[Track.OUTBOUND] and is_announcement(result.text):
                return
            self._sequence += 1
            fact = WordsHeard(
                call_sid=self._stream.call_sid,
                transcription_sid=f"{LOCAL_PREFIX}{self._stream.stream_sid}",
                sequence=self._sequence,
                track=track,
                text=result.text,
                is_final=result.is_final,
                confidence=result.confidence,
                stability=result.stability,
                spoken_at=datetime.now(UTC),
            )
            try:
                await self._recorder.record(fact)
            except CallguardError as error:
                log.error("local_words_lost", code=error.code)

        return tell
