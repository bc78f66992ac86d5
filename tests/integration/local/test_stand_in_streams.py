"""Media streams: Twilio's messages, at Twilio's pace, and the call's indifference to their fate."""

import asyncio
import base64
import math

import pytest
from starlette.responses import Response

from callguard.local.twilio import AudioConversation, Connected, Outcome
from tests.integration.local.stand_in_bench import ACCOUNT, Bench, bench, dialogue, plan

SILENCE = b"\xff" * 160


def payloads(b: Bench, track: str) -> bytes:
    media = [frame["media"] for frame in b.receiver.frames if frame["event"] == "media"]
    return b"".join(base64.b64decode(each["payload"]) for each in media if each["track"] == track)


@pytest.mark.parametrize("speed", [20.0, math.inf])
async def test_a_stream_carries_both_tracks(speed: float) -> None:
    caller, callee = bytes(range(1, 201)) * 80, b"\x11" * 8000
    async with bench(speed=speed) as b:
        record = await b.stand_in.place_call(plan(conversation=AudioConversation(caller, callee)))
        frames = b.receiver.frames
        assert [frames[0]["event"], frames[1]["event"], frames[-1]["event"]] == ["connected", "start", "stop"]
        assert (frames[0]["protocol"], frames[0]["version"]) == ("Call", "1.0.0")
        start = frames[1]["start"]
        assert start == {
            "accountSid": ACCOUNT.sid,
            "callSid": record.call_sid,
            "streamSid": frames[1]["streamSid"],
            "tracks": ["inbound", "outbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": "t"},
        }
        assert frames[-1]["stop"] == {"accountSid": ACCOUNT.sid, "callSid": record.call_sid}
        assert [frame["sequenceNumber"] for frame in frames[1:]] == [str(n) for n in range(1, len(frames))]
        assert payloads(b, "inbound").strip(b"\xff") == caller
        assert payloads(b, "outbound").strip(b"\xff") == callee
        inbound = [frame["media"] for frame in frames if frame.get("media", {}).get("track") == "inbound"]
        assert [each["chunk"] for each in inbound] == [str(n + 1) for n in range(len(inbound))]
        assert [each["timestamp"] for each in inbound] == [str(20 * n) for n in range(len(inbound))]
        assert all(len(base64.b64decode(each["payload"])) == 160 for each in inbound)
        assert record.outcome is Outcome.COMPLETED


async def test_frames_keep_their_pace_without_drift() -> None:
    async with bench(speed=10) as b:
        record = await b.stand_in.place_call(plan(conversation=AudioConversation(b"\x01" * 40000)))
        media = [frame for frame in b.receiver.frames if frame["event"] == "media"]
        first = next(frame for frame in media if base64.b64decode(frame["media"]["payload"]) != SILENCE)
        last = next(
            frame for frame in reversed(media) if base64.b64decode(frame["media"]["payload"]) != SILENCE
        )
        assert first["at"] == pytest.approx(record.of(Connected)[0].at, abs=0.25)
        assert last["at"] - first["at"] == pytest.approx(0.498, abs=0.25)


async def test_before_the_person_is_there_the_stream_hears_silence() -> None:
    async with bench(speed=10) as b:
        b.receiver.answer("/conference", Response(status_code=204))
        record = await b.stand_in.place_call(
            plan(conversation=AudioConversation(b"\x01" * 800), patience_seconds=0.3)
        )
        assert record.outcome is Outcome.NO_ANSWER
        assert len(payloads(b, "inbound")) >= 10 * 160
        assert payloads(b, "inbound").strip(b"\xff") == b""


async def test_one_track_is_the_default() -> None:
    async with bench() as b:
        ws = b.receiver.url.replace("http", "ws")
        b.answers(f"<Start><Stream url='{ws}/media'/></Start>", b.conference())
        await b.stand_in.place_call(plan(conversation=AudioConversation(b"\x01" * 800, b"\x02" * 800)))
        assert b.receiver.frames[1]["start"]["tracks"] == ["inbound"]
        assert payloads(b, "inbound") == b"\x01" * 800
        assert payloads(b, "outbound") == b""


async def test_a_dialogue_opens_and_closes_its_stream_without_frames() -> None:
    async with bench() as b:
        await b.stand_in.place_call(plan())
        assert [frame["event"] for frame in b.receiver.frames] == ["connected", "start", "stop"]


async def test_a_refused_stream_does_the_call_no_harm() -> None:
    async with bench() as b:
        b.receiver.accepts_streams = False
        record = await b.stand_in.place_call(plan())
        assert (record.outcome, b.stand_in.debugger.codes()) == (Outcome.COMPLETED, (31920,))


async def test_a_dropped_stream_does_the_call_no_harm() -> None:
    async with bench(speed=20) as b:
        b.receiver.frames_before_dropping = 10
        record = await b.stand_in.place_call(plan(conversation=AudioConversation(b"\x01" * 8000)))
        assert (record.outcome, b.stand_in.debugger.codes()) == (Outcome.COMPLETED, (31921,))


@pytest.mark.parametrize(
    "url", ["https://example.test/media", "wss://example.test/media?token=1", "ws://127.0.0.1:9/"]
)
async def test_a_wrong_stream_url_is_told(url: str) -> None:
    async with bench() as b:
        b.answers(f"<Start><Stream url='{url}' name='n' statusCallback='/stream'/></Start>", b.conference())
        record = await b.stand_in.place_call(plan())
        assert (record.outcome, b.stand_in.debugger.codes()) == (Outcome.COMPLETED, (31920,))
        told = b.receiver.of("/stream")
        assert [(hook.params["StreamEvent"], hook.params["StreamName"]) for hook in told] == [
            ("stream-error", "n")
        ]


async def test_rest_starts_and_stops_a_stream_and_its_callback_is_told() -> None:
    async with bench() as b:
        b.answers(b.conference())

        async def act(call_sid: str, turn: int) -> None:
            streams = b.client.calls(call_sid).streams
            if turn == 1:
                made = await streams.create_async(
                    url=b.receiver.url.replace("http", "ws") + "/media",
                    name="late",
                    track="outbound_track",
                    status_callback=f"{b.receiver.url}/stream",
                    parameter1_name="token",
                    parameter1_value="t",
                )
                assert made.status == "in-progress"
                await b.receiver.wait_for_frame("start")
            elif turn == 2:
                assert (await streams("late").update_async(status="stopped")).status == "stopped"
                await b.receiver.wait_for_frame("stop")

        await b.stand_in.place_call(plan(conversation=dialogue("one", "two", "three", after_turn=act)))
        start = b.receiver.frames[1]["start"]
        assert (start["customParameters"], start["tracks"]) == ({"token": "t"}, ["outbound"])
        events = [hook.params["StreamEvent"] for hook in b.receiver.of("/stream")]
        assert events == ["stream-started", "stream-stopped"]


async def test_a_cut_stream_does_the_call_no_harm() -> None:
    async with bench(speed=20) as b:
        calling = asyncio.create_task(
            b.stand_in.place_call(plan(conversation=AudioConversation(b"\x01" * 80_000)))
        )
        await b.receiver.wait_for_frame("media", 10)
        b.stand_in.cut_streams()
        record = await calling
        assert (record.outcome, b.stand_in.debugger.codes()) == (Outcome.COMPLETED, (31921,))
        assert [frame for frame in b.receiver.frames if frame["event"] == "stop"] == []
