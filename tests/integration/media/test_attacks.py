"""A6 and A7: who may not bring audio is turned away, whatever comes and however much, in bounded memory."""

import asyncio
import gc
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from starlette.types import Message
from starlette.websockets import WebSocket
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from callguard.config import Settings
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from callguard.media.endpoint import AdmittedStream, LiveStreams, MediaLimits, make_media_endpoint
from callguard.media.messages import MAX_FRAME_BYTES
from callguard.media.session import StreamStarted
from callguard.trust.passes import PassIssuer
from tests.integration.eventually import eventually
from tests.integration.media.stream_bench import (
    CONNECTED,
    FRAME,
    REPORT_EACH_FRAME,
    Book,
    Gate,
    close_code,
    in_frames,
    media,
    send,
    serve,
    start,
    stop,
    voice,
)
from tests.integration.media.write_watch import WriteWatch
from tests.integration.population import value
from tests.integration.webhooks import SignedClient, new_call_sid, ringing

SOCKETS = 10_000
ROOM = 500


class IdleSocket:
    """A socket that opens and from which nothing comes any more, as ASGI shows it."""

    def __init__(self) -> None:
        self.close_code: int | None = None
        self._opened = False
        self._gone = asyncio.Event()

    async def receive(self) -> Message:
        if not self._opened:
            self._opened = True
            return {"type": "websocket.connect"}
        await self._gone.wait()
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.close":
            self.close_code = message["code"]
            self.vanish()

    def vanish(self) -> None:
        self._gone.set()


SCOPE: dict[str, Any] = {
    "type": "websocket",
    "path": "/media-stream",
    "query_string": b"",
    "headers": [(b"x-twilio-signature", b"good")],
}


def held_by_callguard() -> int:
    """Bytes that code of callguard has asked for and still holds."""
    gc.collect()
    ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/callguard/*")])
    return sum(trace.size for trace in ours.traces)


@pytest.mark.promise("A7")
async def test_a7_ten_thousand_silent_sockets_are_turned_away_and_leave_nothing_behind() -> None:
    live = LiveStreams(ROOM)
    endpoint = make_media_endpoint(Gate(), Book(), live, MediaLimits(start_s=60))
    sockets = [IdleSocket() for _ in range(SOCKETS)]

    async def refused() -> int:
        return sum(socket.close_code is not None for socket in sockets)

    tracemalloc.start()
    try:
        before = held_by_callguard()
        serving = asyncio.gather(
            *(endpoint(WebSocket(SCOPE, socket.receive, socket.send)) for socket in sockets)
        )
        await eventually(refused, lambda count: count == SOCKETS - ROOM)
        at_once = len(live)
        while_open = held_by_callguard()
        for socket in sockets:
            socket.vanish()
        await serving
        del serving
        after = held_by_callguard()
    finally:
        tracemalloc.stop()

    codes = [socket.close_code for socket in sockets]
    assert (codes.count(1013), codes.count(None)) == (SOCKETS - ROOM, ROOM)
    assert at_once == ROOM
    assert len(live) == 0
    assert while_open - before < 8_000_000
    assert after - before < 200_000


@pytest.mark.promise("A7")
async def test_a7_frames_that_come_faster_than_they_are_taken_wait_outside() -> None:
    """The server reads no further than what it is busy with: what it holds stays small."""
    frame, many = media(0, bytes(40_000)), 400
    async with serve(REPORT_EACH_FRAME) as server, server.connect() as ws:
        let_in = asyncio.Event()
        admit = server.gate.admit

        async def slowly(started: StreamStarted) -> AdmittedStream | None:
            await let_in.wait()
            return await admit(started)

        server.gate.admit = slowly  # type: ignore[method-assign]  # the gate takes its time
        await send(ws, CONNECTED, start())
        tracemalloc.start()
        try:
            for _ in range(many):
                await ws.send(frame)
                await asyncio.sleep(0)  # the server has its turn
            held, _peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            let_in.set()
        await send(ws, media(5000, FRAME))
        await server.book.received(5020)
    assert held < many * len(frame) / 10


@pytest.mark.promise("A7")
async def test_a7_a_frame_that_never_ends_is_not_waited_for() -> None:
    """Slow: its header promises 60 000 bytes, and after a few of them nothing comes."""
    async with serve(MediaLimits(start_s=0.5)) as server, server.connect() as ws:

        async def held() -> int:
            return len(server.live)

        ws.transport.write(bytes([0x81, 0xFE]) + (60_000).to_bytes(2, "big") + bytes(4) + b'{"event"')
        await eventually(held, lambda sockets: sockets == 1)
        await eventually(held, lambda sockets: sockets == 0)
        ws.transport.abort()
        assert server.book.pages == {}


@pytest.fixture
async def door(stage: Stage) -> Callable[..., connect]:
    """The real server's, signed as Twilio signs, or not."""
    assert stage.services is not None
    url = f"ws{stage.services.settings.base_url.removeprefix('http')}/media-stream"
    validator = RequestValidator(stage.services.keys.twilio_auth_token)

    def open_door(*, signed: bool = True, **options: Any) -> connect:
        headers = {"X-Twilio-Signature": validator.compute_signature(url, {})} if signed else {}
        return connect(url, additional_headers=headers, **options)

    return open_door


@pytest.fixture
async def known_call(twilio: SignedClient) -> str:
    """A call that goes on."""
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    return sid


def passes_of(stage: Stage) -> PassIssuer:
    assert stage.services is not None
    return PassIssuer(stage.services.keys.derive("stream passes"))


Door = Callable[..., connect]


@pytest.mark.promise("A6")
async def test_a6_without_a_signature_nobody_gets_as_far_as_a_frame(door: Door, cluster: Cluster) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await door(signed=False)
    assert refused.value.response.status_code == 403
    assert await value(cluster, "SELECT count(*) FROM media_streams") == 0


@pytest.mark.promise("A6")
@pytest.mark.parametrize("token", ["none", "forged", "of another call", "too old"])
async def test_a6_without_a_good_token_a_signed_stream_is_closed(
    token: str, stage: Stage, door: Door, known_call: str, cluster: Cluster
) -> None:
    passes, now = passes_of(stage), time.time()
    shown = {
        "none": "",
        "forged": passes.issue(known_call, uuid4(), now)[:-2] + "xx",
        "of another call": passes.issue(new_call_sid(), uuid4(), now),
        "too old": passes.issue(known_call, uuid4(), now - 86_400),
    }[token]
    async with door() as ws:
        await send(ws, CONNECTED, start(known_call, shown))
        assert await close_code(ws) == 1008
    assert await value(cluster, "SELECT count(*) FROM media_streams") == 0


@pytest.mark.promise("A6")
async def test_a6_a_token_admits_one_stream_and_its_copy_none(
    stage: Stage, door: Door, known_call: str, cluster: Cluster
) -> None:
    token = passes_of(stage).issue(known_call, uuid4(), time.time())
    async with door() as first, door() as second:
        await send(first, CONNECTED, start(known_call, token))
        admitted = "SELECT count(*) FROM media_streams"
        await eventually(lambda: value(cluster, admitted), lambda count: count == 1)
        await send(second, CONNECTED, start(known_call, token))
        assert await close_code(second) == 1008
        assert first.close_code is None


@pytest.mark.promise("A7")
@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param("x" * (MAX_FRAME_BYTES + 1), 1008, id="oversized"),
        pytest.param("x" * (3 * MAX_FRAME_BYTES), 1009, id="far oversized"),
        pytest.param("{]", 1008, id="not JSON"),
        pytest.param(json.dumps({"event": "media", "media": {"payload": "%"}}), 1008, id="malformed"),
        pytest.param("[" * 60_000, 1008, id="nested without end"),
        pytest.param(b"\x00\xff" * 100, 1008, id="binary"),
    ],
)
async def test_a7_what_is_no_frame_closes_a_running_stream(
    frame: str | bytes, code: int, stage: Stage, door: Door, known_call: str, cluster: Cluster
) -> None:
    token = passes_of(stage).issue(known_call, uuid4(), time.time())
    async with door() as ws:
        await send(ws, CONNECTED, start(known_call, token), media(0, FRAME, call=known_call))
        await eventually(lambda: value(cluster, "SELECT count(*) FROM media_streams"), lambda n: n == 1)
        await send(ws, frame)
        assert await close_code(ws) == code
    ended = "SELECT end_reason FROM media_streams"
    await eventually(lambda: value(cluster, ended), lambda reason: reason is not None)


@pytest.mark.promise("A7")
async def test_a7_no_frame_can_be_a_bomb_since_nothing_is_compressed(door: Door) -> None:
    async with door(compression="deflate") as ws:
        assert ws.protocol.extensions == []


@pytest.fixture(scope="module")
def write_watch() -> WriteWatch:
    return WriteWatch()


async def test_a6_nothing_of_a_calls_audio_touches_the_disk_of_a_whole_server(
    stage: Stage, door: Door, known_call: str, settings: Settings, write_watch: WriteWatch, cluster: Cluster
) -> None:
    token = passes_of(stage).issue(known_call, uuid4(), time.time())
    await stage.simulator.settle(known_call)
    with write_watch.on():
        async with door() as ws:
            await send(ws, CONNECTED, start(known_call, token), *in_frames(voice(8000), call=known_call))
            await send(ws, stop(known_call))
            assert await close_code(ws) == 1000
        received = "SELECT received_ms FROM media_streams WHERE ended_at IS NOT NULL"
        await eventually(lambda: value(cluster, received), lambda ms: ms == 8000)
    assert write_watch.written == []
    sound = voice(8000)[4000:4020]
    kept = [path for path in settings.data_dir.rglob("*") if path.is_file()]
    assert not [path for path in kept if sound in path.read_bytes()]
