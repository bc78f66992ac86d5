"""The door for audio, through a real server and a real client."""

import asyncio
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from callguard.media.endpoint import MediaLimits, StreamEnd
from callguard.media.messages import MAX_FRAME_BYTES, Track
from tests.integration.media.stream_bench import (
    CALL,
    CONNECTED,
    DEADLINE_S,
    FRAME,
    REPORT_EACH_FRAME,
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


async def test_a_whole_stream_is_heard_and_written_down() -> None:
    caller, callee = voice(3000, seed=1), voice(3000, seed=2)
    async with serve(REPORT_EACH_FRAME) as server, server.connect() as ws:
        await send(ws, CONNECTED, start())
        for inbound, outbound in zip(in_frames(caller), in_frames(callee, track="outbound"), strict=True):
            await send(ws, inbound, outbound)
        await server.book.received(3000, track=Track.OUTBOUND)
        assert server.session().last(Track.INBOUND, 30_000) == caller
        assert server.session().last(Track.OUTBOUND, 1000) == callee[-8000:]
        await send(ws, stop())
        assert await close_code(ws) == 1000
        page = await server.book.last_page()
        assert page.end is StreamEnd.STOPPED
        assert [(page.heard[t].received_ms, page.heard[t].lost_ms) for t in page.heard] == [(3000, 0)] * 2
        assert page.heard[Track.INBOUND].speech_ms > 1000
        assert server.live.get(CALL) is None


async def test_gaps_late_frames_and_batches_find_their_place() -> None:
    audio = voice(400)
    pieces = [(0, 20), (100, 340), (40, 60), (40, 60), (20, 40), (380, 400)]
    async with serve(REPORT_EACH_FRAME) as server, server.connect() as ws:
        await send(ws, CONNECTED, start())
        await send(ws, *(media(a, audio[a * 8 : b * 8]) for a, b in pieces))
        await server.book.received(320)
        silence = bytes([0xFF])
        expected = audio[:480] + silence * 320 + audio[800:2720] + silence * 320 + audio[3040:]
        assert server.session().last(Track.INBOUND, 1000) == expected
        await send(ws, stop())
        assert (await server.book.last_page()).heard[Track.INBOUND].lost_ms == 80


async def test_two_streams_at_once_stay_apart() -> None:
    calls = ("CA" + "1" * 32, "CA" + "2" * 32)
    async with (
        serve(REPORT_EACH_FRAME) as server,
        server.connect() as one,
        server.connect() as two,
    ):
        await send(one, CONNECTED, start(calls[0], "token-1"))
        await send(two, CONNECTED, start(calls[1], "token-2"))
        for number in range(50):
            await send(one, media(number * 20, b"\x01" * 160, call=calls[0]))
            await send(two, media(number * 20, b"\x02" * 160, call=calls[1]))
        for call, byte in zip(calls, (b"\x01", b"\x02"), strict=True):
            await server.book.received(1000, call)
            assert server.session(call).last(Track.INBOUND, 2000) == byte * 8000
        await send(one, stop(calls[0]))
        assert await close_code(one) == 1000
        await server.book.last_page(calls[0])
        assert server.live.get(calls[1]) is not None
        assert server.book.pages[calls[1]].end is None


@pytest.mark.promise("A1", "A6")
async def test_a_handshake_without_a_signature_is_forbidden() -> None:
    async with serve() as server:
        with pytest.raises(InvalidStatus) as refused:
            await server.connect(headers={})
        assert refused.value.response.status_code == 403


BAD_FORMAT = {"encoding": "audio/l16", "sampleRate": 16_000, "channels": 1}


@pytest.mark.promise("A7")
@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([CONNECTED, media(0, FRAME)], id="audio before start"),
        pytest.param([CONNECTED, start(mediaFormat=BAD_FORMAT)], id="wrong encoding"),
        pytest.param([CONNECTED, start(streamSid="MZother")], id="start of two streams"),
        pytest.param([CONNECTED, start(token="forged")], id="forged token"),
        pytest.param([CONNECTED, start(customParameters={})], id="no token"),
        pytest.param(["what?"], id="no JSON"),
        pytest.param([""], id="nothing"),
        pytest.param([b"\xff\xfe\x00"], id="no text"),
    ],
)
async def test_who_breaks_the_protocol_at_the_door_is_turned_away(messages: list[str | bytes]) -> None:
    async with serve() as server, server.connect() as ws:
        await send(ws, *messages)
        assert await close_code(ws) == 1008
        assert server.book.pages == {}


@pytest.mark.promise("A7")
@pytest.mark.parametrize(
    "message",
    [
        pytest.param(start(), id="second start"),
        pytest.param(media(0, FRAME, call="CAother"), id="another stream's audio"),
        pytest.param(media(0, FRAME, track="sideways"), id="no such track"),
        pytest.param(media(0, bytes(MAX_FRAME_BYTES)), id="too large"),
        pytest.param(media(0, FRAME)[:-1], id="cut off"),
    ],
)
async def test_a_stream_that_breaks_the_protocol_ends(message: str) -> None:
    async with serve() as server, server.connect() as ws:
        await send(ws, CONNECTED, start(), media(0, FRAME), message)
        assert await close_code(ws) == 1008
        page = await server.book.last_page()
        assert page.end is StreamEnd.PROTOCOL
        assert page.heard[Track.INBOUND].received_ms == 20


@pytest.mark.promise("A6")
async def test_a_token_admits_one_stream() -> None:
    async with serve() as server, server.connect() as first, server.connect() as second:
        await send(first, CONNECTED, start())
        await send(first, stop())
        assert await close_code(first) == 1000
        await send(second, CONNECTED, start())
        assert await close_code(second) == 1008


@pytest.mark.promise("A5")
async def test_events_added_later_change_nothing() -> None:
    async with serve() as server, server.connect() as ws:
        await send(ws, CONNECTED, start(), '{"event":"added","streamSid":"MZ1"}', media(0, FRAME), stop())
        assert await close_code(ws) == 1000
        assert (await server.book.last_page()).heard[Track.INBOUND].received_ms == 20


@pytest.mark.promise("A6")
async def test_a_token_that_cannot_be_checked_is_not_spent() -> None:
    async with serve() as server, server.connect() as first, server.connect() as second:
        server.gate.database_is_down = True
        await send(first, CONNECTED, start())
        assert await close_code(first) == 1011
        server.gate.database_is_down = False
        await send(second, CONNECTED, start(), stop())
        assert await close_code(second) == 1000


@pytest.mark.promise("A7")
async def test_a_socket_that_does_not_start_is_closed() -> None:
    async with serve(MediaLimits(start_s=0.05)) as server, server.connect() as ws:
        await send(ws, CONNECTED)
        assert await close_code(ws) == 1008


@pytest.mark.promise("A7")
async def test_a_stream_that_falls_silent_is_closed() -> None:
    async with serve(MediaLimits(idle_s=0.05, progress_s=0)) as server, server.connect() as ws:
        await send(ws, CONNECTED, start(), media(0, FRAME))
        assert await close_code(ws) == 1001
        assert (await server.book.last_page()).end is StreamEnd.IDLE


async def test_a_stream_that_goes_on_is_not_taken_for_silent() -> None:
    async with serve(MediaLimits(idle_s=0.5, progress_s=0)) as server, server.connect() as ws:
        await send(ws, CONNECTED, start())
        for number in range(8):
            await send(ws, media(number * 20, FRAME))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ws.recv(), 0.1)
        await send(ws, stop())
        assert await close_code(ws) == 1000


async def test_a_caller_who_vanishes_leaves_what_was_heard() -> None:
    async with serve(REPORT_EACH_FRAME) as server:
        async with server.connect() as ws:
            await send(ws, CONNECTED, start(), *in_frames(voice(500)))
            await server.book.received(500)
            ws.transport.abort()
        page = await server.book.last_page()
        assert page.end is StreamEnd.DISCONNECTED
        assert page.heard[Track.INBOUND].speech_ms > 200
        assert server.live.get(CALL) is None


@pytest.mark.promise("F22", "A7")
async def test_beyond_its_room_the_server_turns_streams_away() -> None:
    async with serve(REPORT_EACH_FRAME, max_streams=1) as server:
        async with server.connect() as first, server.connect() as second:
            assert await close_code(second) == 1013
            await send(first, CONNECTED, start(), stop())
            assert await close_code(first) == 1000
        await server.book.last_page()
        async with server.connect() as third:
            await send(third, CONNECTED, start(token="token-2"), stop())
            assert await close_code(third) == 1000


async def test_a_restarted_stream_of_a_call_takes_the_older_ones_place() -> None:
    async with serve(REPORT_EACH_FRAME) as server, server.connect() as older, server.connect() as newer:
        await send(older, CONNECTED, start(), media(0, b"\x01" * 160))
        await server.book.received(20)
        await send(newer, CONNECTED, start(token="token-2"), media(0, b"\x02" * 320))
        await server.book.received(40)
        await send(older, stop())
        await server.book.last_page()
        assert server.session().last(Track.INBOUND, 1000) == b"\x02" * 320


async def test_a_broken_book_ends_no_stream() -> None:
    async with serve(REPORT_EACH_FRAME) as server, server.connect() as ws:
        server.book.is_broken = True
        await send(ws, CONNECTED, start(), *in_frames(voice(500)))
        await server.book.refused()
        server.book.is_broken = False
        await send(ws, *in_frames(voice(1000)), stop())
        assert await close_code(ws) == 1000
        assert (await server.book.last_page()).heard[Track.INBOUND].received_ms == 1000


async def test_a_slow_book_holds_no_audio_up() -> None:
    async with serve(REPORT_EACH_FRAME) as server, server.connect() as ws:
        server.book.open.clear()
        await send(ws, CONNECTED, start(), *in_frames(voice(1000)), stop())
        assert await close_code(ws) == 1000
        assert server.book.pages == {}
        server.book.open.set()
        assert (await server.book.last_page()).heard[Track.INBOUND].received_ms == 1000
        assert server.book.most_at_once == 1


@pytest.mark.promise("F23")
async def test_closing_all_tells_each_stream_and_waits_for_the_book() -> None:
    async with serve(REPORT_EACH_FRAME) as server, server.connect() as started, server.connect() as waiting:
        await send(started, CONNECTED, start(), media(0, FRAME))
        await server.book.received(20)
        server.book.open.clear()
        closing = asyncio.create_task(server.live.close_all())
        assert [await close_code(started), await close_code(waiting)] == [1012, 1012]
        assert not closing.done()
        server.book.open.set()
        async with asyncio.timeout(DEADLINE_S):
            await closing
        assert server.book.pages[CALL].end is StreamEnd.SERVER_STOPS
        assert len(server.live) == 0
        async with server.connect() as late:
            assert await close_code(late) == 1013


@pytest.mark.promise("F23")
async def test_a_server_that_stops_ends_its_streams_in_the_book() -> None:
    async with serve(REPORT_EACH_FRAME) as server, server.connect() as ws:
        await send(ws, CONNECTED, start(), media(0, FRAME))
        await server.book.received(20)
        await server.stop()
        assert await close_code(ws) == 1012
        assert server.book.pages[CALL].end is StreamEnd.SERVER_STOPS


@pytest.fixture(scope="module")
def write_watch() -> WriteWatch:
    return WriteWatch()


async def test_no_audio_touches_the_disk(write_watch: WriteWatch, tmp_path: Path) -> None:
    with write_watch.on():
        async with serve(REPORT_EACH_FRAME) as server, server.connect() as ws:
            await send(ws, CONNECTED, start(), *in_frames(voice(4000)), media(0, bytes(40_000)))
            await server.book.received(5000)
            await send(ws, stop())
            assert await close_code(ws) == 1000
            await server.book.last_page()
    assert write_watch.written == []
    with write_watch.on():
        await asyncio.to_thread((tmp_path / "seen").write_bytes, b"x")
    assert write_watch.written == [str(tmp_path / "seen")]
