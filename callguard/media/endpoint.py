"""The door for audio: a WebSocket pumped into a `StreamSession`, admitted by a gate, recorded in a book.

How a stream is turned away or ends: 403 without Twilio's signature; 1008 for frames that break the protocol,
no start in time, or a token that is not good; 1013 when the server has no room; 1011 when it can't check the
token; 1001 when nothing has come for long; 1012 when the server stops; 1000 after Twilio's stop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

import structlog
from starlette.types import Message as ASGIMessage
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from callguard.errors import CallguardError, ProtocolError
from callguard.media.messages import Message, Stop, Track, decode
from callguard.media.session import StreamEvent, StreamFigures, StreamSession, StreamStarted

log = structlog.get_logger(__name__)

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
POLICY_VIOLATION: Final = 1008
INTERNAL_ERROR: Final = 1011
SERVICE_RESTART: Final = 1012
TRY_AGAIN_LATER: Final = 1013


class StreamEnd(StrEnum):
    """Why an admitted stream ended."""

    STOPPED = "stopped"
    DISCONNECTED = "disconnected"
    IDLE = "idle"
    PROTOCOL = "protocol"
    SERVER_STOPS = "server_stops"


_CLOSE_CODES: Final = {
    StreamEnd.STOPPED: NORMAL,
    StreamEnd.DISCONNECTED: NORMAL,
    StreamEnd.IDLE: GOING_AWAY,
    StreamEnd.PROTOCOL: POLICY_VIOLATION,
    StreamEnd.SERVER_STOPS: SERVICE_RESTART,
}


@dataclass(frozen=True, slots=True)
class AdmittedStream:
    """A stream whose token was good: whose it is, and which call's."""

    tenant_id: UUID
    call_id: UUID
    call_sid: str
    stream_sid: str
    language: str


class StreamGate(Protocol):
    """Who may bring audio in."""

    def signature_ok(self, ws: WebSocket) -> bool:
        """Whether Twilio signed the handshake."""

    async def admit(self, started: StreamStarted) -> AdmittedStream | None:
        """Spend the single-use token; None if it is not good. Raises `CallguardError` if it can't tell."""


class StreamBook(Protocol):
    """Where it is written down what a stream has brought. Its errors never end a stream."""

    async def progress(self, stream: AdmittedStream, heard: Mapping[Track, StreamFigures]) -> None:
        """The stream so far: now and then, and once more at its end."""

    async def ended(self, stream: AdmittedStream, reason: StreamEnd) -> None:
        """The stream is over; the last call for it."""


class StreamEar(Protocol):
    """Who listens along. Nothing here may block: it stands in the audio's way."""

    def opened(self, stream: AdmittedStream, session: StreamSession) -> None:
        """A stream was admitted."""

    def heard(self, stream: AdmittedStream, events: Sequence[StreamEvent]) -> None:
        """What it has just brought."""

    async def closed(self, stream: AdmittedStream) -> None:
        """It is over, and written down as such; the last call for it."""


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Seconds: to the start message; without any frame (and up to `progress_s` more); between two reports."""

    start_s: float = 5.0
    idle_s: float = 60.0
    progress_s: float = 5.0


class LiveStreams:
    """The streams open in this process, at most `max_streams` of them."""

    def __init__(self, max_streams: int) -> None:
        self._max_streams = max_streams
        self._sockets: set[WebSocket] = set()
        self._sessions: dict[str, StreamSession] = {}
        self._closing = False
        self._empty = asyncio.Event()
        self._empty.set()

    def get(self, call_sid: str) -> StreamSession | None:
        """The call's newest open stream, for reading what was last heard."""
        return self._sessions.get(call_sid)

    def __len__(self) -> int:
        return len(self._sockets)

    async def close_all(self) -> None:
        """Turn new streams away, close the open ones with 1012, and wait until each is written down."""
        self._closing = True
        await asyncio.gather(*(_close(ws, SERVICE_RESTART) for ws in self._sockets))
        await self._empty.wait()

    def has_room(self) -> bool:
        """Whether one more stream may open."""
        return not self._closing and len(self._sockets) < self._max_streams

    @contextmanager
    def holding(self, ws: WebSocket) -> Iterator[None]:
        """Count a socket as open."""
        self._sockets.add(ws)
        self._empty.clear()
        try:
            yield
        finally:
            self._sockets.discard(ws)
            if not self._sockets:
                self._empty.set()

    @contextmanager
    def serving(self, call_sid: str, session: StreamSession) -> Iterator[None]:
        """Let others find the session by its call."""
        self._sessions[call_sid] = session
        try:
            yield
        finally:
            if self._sessions.get(call_sid) is session:
                del self._sessions[call_sid]


def make_media_endpoint(
    gate: StreamGate,
    book: StreamBook,
    live: LiveStreams,
    limits: MediaLimits | None = None,
    ear: StreamEar | None = None,
) -> Callable[[WebSocket], Awaitable[None]]:
    """The Starlette WebSocket endpoint for `/media-stream`."""
    pump = _Pump(gate, book, live, limits or MediaLimits(), ear or _Deaf())

    async def media_stream(ws: WebSocket) -> None:
        if not gate.signature_ok(ws):
            await ws.close()
            return
        if not live.has_room():
            await ws.accept()
            await _refuse(ws, TRY_AGAIN_LATER, "NoRoom")
            return
        with live.holding(ws):
            await ws.accept()
            await pump.run(ws)

    return media_stream


class _Pump:
    """One socket's way: start, admission, audio, end. Holds nothing of a stream, so all streams share it."""

    def __init__(
        self, gate: StreamGate, book: StreamBook, live: LiveStreams, limits: MediaLimits, ear: StreamEar
    ) -> None:
        self._ear = ear
        self._gate = gate
        self._book = book
        self._live = live
        self._limits = limits

    async def run(self, ws: WebSocket) -> None:
        """Serve an accepted socket until it is closed and what it brought is written down."""
        session = StreamSession()
        stream = await self._admit(ws, session)
        if stream is None:
            return
        self._ear.opened(stream, session)
        reporter = _Reporter(self._book, stream, session)
        end = StreamEnd.DISCONNECTED
        try:
            with self._live.serving(stream.call_sid, session):
                end = await self._listen(ws, session, stream, reporter)
            await _close(ws, _CLOSE_CODES[end])
        finally:
            self._ear.heard(stream, session.finish())
            await reporter.finish(end)
            await self._ear.closed(stream)

    async def _admit(self, ws: WebSocket, session: StreamSession) -> AdmittedStream | None:
        try:
            async with asyncio.timeout(self._limits.start_s):
                started = await self._start(ws, session)
        except WebSocketDisconnect:
            return None
        except (TimeoutError, ProtocolError) as error:
            await _refuse(ws, POLICY_VIOLATION, type(error).__name__)
            return None
        try:
            stream = await self._gate.admit(started)
        except CallguardError as error:
            await _refuse(ws, INTERNAL_ERROR, type(error).__name__)
            return None
        if stream is None:
            await _refuse(ws, POLICY_VIOLATION, "BadToken")
        return stream

    async def _start(self, ws: WebSocket, session: StreamSession) -> StreamStarted:
        while True:
            for event in session.receive(_message(await ws.receive())):
                if isinstance(event, StreamStarted):
                    return event

    async def _listen(
        self, ws: WebSocket, session: StreamSession, stream: AdmittedStream, reporter: "_Reporter"
    ) -> StreamEnd:
        try:
            # A task of its own, so that a frame wakes this loop and not the web framework's stack above it.
            await asyncio.create_task(self._hear_all(ws, session, stream, reporter))
        except WebSocketDisconnect as gone:
            return StreamEnd.SERVER_STOPS if gone.code == SERVICE_RESTART else StreamEnd.DISCONNECTED
        except TimeoutError:
            return StreamEnd.IDLE
        except ProtocolError as error:
            log.warning("media.stream.broken", message=error.message)
            return StreamEnd.PROTOCOL
        return StreamEnd.STOPPED

    async def _hear_all(
        self, ws: WebSocket, session: StreamSession, stream: AdmittedStream, reporter: "_Reporter"
    ) -> None:
        clock = asyncio.get_running_loop().time
        patience_s = self._limits.idle_s + self._limits.progress_s
        async with asyncio.timeout(patience_s) as patience:
            report_at = clock() + self._limits.progress_s
            while not isinstance(message := _message(await ws.receive()), Stop):
                if events := session.receive(message):
                    self._ear.heard(stream, events)
                # A deadline moved for every frame would cost more than reading the frame.
                if clock() >= report_at:
                    report_at = clock() + self._limits.progress_s
                    patience.reschedule(clock() + patience_s)
                    reporter.report()
            self._ear.heard(stream, session.receive(message))


class _Deaf:
    """Nobody listens along."""

    def opened(self, stream: AdmittedStream, session: StreamSession) -> None:
        pass

    def heard(self, stream: AdmittedStream, events: Sequence[StreamEvent]) -> None:
        pass

    async def closed(self, stream: AdmittedStream) -> None:
        pass


class _Reporter:
    """Writes one stream's figures into the book, one entry at a time, and never in the audio's way."""

    def __init__(self, book: StreamBook, stream: AdmittedStream, session: StreamSession) -> None:
        self._book = book
        self._stream = stream
        self._session = session
        self._entry: asyncio.Task[None] | None = None

    def report(self) -> None:
        """Write how far the stream is, unless the entry before is still being written."""
        if self._entry is None or self._entry.done():
            self._entry = asyncio.create_task(self._write_progress())

    async def finish(self, end: StreamEnd) -> None:
        """Write the last figures and the end."""
        if self._entry is not None:
            await self._entry
        await self._write_progress()
        await self._write(self._book.ended(self._stream, end))

    async def _write_progress(self) -> None:
        await self._write(self._book.progress(self._stream, self._session.figures()))

    async def _write(self, entry: Awaitable[None]) -> None:
        try:
            await entry
        except Exception as error:  # noqa: BLE001 - whatever befalls the book, the audio goes on
            log.warning("media.book.failed", error=type(error).__name__, call_id=str(self._stream.call_id))


def _message(received: ASGIMessage) -> Message:
    """What the socket brought. Raises `WebSocketDisconnect` once it is closed, by whichever side."""
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received["code"])
    return decode(received.get("text") or received.get("bytes") or b"")


async def _refuse(ws: WebSocket, code: int, reason: str) -> None:
    log.warning("media.stream.refused", close_code=code, reason=reason)
    await _close(ws, code)


async def _close(ws: WebSocket, code: int) -> None:
    states = (ws.application_state, ws.client_state)
    if states == (WebSocketState.CONNECTED, WebSocketState.CONNECTED):
        with suppress(WebSocketDisconnect):
            await ws.close(code)
