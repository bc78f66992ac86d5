"""Local recognition of streams: what it takes in, what it tells, and how many calls it takes."""

from typing import cast

from callguard.domain.listening import Remedy
from callguard.intake.recorder import Recorder
from callguard.listening.afterwards import Seats
from callguard.listening.local import LocalTranscriber
from callguard.local.recordings import load_mulaw, scenarios
from callguard.media.messages import Track
from callguard.speech.recogniser import WhisperFactory
from tests.integration.listening.hearing import SECOND, Echoes, Facts, hear, play, session_of, stream_of
from tests.integration.media.write_watch import WriteWatch
from tests.integration.population import call_sid


def transcriber(
    facts: Facts, *, most_calls: int = 2, is_first: bool = False, installed: bool = True
) -> LocalTranscriber:
    return LocalTranscriber(
        cast("Recorder", facts), Echoes(installed=installed), Seats(most_calls), is_first=is_first
    )


async def test_what_was_said_before_is_heard_too_and_each_second_once() -> None:
    facts, stream = Facts(), stream_of(1)
    local, session = transcriber(facts), session_of(stream)
    local.opened(stream, session)
    for second in range(4):
        local.heard(stream, play(stream, session, second, second))

    assert local.listen(stream, None) is Remedy.LOCAL
    assert local.listen(stream, None) is Remedy.LOCAL
    for second in range(4, 6):
        local.heard(stream, play(stream, session, second, second))
    await local.closed(stream)

    (words,) = facts.words
    assert words.text == "heard 6 seconds, the last of 5"
    assert (words.call_sid, words.transcription_sid) == (call_sid(1), f"local-{stream.stream_sid}")
    assert (words.track, words.is_final, words.confidence) == ("inbound_track", True, 0.9)


async def test_only_what_others_did_not_tell_is_heard_again() -> None:
    facts, stream = Facts(), stream_of(1)
    local, session = transcriber(facts), session_of(stream)
    local.opened(stream, session)
    for second in range(10):
        play(stream, session, second, 7)

    local.listen(stream, 3.0)
    await local.closed(stream)
    assert [words.text for words in facts.words] == ["heard 3 seconds, the last of 7"]


async def test_both_tracks_are_told_in_one_sequence() -> None:
    facts, stream = Facts(), stream_of(1)
    local, session = transcriber(facts, is_first=True), session_of(stream)
    local.opened(stream, session)
    for track in Track:
        local.heard(stream, play(stream, session, 0, 1, track))
    await local.closed(stream)

    assert sorted(words.sequence for words in facts.words) == [1, 2]
    assert {words.track for words in facts.words} == {"inbound_track", "outbound_track"}


async def test_no_more_calls_at_once_than_the_cap_and_the_next_when_one_ends() -> None:
    facts, streams = Facts(), [stream_of(number) for number in (1, 2, 3)]
    local = transcriber(facts, most_calls=2)
    for stream in streams:
        local.opened(stream, session_of(stream))

    assert [local.listen(stream, None) for stream in streams] == [
        Remedy.LOCAL,
        Remedy.LOCAL,
        Remedy.AT_CAPACITY,
    ]
    await local.closed(streams[0])
    assert local.listen(streams[2], None) is Remedy.LOCAL
    assert local.listen(streams[0], None) is None


async def test_a_call_whose_transcription_works_again_is_let_go() -> None:
    facts, stream = Facts(), stream_of(1)
    local, session = transcriber(facts), session_of(stream)
    local.opened(stream, session)
    local.listen(stream, None)
    local.heard(stream, play(stream, session, 0, 1))
    await local.rest(stream)
    local.heard(stream, play(stream, session, 1, 2))
    await local.closed(stream)
    assert [words.text for words in facts.words] == ["heard 1 seconds, the last of 1"]


async def test_without_a_recogniser_it_says_why() -> None:
    for stream, installed, remedy in (
        (stream_of(1), False, Remedy.NOT_INSTALLED),
        (stream_of(2, language="de"), True, Remedy.OTHER_LANGUAGE),
    ):
        local = transcriber(Facts(), installed=installed)
        local.opened(stream, session_of(stream))
        assert local.listen(stream, None) is remedy
        await local.closed(stream)


async def test_no_audio_touches_the_disk_while_it_is_recognised() -> None:
    scam = load_mulaw(next(s.caller for s in scenarios() if s.expected == "alert"))[: 12 * SECOND]
    recogniser, watch, facts, stream = WhisperFactory(), WriteWatch(), Facts(), stream_of(1)
    await recogniser.warm()
    local = LocalTranscriber(cast("Recorder", facts), recogniser, Seats(1), is_first=True)
    session = session_of(stream)
    with watch.on():
        local.opened(stream, session)
        for at in range(0, len(scam), SECOND):
            local.heard(stream, hear(stream, session, at, scam[at : at + SECOND]))
        await local.closed(stream)
    recogniser.close()
    assert any(words.is_final and words.text for words in facts.words)
    assert watch.written == []
