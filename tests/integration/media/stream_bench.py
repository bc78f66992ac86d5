"""A media endpoint in a real server, its gate and book with memories, and the frames that Twilio sends."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from callguard.errors import DatabaseUnavailable
from callguard.media.endpoint import (
    AdmittedStream,
    LiveStreams,
    MediaLimits,
    StreamEnd,
    make_media_endpoint,
)
from callguard.media.messages import Track
from callguard.media.session import StreamFigures, StreamSession, StreamStarted
from callguard.media.socket import MediaSocket

DEADLINE_S = 5
SIGNED = {"X-Twilio-Signature": "good"}
CALL = "CAc2f7a1d0e4b74f6f8d3b0e9a1c5d7e90"
REPORT_EACH_FRAME = MediaLimits(progress_s=0)


class Gate:
    """Lets in who is signed and brings a token that was issued and not yet spent."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = set(tokens)
        self.database_is_down = False

    def signature_ok(self, ws: WebSocket) -> bool:
        return ws.headers.get("X-Twilio-Signature") == "good"

    async def admit(self, started: StreamStarted) -> AdmittedStream | None:
        if self.database_is_down:
            raise DatabaseUnavailable("The database is down; try again.")
        token = started.parameters.get("token", "")
        if token not in self.tokens:
            return None
        self.tokens.remove(token)
        return AdmittedStream(uuid4(), uuid4(), started.call_sid, started.stream_sid, "en")


@dataclass
class Page:
    """What a book knows of one stream."""

    heard: Mapping[Track, StreamFigures] = field(default_factory=dict)
    end: StreamEnd | None = None


class Book:
    """Keeps a page for each stream, and tells when something was written."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.is_broken = False
        self.refusals = 0
        self.most_at_once = 0
        self._at_once = 0
        self.open = asyncio.Event()
        self.open.set()
        self._written = asyncio.Condition()

    async def progress(self, stream: AdmittedStream, heard: Mapping[Track, StreamFigures]) -> None:
        await self._write(stream, lambda page: setattr(page, "heard", heard))

    async def ended(self, stream: AdmittedStream, reason: StreamEnd) -> None:
        await self._write(stream, lambda page: setattr(page, "end", reason))

    async def _write(self, stream: AdmittedStream, entry: Callable[[Page], None]) -> None:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await self.open.wait()
        async with self._written:
            self._at_once -= 1
            if self.is_broken:
                self.refusals += 1
                self._written.notify_all()
                raise OSError("the book is gone")
            entry(self.pages.setdefault(stream.call_sid, Page()))
            self._written.notify_all()

    async def refused(self) -> None:
        async with asyncio.timeout(DEADLINE_S), self._written:
            await self._written.wait_for(lambda: self.refusals > 0)

    async def page(self, call_sid: str, holds: Callable[[Page], bool]) -> Page:
        async with asyncio.timeout(DEADLINE_S), self._written:
            await self._written.wait_for(lambda: call_sid in self.pages and holds(self.pages[call_sid]))
            return self.pages[call_sid]

    async def received(self, ms: int, call_sid: str = CALL, track: Track = Track.INBOUND) -> None:
        await self.page(call_sid, lambda page: bool(page.heard) and page.heard[track].received_ms == ms)

    async def last_page(self, call_sid: str = CALL) -> Page:
        return await self.page(call_sid, lambda page: page.end is not None)


@dataclass
class Server:
    """A media server on a free port."""

    url: str
    gate: Gate
    book: Book
    live: LiveStreams
    stop: Callable[[], Awaitable[None]]

    def connect(self, headers: Mapping[str, str] = SIGNED) -> connect:
        return connect(self.url, additional_headers=headers)

    def session(self, call_sid: str = CALL) -> StreamSession:
        session = self.live.get(call_sid)
        assert session is not None
        return session


@asynccontextmanager
async def serve(limits: MediaLimits | None = None, *, max_streams: int = 10) -> AsyncIterator[Server]:
    gate, book, live = Gate("token-1", "token-2", "token-3"), Book(), LiveStreams(max_streams)
    route = WebSocketRoute("/media-stream", make_media_endpoint(gate, book, live, limits))
    config = uvicorn.Config(
        Starlette(routes=[route]), ws=MediaSocket, lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = asyncio.create_task(server.serve(sockets=[listening]))

        async def stop() -> None:
            server.should_exit = True
            async with asyncio.timeout(DEADLINE_S):
                await running

        try:
            port = listening.getsockname()[1]
            yield Server(f"ws://127.0.0.1:{port}/media-stream", gate, book, live, stop)
        finally:
            await stop()


def start(call: str = CALL, token: str = "token-1", **changes: Any) -> str:
    media_format = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    details = {
        "accountSid": "AC0123456789abcdef0123456789abcdef",
        "streamSid": stream_sid(call),
        "callSid": call,
        "tracks": ["inbound", "outbound"],
        "mediaFormat": media_format,
        "customParameters": {"token": token},
        **changes,
    }
    return json.dumps(
        {"event": "start", "sequenceNumber": "1", "start": details, "streamSid": stream_sid(call)}
    )


def stream_sid(call: str) -> str:
    return f"MZ{call[2:]}"


def media(timestamp: int, payload: bytes, track: str = "inbound", call: str = CALL) -> str:
    body = {
        "track": track,
        "chunk": "1",
        "timestamp": str(timestamp),
        "payload": base64.b64encode(payload).decode(),
    }
    return json.dumps({"event": "media", "sequenceNumber": "2", "media": body, "streamSid": stream_sid(call)})


def stop(call: str = CALL) -> str:
    return json.dumps({"event": "stop", "sequenceNumber": "9", "stop": {}, "streamSid": stream_sid(call)})


CONNECTED = json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})
FRAME = b"\xaa" * 160


def voice(ms: int, seed: int = 1) -> bytes:
    return bytes((position * 37 + seed) % 251 for position in range(ms * 8))


async def send(ws: ClientConnection, *messages: str | bytes) -> None:
    for message in messages:
        await ws.send(message)


def in_frames(audio: bytes, **where: str) -> list[str]:
    return [media(at // 8, audio[at : at + 160], **where) for at in range(0, len(audio), 160)]


async def close_code(ws: ClientConnection) -> int | None:
    """The code the server closes with; what it sends before is nobody's business here."""
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(ConnectionClosed):
            await ws.recv()
    return ws.close_code
