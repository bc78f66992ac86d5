"""What a call's audio costs: the media endpoint with decoding, ring and voice detection, at real-time pace.

Beside it, in turn and under the same load: a bare `websockets` server that only decodes the JSON. Each runs
on uvloop in a process of its own; CPU is that process's user and system time. Lag runs from when a frame was
due at the sender, whose own lateness counts, to when the server is done with it.

    python -m bench.media_ingest [--connections 100] [--seconds 5] [--rounds 5] [--json]
"""

import argparse
import asyncio
import base64
import json
import multiprocessing
import os
import socket
import statistics
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from typing import Any, Final
from uuid import UUID, uuid4

import numpy as np
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from websockets.asyncio.server import ServerConnection, serve

from callguard.domain.audio import FRAME_BYTES, FRAME_MS, SAMPLE_RATE, mulaw_encode
from callguard.media.endpoint import AdmittedStream, LiveStreams, StreamEnd, make_media_endpoint
from callguard.media.messages import Track
from callguard.media.session import StreamFigures, StreamStarted
from callguard.media.socket import MediaSocket

FRAMES_A_SECOND: Final = 2 * 1000 // FRAME_MS  # of a call: its tracks take turns
STREAM: Final = "MZ18ad3ab5a668481ce02b83e7395059f0"
PEER, OURS = "websockets", "callguard"


class Meter:
    """How late each frame was done, and the CPU time from the first frame of any call to the last."""

    def __init__(self, frames_a_call: int) -> None:
        self.lags_s: list[float] = []
        self.cpu_s: list[float] = []
        self._last = frames_a_call - 1

    def follow(self, first_due: float, frames_before: int) -> Callable[[], None]:
        """What a connection calls when done with a frame; its first `frames_before` carry no audio."""
        number = -frames_before

        def done() -> None:
            nonlocal number
            if number >= 0:
                self.lags_s.append(time.monotonic() - first_due - number / FRAMES_A_SECOND)
            if number in {0, self._last}:
                self.cpu_s.append(time.process_time())
            number += 1

        return done


class OpenDoor:
    """The bench's gate and book: everyone comes in, and what came is counted."""

    def __init__(self, connections: int) -> None:
        self.all_ended = asyncio.Event()
        self._heard: dict[UUID, Mapping[Track, StreamFigures]] = {}
        self._open = connections

    def signature_ok(self, ws: WebSocket) -> bool:  # noqa: ARG002
        return True

    async def admit(self, started: StreamStarted) -> AdmittedStream:
        return AdmittedStream(uuid4(), uuid4(), started.call_sid, started.stream_sid, "en")

    async def progress(self, stream: AdmittedStream, heard: Mapping[Track, StreamFigures]) -> None:
        self._heard[stream.call_id] = heard

    async def ended(self, stream: AdmittedStream, reason: StreamEnd) -> None:  # noqa: ARG002
        self._open -= 1
        if not self._open:
            self.all_ended.set()

    def frames(self) -> int:
        return sum(one.received_ms // FRAME_MS for heard in self._heard.values() for one in heard.values())


async def serve_ours(listening: socket.socket, connections: int, meter: Meter) -> int:
    door = OpenDoor(connections)
    endpoint = make_media_endpoint(door, door, LiveStreams(connections))
    starlette = Starlette(routes=[WebSocketRoute("/", endpoint)])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Asking for a message means being done with the one before: none, connect, connected, start, audio.
        done = meter.follow(float(dict(scope["headers"])[b"x-due"]), frames_before=4)

        async def watched() -> Message:
            done()
            return await receive()

        await starlette(scope, watched, send)

    config = uvicorn.Config(
        app, ws=MediaSocket, ws_ping_interval=None, lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await door.all_ended.wait()
    server.should_exit = True
    await serving
    return door.frames()


async def serve_peer(listening: socket.socket, connections: int, meter: Meter) -> int:
    all_ended = asyncio.Event()
    frames = ended = 0

    async def handle(ws: ServerConnection) -> None:
        nonlocal frames, ended
        assert ws.request is not None
        done = meter.follow(float(ws.request.headers["x-due"]), frames_before=2)
        try:
            async for text in ws:
                frames += json.loads(text)["event"] == "media"
                done()
        finally:
            ended += 1
            if ended == connections:
                all_ended.set()

    async with serve(handle, sock=listening, ping_interval=None):
        await all_ended.wait()
    return frames


def run_server(name: str, connections: int, frames_a_call: int, pipe: Connection) -> None:
    async def main() -> None:
        meter = Meter(frames_a_call)
        with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
            pipe.send(listening.getsockname()[1])
            frames = await (serve_ours if name == OURS else serve_peer)(listening, connections, meter)
        pipe.send((frames, max(meter.cpu_s) - min(meter.cpu_s), meter.lags_s))

    uvloop.run(main())


def masked(event: Mapping[str, object]) -> bytes:
    """A client's text frame; its mask is zero, which costs a server what any other does."""
    body = json.dumps(event, separators=(",", ":")).encode()
    length = bytes([0x80 | len(body)]) if len(body) < 126 else struct.pack("!BH", 0x80 | 126, len(body))
    return b"\x81" + length + bytes(4) + body


GOODBYE: Final = b"\x88\x82" + bytes(4) + struct.pack("!H", 1000)


def opening() -> bytes:
    details = {
        "streamSid": STREAM,
        "callSid": "CA" + uuid4().hex,
        "tracks": ["inbound", "outbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    }
    return masked({"event": "connected"}) + masked({"event": "start", "start": details, "streamSid": STREAM})


def call_audio(seconds: int, spoken: bytes | None = None) -> list[bytes]:
    """Every frame of a call, its tracks in turn: bursts of noise as long as sentences, with pauses, or
    mu-law that is as long as the call.
    """
    samples = np.arange(SAMPLE_RATE * seconds)
    loudness = np.where(samples // (SAMPLE_RATE * 3 // 2) % 2, 20, 3000)
    noise = (np.random.default_rng(1).normal(size=len(samples)) * loudness).astype(np.int16)
    audio = spoken or mulaw_encode(noise)
    frames = []
    for number in range(seconds * FRAMES_A_SECOND):
        tick, track = number // 2, ("inbound", "outbound")[number % 2]
        payload = base64.b64encode(audio[tick * FRAME_BYTES : (tick + 1) * FRAME_BYTES]).decode()
        media = {
            "track": track,
            "chunk": str(tick + 1),
            "timestamp": str(tick * FRAME_MS),
            "payload": payload,
        }
        frames.append(
            masked({"event": "media", "sequenceNumber": str(number), "media": media, "streamSid": STREAM})
        )
    return frames


def join(port: int, first_due: float) -> socket.socket:
    """A call's connection, with its stream started."""
    call = upgraded(port, f"X-Due: {first_due}")
    call.sendall(opening())
    return call


def upgraded(port: int, header: str, path: str = "/") -> socket.socket:
    """A WebSocket's connection after its handshake."""
    call = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    request = (
        f"GET {path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{header}\r\n\r\n"
    )
    call.sendall(request.encode())
    while b"\r\n\r\n" not in call.recv(4096):
        pass
    call.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return call


@dataclass(frozen=True)
class Round:
    """One server under the load once."""

    cpu_us_per_frame: float
    frames_lost: int
    lag_p50_ms: float
    lag_p99_ms: float


def measure(name: str, connections: int, frames: list[bytes]) -> Round:
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(target=run_server, args=(name, connections, len(frames), theirs))
    process.start()
    port = pipe.recv()
    begin = time.monotonic() + 1 + connections * 0.005
    # Calls begin at any time: spread over a second by the golden ratio, no two fall in step.
    offsets = [call * 0.618034 % 1 for call in range(connections)]
    calls = [join(port, begin + offset) for offset in offsets]
    play(calls, frames, [begin + offset for offset in offsets])
    heard, cpu_s, lags_s = pipe.recv()
    process.join()
    p50, p99 = (float(np.percentile(lags_s, percent)) * 1000 for percent in (50, 99))
    sent = len(frames) * connections
    return Round(round(cpu_s * 1e6 / sent, 2), sent - heard, round(p50, 2), round(p99, 2))


def play(calls: list[socket.socket], frames: list[bytes], first_due: list[float]) -> None:
    """Send every frame of every call when it is due, and hang up."""
    schedule = sorted(
        (due + number / FRAMES_A_SECOND, call, number)
        for call, due in enumerate(first_due)
        for number in range(len(frames))
    )
    for due, call, number in schedule:
        wait = due - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        calls[call].sendall(frames[number])
    for connection in calls:
        connection.sendall(GOODBYE)
        connection.close()


def median(rounds: list[Round]) -> Round:
    rows = [asdict(one) for one in rounds]
    return Round(**{field: statistics.median_low(row[field] for row in rows) for field in rows[0]})


def bench(connections: int, seconds: int, rounds: int) -> dict[str, Any]:
    frames = call_audio(seconds)
    measured: dict[str, list[Round]] = {OURS: [], PEER: []}
    for _ in range(rounds):
        for name, results in measured.items():
            results.append(measure(name, connections, frames))
    medians = {name: median(results) for name, results in measured.items()}
    # Paired with its neighbour in time, a round bears what else the machine does.
    ratios = [o.cpu_us_per_frame / p.cpu_us_per_frame for o, p in zip(*measured.values(), strict=True)]
    return {
        "connections": connections,
        "seconds": seconds,
        "rounds": {name: [asdict(one) for one in results] for name, results in measured.items()},
        "medians": {name: asdict(one) for name, one in medians.items()},
        "cpu_ratio": round(statistics.median(ratios), 2),
        "calls_per_core": round(1e6 / medians[OURS].cpu_us_per_frame / FRAMES_A_SECOND),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.media_ingest")
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = bench(options.connections, options.seconds, options.rounds)
    if options.json:
        print(json.dumps(report))
        return
    print("{connections} connections, both tracks, {seconds} s".format(**report))
    line = (
        "{:12}{cpu_us_per_frame:7.2f} us/frame, {frames_lost} lost, lag p50 {lag_p50_ms} p99 {lag_p99_ms} ms"
    )
    for name, row in report["medians"].items():
        print(line.format(name, **row))
    print("{cpu_ratio} of the peer's CPU; {calls_per_core} calls a core".format(**report))


if __name__ == "__main__":
    main()
