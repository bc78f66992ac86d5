from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.errors import ProtocolError
from callguard.media.messages import (
    Connected,
    Dtmf,
    Mark,
    Media,
    MediaFormat,
    Message,
    Payload,
    Start,
    StartDetails,
    Stop,
    Track,
    Unknown,
)
from callguard.media.session import (
    StreamEvent,
    StreamFigures,
    StreamSession,
    StreamStarted,
    StreamStopped,
    Window,
)

STREAM = "MZ18ad3ab5a668481ce02b83e7395059f0"
CALL = "CAc2f7a1d0e4b74f6f8d3b0e9a1c5d7e90"
SILENT_FRAME = b"\xff" * 160
MULAW = MediaFormat("audio/x-mulaw", 8000, 1)


def start(
    *,
    tracks: tuple[Track, ...] = (Track.INBOUND, Track.OUTBOUND),
    media_format: MediaFormat = MULAW,
    sid: str = STREAM,
) -> Start:
    return Start(STREAM, StartDetails(sid, CALL, tracks, media_format, {"token": "secret-token"}))


def media(
    timestamp: int, payload: bytes = SILENT_FRAME, track: Track = Track.INBOUND, sid: str = STREAM
) -> Media:
    return Media(sid, Payload(track, timestamp, payload))


def noise(ms: int) -> bytes:
    return bytes(position * 37 % 251 for position in range(ms * 8))


def frames(audio: bytes, from_ms: int = 0, size_ms: int = 20) -> list[Media]:
    step = size_ms * 8
    return [media(from_ms + at // 8, audio[at : at + step]) for at in range(0, len(audio), step)]


def play(session: StreamSession, *messages: Message) -> list[StreamEvent]:
    return [event for message in messages for event in session.receive(message)]


def windows(events: Iterable[StreamEvent], track: Track = Track.INBOUND) -> list[tuple[int, bytes]]:
    return [(e.start_ms, e.mulaw) for e in events if isinstance(e, Window) and e.track == track]


def test_a_start_tells_whose_stream_it_is_and_keeps_its_token_out_of_sight() -> None:
    (started,) = play(StreamSession(), Connected(), start())
    assert started == StreamStarted(STREAM, CALL, (Track.INBOUND, Track.OUTBOUND), {"token": "secret-token"})
    assert "secret-token" not in repr(started)


def test_audio_comes_out_in_windows_of_a_second_and_the_rest_at_the_stop() -> None:
    session, audio = StreamSession(), noise(2500)
    events = play(session, start(), *frames(audio), Stop(STREAM))
    assert windows(events) == [(0, audio[:8000]), (1000, audio[8000:16000]), (2000, audio[16000:])]
    stopped = events[-1]
    assert isinstance(stopped, StreamStopped)
    assert stopped.heard[Track.INBOUND].received_ms == 2500
    assert stopped.heard[Track.OUTBOUND] == StreamFigures(speech_ms=0, received_ms=0, lost_ms=0)


@given(st.lists(st.integers(0, 3300), max_size=20))
def test_batching_makes_no_difference(cuts_ms: list[int]) -> None:
    audio = noise(3300)
    cuts = sorted({0, *cuts_ms, 3300})
    batches = [media(a, audio[a * 8 : b * 8]) for a, b in pairwise(cuts)]
    batched = play(StreamSession(), start(), *batches, Stop(STREAM))
    framed = play(StreamSession(), start(), *frames(audio), Stop(STREAM))
    assert batched == framed


def test_speech_is_counted_window_by_window() -> None:
    session = StreamSession()
    events = play(session, start(), *frames(noise(3000)), *frames(b"\xff" * 24_000, from_ms=3000))
    speech = [event.speech_ms for event in events if isinstance(event, Window)]
    assert len(speech) == 6
    assert speech[1] > 500
    assert speech[5] == 0
    assert session.figures()[Track.INBOUND].speech_ms == sum(speech)


def test_a_short_gap_is_silence_inside_its_window() -> None:
    session, audio = StreamSession(), noise(400)
    play(session, start(), *frames(audio))
    events = play(session, *frames(audio, from_ms=600))
    assert windows(events) == [(0, audio + b"\xff" * 1600 + audio)]
    assert session.figures()[Track.INBOUND].lost_ms == 200


def test_after_a_long_gap_a_new_window_begins_with_what_comes() -> None:
    session, audio = StreamSession(), noise(500)
    events = play(session, start(), *frames(audio), *frames(audio, from_ms=80_300), Stop(STREAM))
    assert windows(events) == [(0, audio), (80_300, audio)]
    figures = session.figures()[Track.INBOUND]
    assert (figures.received_ms, figures.lost_ms) == (1000, 79_800)


def test_a_track_that_begins_late_has_lost_nothing() -> None:
    session = StreamSession()
    events = play(session, start(), *frames(noise(1000), from_ms=12_340))
    assert windows(events) == [(12_340, noise(1000))]
    assert session.figures()[Track.INBOUND].lost_ms == 0


def test_a_late_frame_mends_the_ring_and_opens_no_window_again() -> None:
    session, audio = StreamSession(), noise(1200)
    first, second, *rest = frames(audio)
    assert len(windows(play(session, start(), first, *rest))) == 1
    assert play(session, second, second) == []
    assert session.last(Track.INBOUND, 2000) == audio
    assert session.figures()[Track.INBOUND].lost_ms == 0


def test_tracks_are_apart() -> None:
    session = StreamSession()
    play(session, start(), media(0, b"\x01" * 8000), media(0, b"\x02" * 8000, Track.OUTBOUND))
    assert session.last(Track.INBOUND, 1) == b"\x01" * 8
    assert session.last(Track.OUTBOUND, 1) == b"\x02" * 8


def test_only_announced_tracks_are_kept() -> None:
    session = StreamSession()
    play(session, start(tracks=(Track.OUTBOUND,)), media(0, track=Track.OUTBOUND))
    assert session.last(Track.INBOUND, 1000) == b""
    assert list(session.figures()) == [Track.OUTBOUND]


def test_frames_without_audio_bring_nothing_about() -> None:
    assert (
        play(StreamSession(), Connected(), Unknown(), start(), Mark(STREAM), Dtmf(STREAM), Unknown())[1:]
        == []
    )


def test_a_stream_that_breaks_off_is_finished_once() -> None:
    session = StreamSession()
    assert session.finish() == ()
    play(session, start(), media(0))
    finished = list(session.finish())
    assert windows(finished) == [(0, SILENT_FRAME)]
    assert isinstance(finished[-1], StreamStopped)
    assert session.finish() == ()


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ([media(0)], "before its start"),
        ([Stop(STREAM)], "before its start"),
        ([start(), start()], "twice"),
        ([start(sid="MZother")], "two streams"),
        ([start(media_format=MediaFormat("audio/opus", 8000, 1))], "mu-law"),
        ([start(media_format=MediaFormat("audio/x-mulaw", 16_000, 1))], "mu-law"),
        ([start(media_format=MediaFormat("audio/x-mulaw", 8000, 2))], "mu-law"),
        ([start(), media(0, sid="MZother")], "another stream"),
        ([start(), Stop("MZother")], "another stream"),
        ([start(tracks=(Track.INBOUND,)), media(0, track=Track.OUTBOUND)], "not announced"),
        ([start(), Stop(STREAM), media(0)], "after its stop"),
        ([start(), Stop(STREAM), Stop(STREAM)], "after its stop"),
    ],
)
def test_what_breaks_the_protocol_is_refused(messages: list[Message], complaint: str) -> None:
    *accepted, breaking = messages
    session = StreamSession()
    play(session, *accepted)
    with pytest.raises(ProtocolError, match=complaint):
        session.receive(breaking)


def test_what_windows_have_told_leaves_out_what_the_next_one_will() -> None:
    session, audio = StreamSession(), noise(2500)
    session.receive(start())
    assert session.told(Track.INBOUND, 30_000) == b""
    windows = [
        event for frame in frames(audio) for event in session.receive(frame) if isinstance(event, Window)
    ]

    assert (
        session.told(Track.INBOUND, 30_000) == b"".join(window.mulaw for window in windows) == audio[:16000]
    )
    assert session.told(Track.INBOUND, 500) == audio[12000:16000]
    assert session.told(Track.OUTBOUND, 500) == b""
