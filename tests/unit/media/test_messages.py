import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.errors import ProtocolError
from callguard.media.messages import (
    LONGEST_CALL_MS,
    MAX_FRAME_BYTES,
    Connected,
    Dtmf,
    Mark,
    Media,
    Message,
    Payload,
    Start,
    Stop,
    Track,
    Unknown,
    decode,
)

STREAM = "MZ18ad3ab5a668481ce02b83e7395059f0"
CALL = "CAc2f7a1d0e4b74f6f8d3b0e9a1c5d7e90"

# As Twilio documents them.
CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
START = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "accountSid": "AC0123456789abcdef0123456789abcdef",
        "streamSid": STREAM,
        "callSid": CALL,
        "tracks": ["inbound", "outbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": "secret-token"},
    },
    "streamSid": STREAM,
}
MEDIA = {
    "event": "media",
    "sequenceNumber": "3",
    "media": {"track": "outbound", "chunk": "1", "timestamp": "5", "payload": "no7+/w=="},
    "streamSid": STREAM,
}
STOP = {
    "event": "stop",
    "sequenceNumber": "5",
    "streamSid": STREAM,
    "stop": {"accountSid": "AC0123456789abcdef0123456789abcdef", "callSid": CALL},
}
MARK = {"event": "mark", "sequenceNumber": "4", "streamSid": STREAM, "mark": {"name": "label"}}
DTMF = {"event": "dtmf", "streamSid": STREAM, "sequenceNumber": "5", "dtmf": {"digit": "1"}}
FRAMES: list[dict[str, Any]] = [CONNECTED, START, MEDIA, STOP, MARK, DTMF]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def media_frame(**changes: Any) -> str:
    return json.dumps({**MEDIA, "media": {**MEDIA["media"], **changes}})  # type: ignore[dict-item]


def test_each_documented_frame_is_read() -> None:
    connected, start, media, stop, mark, dtmf = (decode(json.dumps(frame)) for frame in FRAMES)
    assert connected == Connected()
    assert isinstance(start, Start)
    assert (start.stream_sid, start.start.call_sid) == (STREAM, CALL)
    assert start.start.tracks == (Track.INBOUND, Track.OUTBOUND)
    assert start.start.media_format.is_telephone()
    assert start.start.custom_parameters == {"token": "secret-token"}
    assert media == Media(STREAM, Payload(Track.OUTBOUND, 5, b"\x9e\x8e\xfe\xff"))
    assert (stop, mark, dtmf) == (Stop(STREAM), Mark(STREAM), Dtmf(STREAM))


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: str(frame["event"]))
def test_bytes_read_like_text(frame: dict[str, Any]) -> None:
    assert decode(json.dumps(frame).encode()) == decode(json.dumps(frame))


@given(st.integers(0, LONGEST_CALL_MS), st.binary(max_size=2000))
def test_any_timestamp_and_payload_come_through(timestamp: int, payload: bytes) -> None:
    encoded = base64.b64encode(payload).decode()
    expected = Media(STREAM, Payload(Track.INBOUND, timestamp, payload))
    assert decode(media_frame(track="inbound", timestamp=str(timestamp), payload=encoded)) == expected
    assert decode(media_frame(track="inbound", timestamp=timestamp, payload=encoded)) == expected


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: str(frame["event"]))
def test_fields_added_later_are_passed_over(frame: dict[str, Any]) -> None:
    assert decode(json.dumps({"added": {"later": [1]}, **frame})) == decode(json.dumps(frame))


def test_events_added_later_are_unknown() -> None:
    assert decode('{"event":"transcode","streamSid":"MZ1","transcode":{"to":"opus"}}') == Unknown()


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "hello",
        "null",
        "[]",
        "{}",
        '{"event":3}',
        '{"event":"media"}',
        '{"event":"media","streamSid":"MZ1","media":null}',
        media_frame(track="sideways"),
        media_frame(timestamp="-20"),
        media_frame(timestamp="soon"),
        media_frame(timestamp="20.5"),
        media_frame(timestamp=str(LONGEST_CALL_MS + 1)),
        media_frame(payload="not base64!"),
        media_frame(payload=7),
        json.dumps({**MEDIA, "streamSid": ""}),
        json.dumps({**START, "start": {**START["start"], "tracks": []}}),  # type: ignore[dict-item]
        json.dumps(MEDIA)[:-1],
        json.dumps(MEDIA).encode("utf-16"),
        b"\xff\xfe",
        '"\ud800"',
        '{"event":"media","deep":' + "[" * 50_000,
        '{"event":"added","deep":' + "[" * 30_000 + "]" * 30_000 + "}",
    ],
)
def test_what_is_malformed_is_refused(frame: str | bytes) -> None:
    with pytest.raises(ProtocolError, match="malformed"):
        decode(frame)


@given(st.text() | st.binary() | json_values.map(json.dumps))
def test_anything_else_is_refused_with_the_same_error(frame: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(frame)


@given(st.sampled_from(FRAMES), st.data())
def test_a_frame_with_a_wrong_value_is_read_or_refused(frame: dict[str, Any], data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(frame)))
    with suppress(ProtocolError):
        assert isinstance(decode(json.dumps({**frame, field: data.draw(json_values)})), Message)


def test_a_refusal_quotes_nothing_of_the_frame() -> None:
    with pytest.raises(ProtocolError) as refused:
        decode(media_frame(track="secret-token"))
    error = refused.value
    assert "secret-token" not in f"{error!r} {error.__cause__!r} {error.__context__!r}"


def test_size_is_limited() -> None:
    padding = MAX_FRAME_BYTES - len(json.dumps({**CONNECTED, "pad": ""}))
    assert decode(json.dumps({**CONNECTED, "pad": "x" * padding})) == Connected()
    with pytest.raises(ProtocolError, match="longer"):
        decode(json.dumps({**CONNECTED, "pad": "x" * (padding + 1)}))
