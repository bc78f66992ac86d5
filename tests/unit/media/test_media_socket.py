"""The WebSocket below the media endpoint: the same messages however the network cuts them, and only what the
protocol allows.
"""

import asyncio
import itertools
import struct
from collections.abc import Sequence

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send
from uvicorn.server import ServerState

from callguard.media.socket import REST_SECONDS, MediaSocket
from tests.integration.eventually import eventually

HANDSHAKE = (
    b"GET /media-stream HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, CONTINUED, BINARY, CLOSE, PING = 1, 0, 2, 8, 9
MASK = b"\x11\x22\x33\x44"


def frame(opcode: int, payload: bytes, *, final: bool = True, masked: bool = True) -> bytes:
    """A client's frame."""
    size, flag = len(payload), 0x80 if masked else 0
    if size < 126:
        length = bytes([flag | size])
    elif size < 2**16:
        length = struct.pack("!BH", flag | 126, size)
    else:
        length = struct.pack("!BQ", flag | 127, size)
    if masked:
        payload = MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))
    return bytes([(0x80 if final else 0) | opcode]) + length + payload


class Line(asyncio.Transport):
    """A connection's other end, which keeps what is sent to it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.reads = True
        self.pauses = 0
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def close(self) -> None:
        self._closing = True

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self.reads = False
        self.pauses += 1

    def resume_reading(self) -> None:
        self.reads = True


class Peer:
    """An application that accepts, and keeps what it receives."""

    def __init__(self) -> None:
        self.received: list[Message] = []
        self.accepted = asyncio.Event()
        self.over = asyncio.Event()
        self.may_read = asyncio.Event()
        self.may_read.set()

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self.accepted.set()
        while True:
            await self.may_read.wait()
            message = await receive()
            self.received.append(message)
            if message["type"] == "websocket.disconnect":
                self.over.set()
                return

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.received if "text" in message]


async def opened() -> tuple[MediaSocket, Line, Peer]:
    """A socket after its handshake."""
    peer, line = Peer(), Line()
    config = uvicorn.Config(peer, ws=MediaSocket, lifespan="off", log_config=None, ws_max_size=2**17)
    config.load()
    socket = MediaSocket(config=config, server_state=ServerState(), app_state={})
    socket.connection_made(line)
    socket.data_received(HANDSHAKE)
    await peer.accepted.wait()
    return socket, line, peer


async def heard(pieces: Sequence[bytes]) -> tuple[Line, Peer]:
    """What comes of these pieces, and then of the connection's end."""
    socket, line, peer = await opened()
    for piece in pieces:
        if not line.is_closing():
            socket.data_received(piece)
    socket.connection_lost(None)
    async with asyncio.timeout(5):
        await peer.over.wait()
    return line, peer


def cut(stream: bytes, places: Sequence[int]) -> list[bytes]:
    """The stream in pieces."""
    ends = sorted({place % (len(stream) + 1) for place in places} | {0, len(stream)})
    return [stream[start:end] for start, end in itertools.pairwise(ends)]


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text(max_size=200), min_size=1, max_size=12),
    whole=st.integers(0, 12),
    places=st.lists(st.integers(0, 10_000), max_size=12),
)
def test_messages_come_whole_and_in_order_however_they_are_cut(
    texts: list[str], whole: int, places: list[int]
) -> None:
    """From number `whole` on they are fragmented, and pings stand between all."""
    stream = b""
    for number, text in enumerate(texts):
        payload = text.encode()
        if number < whole:
            stream += frame(TEXT, payload)
        else:
            half = len(payload) // 2
            stream += frame(TEXT, payload[:half], final=False) + frame(CONTINUED, payload[half:])
        stream += frame(PING, b"there?")
    line, peer = asyncio.run(heard(cut(stream, places)))
    assert peer.texts == texts
    assert line.sent.count(b"there?") == len(texts)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(TEXT, b"not masked", masked=False), 1002),
        (frame(TEXT, b"x" * (2**17 + 1)), 1009),
        (frame(3, b"no such opcode"), 1002),
        (frame(CONTINUED, b"of nothing"), 1002),
    ],
)
async def test_what_breaks_the_protocol_ends_the_connection(wrong: bytes, code: int) -> None:
    line, peer = await heard([frame(TEXT, b"before"), wrong, frame(TEXT, b"after")])
    assert peer.texts == ["before"]
    closing = line.sent[line.sent.rindex(b"\x88") :]
    assert closing[2:4] == struct.pack("!H", code)


async def test_a_close_is_told_after_all_that_came_before_it() -> None:
    socket, line, peer = await opened()
    socket.data_received(frame(TEXT, b"one") + frame(TEXT, b"two") + frame(CLOSE, struct.pack("!H", 1000)))
    async with asyncio.timeout(5):
        await peer.over.wait()
    assert peer.texts == ["one", "two"]
    assert peer.received[-1]["code"] == 1000
    assert line.is_closing()


async def test_it_rests_after_a_read_and_until_all_of_it_is_taken() -> None:
    socket, line, peer = await opened()
    peer.may_read.clear()
    await asyncio.sleep(0)
    socket.data_received(frame(TEXT, b"one") + frame(TEXT, b"two"))
    assert not line.reads
    rested = asyncio.Event()
    asyncio.get_running_loop().call_later(2 * REST_SECONDS, rested.set)
    await rested.wait()
    assert not line.reads
    peer.may_read.set()

    async def reads() -> bool:
        return line.reads

    assert await eventually(reads, bool)
    assert peer.texts == ["one", "two"]

    begun = asyncio.get_running_loop().time()
    socket.data_received(frame(TEXT, b"three"))
    assert await eventually(reads, bool)
    assert asyncio.get_running_loop().time() - begun >= REST_SECONDS / 2
    assert line.pauses == 2
    socket.connection_lost(None)


async def test_binary_messages_pass_too() -> None:
    _line, peer = await heard([frame(BINARY, b"\x00\x01"), frame(TEXT, b"and text")])
    assert [message.get("bytes") or message.get("text") for message in peer.received[:-1]] == [
        b"\x00\x01",
        "and text",
    ]
