"""F27: beyond the calls recognised at once, the caller's words are recognised when the call has ended."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest

from callguard.dashboard.source import DatabaseSnapshots
from callguard.db import queue
from callguard.db.pool import Database
from callguard.domain.facts import TranscriptionChanged
from callguard.domain.listening import SILENT_AFTER_MS
from callguard.intake import records
from callguard.intake.recorder import Recorder
from callguard.listening import afterwards as room
from callguard.listening.afterwards import SETTLE_AFTERWARDS, Afterwards, Seats
from callguard.listening.book import StreamFiguresBook
from callguard.listening.local import LocalTranscriber
from callguard.local.postgres import Cluster
from callguard.media.endpoint import AdmittedStream
from callguard.media.messages import Track
from callguard.media.session import StreamFigures, StreamSession, Window
from callguard.speech.port import OnResult, Recognised, TrackRecogniser
from callguard.transcript.spool import Spool
from callguard.trust.sealing import Sealer
from tests.integration.eventually import eventually
from tests.integration.listening.hearing import SECOND, Echoes, Facts, play, session_of, stream_of
from tests.integration.population import (
    Household,
    background,
    call_sid,
    household,
    leg,
    open_call,
    rows,
    value,
)

SILENCE = {
    Track.INBOUND: StreamFigures(SILENT_AFTER_MS, SILENT_AFTER_MS, 0),
    Track.OUTBOUND: StreamFigures(0, 0, 0),
}
REMEDY = "SELECT remedy FROM notices"


@dataclass
class Booth:
    """One seat, which is taken, and a call that therefore waits."""

    home: Household
    stream: AdmittedStream
    facts: Facts
    seats: Seats
    afterwards: Afterwards
    local: LocalTranscriber
    book: StreamFiguresBook
    session: StreamSession
    running: asyncio.Task[None]

    def speak(self, seconds: range) -> None:
        """Each second of its own byte."""
        for second in seconds:
            self.local.heard(self.stream, play(self.stream, self.session, second, second))

    async def degrade(self) -> None:
        """The call's transcription hears nothing although the caller speaks."""
        await self.book.progress(self.stream, SILENCE)


@pytest.fixture
async def booth(database: Database) -> AsyncIterator[Booth]:
    home = await household(database)
    call_id = await open_call(database, home)
    stream = stream_of(1, tenant_id=home.tenant_id, call_id=call_id)
    async with database.tenant(home.tenant_id) as admission:
        await admission.value("streams.admit", home.tenant_id, call_id, uuid4(), stream.stream_sid)
    await records.record(database, TranscriptionChanged(call_sid=call_sid(1), state="started"))
    facts, seats = Facts(), Seats(1)
    recorder = cast("Recorder", facts)
    afterwards = Afterwards(database, recorder, Echoes(), seats, most_bytes=40 * SECOND)
    local = LocalTranscriber(recorder, Echoes(), seats, afterwards, is_first=False)
    assert seats.take()
    session = session_of(stream)
    local.opened(stream, session)
    running = asyncio.create_task(afterwards.run())
    book = StreamFiguresBook(database, local)
    yield Booth(home, stream, facts, seats, afterwards, local, book, session, running)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.promise("F27")
async def test_a_call_that_nobody_could_hear_is_recognised_when_it_has_ended(
    booth: Booth, database: Database, cluster: Cluster
) -> None:
    booth.speak(range(3))
    await booth.degrade()
    assert await value(cluster, REMEDY) == "afterwards"
    (call,) = (await DatabaseSnapshots(database)()).calls
    assert call.degraded is not None
    assert call.degraded.endswith("so the caller's words are recognised when the call has ended.")

    booth.speak(range(3, 6))
    await booth.degrade()
    await booth.local.closed(booth.stream)
    await records.record(database, leg(1, "completed", own=True))
    assert booth.facts.words == []
    booth.seats.give_back()

    await eventually(lambda: value(cluster, REMEDY), lambda remedy: remedy == "recognised_afterwards")
    (words,) = booth.facts.words
    assert words.text == "heard 6 seconds, the last of 5"
    assert (words.call_sid, words.track, words.is_final) == (call_sid(1), "inbound_track", True)
    assert words.transcription_sid == f"local-after-{booth.stream.stream_sid}"
    assert words.spoken_at is not None
    assert datetime.now(UTC) - words.spoken_at < timedelta(seconds=60)
    assert booth.seats.take()


class Threat:
    """Hears the same in everything."""

    def __init__(self, on_result: OnResult) -> None:
        self._on_result = on_result

    def feed(self, mulaw: bytes) -> None:
        pass

    async def close(self) -> None:
        await self._on_result(Recognised("we have an arrest warrant", True, 0.9, None, 0, 1000))


class Threats:
    """Opens nothing else."""

    def open(self, language: str, on_result: OnResult) -> TrackRecogniser:
        assert language == "en"
        return Threat(on_result)


async def test_its_words_go_the_way_of_all_words_although_the_call_is_over(
    booth: Booth, database: Database, cluster: Cluster, tmp_path: Path
) -> None:
    recorder = Recorder(database, Spool(tmp_path, Sealer(bytes(32))), asyncio.Event(), 5.0)
    afterwards = Afterwards(database, recorder, Threats(), Seats(1), most_bytes=40 * SECOND)
    assert afterwards.keep(booth.stream, bytes(2 * SECOND))
    await records.record(database, leg(1, "completed", own=True))
    afterwards.ended(booth.stream)
    async with background(asyncio.create_task(afterwards.run())):
        analyse = "SELECT count(*) FROM work WHERE kind = 'analyse'"
        await eventually(lambda: value(cluster, analyse), lambda count: count == 1)
    assert await value(cluster, "SELECT keywords FROM active_calls") == ["arrest warrant"]


async def test_it_is_heard_in_time_where_a_seat_becomes_free(booth: Booth, cluster: Cluster) -> None:
    booth.speak(range(3))
    await booth.degrade()
    booth.seats.give_back()
    await booth.degrade()
    assert await value(cluster, REMEDY) == "local"
    booth.speak(range(3, 5))
    await booth.local.closed(booth.stream)

    heard = ["heard 2 seconds, the last of 4", "heard 3 seconds, the last of 2"]

    async def said() -> list[str]:
        return sorted(words.text for words in booth.facts.words)

    await eventually(said, lambda texts: texts == heard)


async def test_memory_is_bounded_and_the_oldest_audio_goes_first(booth: Booth) -> None:
    """Forty seconds fit."""
    other = stream_of(2, tenant_id=booth.home.tenant_id)
    assert booth.afterwards.keep(booth.stream, bytes(30 * SECOND))
    assert booth.afterwards.keep(other, bytes([9]) * (30 * SECOND))
    assert booth.afterwards._bytes == 40 * SECOND
    for stream in (booth.stream, other):
        booth.afterwards.ended(stream)
    booth.seats.give_back()

    async def said() -> list[str]:
        return [words.text for words in booth.facts.words]

    await eventually(
        said,
        lambda texts: texts == ["heard 10 seconds, the last of 0", "heard 30 seconds, the last of 9"],
    )
    assert booth.afterwards._bytes == 0


async def test_a_long_call_is_recognised_bit_by_bit_cut_where_nobody_speaks(booth: Booth) -> None:
    assert booth.afterwards.keep(booth.stream, b"")
    for second in range(35):
        window = Window(Track.INBOUND, second * 1000, bytes([1]) * SECOND, 0 if second == 11 else 900)
        booth.afterwards.take(booth.stream, window)
    booth.afterwards.ended(booth.stream)
    booth.seats.give_back()

    async def said() -> list[tuple[int, str]]:
        return [(words.sequence, words.text.split(",")[0]) for words in booth.facts.words]

    await eventually(said, lambda seen: seen == [(1, "heard 12 seconds"), (2, "heard 23 seconds")])


@pytest.mark.parametrize(("seats", "memory"), [(0, 40 * SECOND), (1, 0)])
async def test_nothing_is_kept_where_it_could_never_be_heard(
    seats: int, memory: int, booth: Booth, database: Database, cluster: Cluster
) -> None:
    recorder, taken = cast("Recorder", booth.facts), Seats(seats)
    taken.take()
    afterwards = Afterwards(database, recorder, Echoes(), taken, most_bytes=memory)
    local = LocalTranscriber(recorder, Echoes(), taken, afterwards, is_first=False)
    local.opened(booth.stream, booth.session)
    await StreamFiguresBook(database, local).progress(booth.stream, SILENCE)
    assert await value(cluster, REMEDY) == "at_capacity"


async def test_nothing_is_kept_of_a_person_who_does_not_want_it(booth: Booth, cluster: Cluster) -> None:
    await rows(cluster, "UPDATE users SET recognise_afterwards = false")
    await booth.degrade()
    assert await value(cluster, REMEDY) == "at_capacity"
    assert not booth.afterwards.holds(booth.stream)


async def test_what_a_server_held_when_it_stopped_is_said_to_be_lost(
    booth: Booth, database: Database, cluster: Cluster
) -> None:
    await booth.degrade()
    booth.running.cancel()
    await eventually(lambda: value(cluster, REMEDY), lambda remedy: remedy == "audio_dropped")
    (call,) = (await DatabaseSnapshots(database)()).calls
    assert call.degraded is not None
    assert call.degraded.endswith("but their audio is gone.")


async def test_what_was_lost_with_a_killed_server_is_found_out_later(
    booth: Booth, database: Database, cluster: Cluster
) -> None:
    await booth.degrade()
    nobody = Afterwards(database, cast("Recorder", Facts()), Echoes(), Seats(1), most_bytes=1)

    async def settle() -> None:
        await rows(cluster, "UPDATE work SET run_after = now() WHERE kind = $1", SETTLE_AFTERWARDS)
        (work,) = await queue.claim(database, [SETTLE_AFTERWARDS], 1)
        await nobody.settle(work)

    await settle()
    assert await value(cluster, REMEDY) == "afterwards"
    await records.record(database, leg(1, "completed", own=True))
    await rows(cluster, "UPDATE active_calls SET ended_at = now() - make_interval(secs => $1)", 1861.0)
    await settle()
    assert await value(cluster, REMEDY) == "audio_dropped"
    waiting = "SELECT count(*) FROM work WHERE kind = $1 AND state <> 'done'"
    assert await value(cluster, waiting, SETTLE_AFTERWARDS) == 0


async def test_audio_that_waited_too_long_is_dropped(
    booth: Booth, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "KEEP_SECONDS", -1.0)
    await booth.degrade()
    await booth.local.closed(booth.stream)
    booth.seats.give_back()
    await eventually(lambda: value(cluster, REMEDY), lambda remedy: remedy == "audio_dropped")
    assert booth.facts.words == []
