"""Media streams: a leg's audio to a WebSocket of the product, 20 ms a frame, in Twilio's JSON messages."""

import asyncio
import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from callguard.local.twilio import debugger as codes
from callguard.local.twilio.account import new_sid, utc_now
from callguard.local.twilio.network import Network
from callguard.local.twilio.options import TRACKS, StreamOptions, Track
from callguard.local.twilio.tasks import Tasks
from callguard.local.twilio.webhooks import Deliveries

FRAME_MS = 20
FRAME_BYTES = 160
SILENCE = b"\xff" * FRAME_BYTES
HANDSHAKE_SECONDS = 5.0
LAST_FRAMES_SECONDS = 5.0
WEBSOCKET_NAMES: Mapping[Track, str] = {Track.INBOUND: "inbound", Track.OUTBOUND: "outbound"}


@dataclass(frozen=True, slots=True)
class Frame:
    """20 ms of a leg's audio: 160 bytes of mu-law a track, or None where nobody can be heard.

    `tick` counts frames since the call was answered; `at` is the monotonic time at which it was spoken.
    """

    tick: int
    at: float
    inbound: bytes | None
    outbound: bytes | None

    def payload(self, track: Track) -> bytes | None:
        """The bytes of one track."""
        return self.inbound if track is Track.INBOUND else self.outbound


class MediaStream:
    """One stream. Whatever becomes of its WebSocket, the call goes on."""

    def __init__(self, network: Network, tasks: Tasks, call_sid: str, options: StreamOptions) -> None:
        self.sid: Final = new_sid("MZ")
        self.options: Final = options
        self.status = "in-progress"
        self.updated = utc_now()
        self._network = network
        self._tasks = tasks
        self._call_sid = call_sid
        self._deliveries = Deliveries(network.webhooks, tasks)
        self._frames: asyncio.Queue[Frame | None] = asyncio.Queue()
        self._sequence = 0
        self._chunk = 0
        self._first_tick: int | None = None
        self._runner: asyncio.Task[None] | None = None
        self._connection: ClientConnection | None = None

    def start(self) -> None:
        """Connect in the background and send what comes."""
        self._runner = self._tasks.spawn(self._run())

    def feed(self, frame: Frame) -> None:
        """Take the next 20 ms; they are lost when the stream is down."""
        if self.status == "in-progress":
            self._frames.put_nowait(frame)

    async def stop(self) -> None:
        """Send what is still waiting, then `stop`, then close; again is no harm."""
        if self.status == "in-progress":
            self._finish()
            self._frames.put_nowait(None)
        if self._runner is not None:
            _, late = await asyncio.wait((self._runner,), timeout=LAST_FRAMES_SECONDS)
            for runner in late:
                runner.cancel()
        await self._deliveries.drained()

    def cut(self) -> None:
        """Break the WebSocket, as a network fault does: the stream ends with an error."""
        if self._connection is not None:
            self._connection.transport.abort()

    def _finish(self) -> None:
        self.status = "stopped"
        self.updated = utc_now()

    async def _run(self) -> None:
        url = self.options.url
        parts = urlsplit(url)
        if parts.scheme not in {"wss", "ws"} or parts.query:
            self._fail(codes.STREAM_HANDSHAKE_ERROR, "its URL must be a WebSocket URL without a query")
            return
        signature = self._network.webhooks.signature(url, {})
        try:
            # The context manager isn't used: it would wait for a peer that never closes.
            connection = await connect(
                url,
                additional_headers={"X-Twilio-Signature": signature},
                user_agent_header="Twilio.TmeWs/1.0",
                compression=None,
                proxy=None,
                open_timeout=HANDSHAKE_SECONDS,
                ping_interval=None,
                close_timeout=1,
            )
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, ValueError):
            self._fail(codes.STREAM_HANDSHAKE_ERROR, "the WebSocket was not accepted")
            return
        await self._send_all(connection)

    async def _send_all(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._tell("stream-started")
        self._tasks.spawn(self._listen(connection))
        try:
            await self._open(connection)
            while (frame := await self._frames.get()) is not None:
                await self._send(connection, frame)
            await connection.send(self._message("stop", stop=self._whose()))
        except ConnectionClosed:
            self._fail(codes.STREAM_CLOSED, "the WebSocket was closed by the other side")
        else:
            self._tell("stream-stopped")
        finally:
            await connection.close()

    async def _listen(self, connection: ClientConnection) -> None:
        """Nothing may come on a one-way stream; once the other side closed, no frame is waited for."""
        with suppress(ConnectionClosed):
            async for _ in connection:
                self._network.debugger.tell(
                    codes.STREAM_MESSAGE_REFUSED, "A one-way stream takes no messages", self._call_sid
                )
        self._frames.put_nowait(None)

    async def _open(self, connection: ClientConnection) -> None:
        await connection.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        start = {
            **self._whose(),
            "streamSid": self.sid,
            "tracks": [WEBSOCKET_NAMES[track] for track in TRACKS[self.options.tracks]],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(self.options.parameters),
        }
        await connection.send(self._message("start", start=start))

    async def _send(self, connection: ClientConnection, frame: Frame) -> None:
        if self._first_tick is None:
            self._first_tick = frame.tick
        self._chunk += 1
        for track in TRACKS[self.options.tracks]:
            media = {
                "track": WEBSOCKET_NAMES[track],
                "chunk": str(self._chunk),
                "timestamp": str((frame.tick - self._first_tick) * FRAME_MS),
                "payload": base64.b64encode(frame.payload(track) or SILENCE).decode(),
            }
            await connection.send(self._message("media", media=media))

    def _message(self, event: str, **content: Mapping[str, object]) -> str:
        self._sequence += 1
        message = {"event": event, "sequenceNumber": str(self._sequence), **content, "streamSid": self.sid}
        return json.dumps(message)

    def _whose(self) -> dict[str, object]:
        return {"accountSid": self._network.account.sid, "callSid": self._call_sid}

    def _fail(self, code: int, why: str) -> None:
        self._finish()
        self._network.debugger.tell(code, f"A media stream failed: {why}", self._call_sid)
        self._tell("stream-error", {"StreamError": why})

    def _tell(self, event: str, facts: Mapping[str, str] | None = None) -> None:
        callback = self.options.callback
        if callback.url:
            params = {
                "AccountSid": self._network.account.sid,
                "CallSid": self._call_sid,
                "StreamSid": self.sid,
                "StreamName": self.options.name,
                "StreamEvent": event,
                "Timestamp": utc_now().isoformat().replace("+00:00", "Z"),
                **(facts or {}),
            }
            self._deliveries.post(callback.url, params, callback.method)
