"""The recorder: stores at once where the database can, and else later, in order, and never not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec
import pytest

from callguard.db.pool import Database
from callguard.domain.facts import AnyFact, WordsHeard
from callguard.errors import DatabaseUnavailable, NumberUnknown, SpoolError
from callguard.intake import recorder as module
from callguard.intake.recorder import Recorder
from callguard.intake.records import ANALYSE
from callguard.local.postgres import Cluster
from callguard.transcript.spool import Spool
from callguard.trust.sealing import Sealer
from tests.integration.population import (
    Household,
    arrival,
    background,
    connected,
    household,
    leg,
    rows,
    value,
    words,
)
from tests.integration.wire import Wire

SEALER = Sealer(bytes(32))


class Desk:
    """A recorder whose database is behind a wire."""

    def __init__(self, wire: Wire, folder: Path, deadline_seconds: float) -> None:
        self.wire = wire
        self.database = Database(wire.dsn, size=4)
        self.spool = Spool(folder, SEALER)
        self.spool.open()
        self.wake = asyncio.Event()
        self.recorder = Recorder(self.database, self.spool, self.wake, deadline_seconds)

    async def record(self, *facts: AnyFact) -> None:
        for fact in facts:
            await self.recorder.record(fact)

    def replaying(self) -> AbstractAsyncContextManager[None]:
        return background(asyncio.create_task(self.recorder.run()))

    async def replayed(self) -> None:
        """One round of the replay ends."""
        self.wake.clear()
        await self.wake.wait()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPLAY_SECONDS", 0.02)


@pytest.fixture
async def desk(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Desk]:
    async with Wire(cluster.app_dsn) as wire:
        desk = Desk(wire, tmp_path / "spool", deadline_seconds=5)
        yield desk
        await desk.database.close()


@pytest.fixture
async def home(database: Database) -> Household:
    return await household(database)


async def stored(cluster: Cluster) -> dict[str, object]:
    [row] = await rows(
        cluster,
        "SELECT (SELECT array_agg(call_sid || ' ' || status ORDER BY call_sid) FROM active_calls) AS calls, "
        "(SELECT array_agg(text ORDER BY call_id, sequence_number) FROM transcription_events) AS words, "
        "(SELECT count(*) FROM work WHERE kind = $1) AS analyses",
        ANALYSE,
    )
    return dict(row)


async def test_what_the_database_takes_is_stored_and_wakes_the_workers(
    cluster: Cluster, desk: Desk, home: Household
) -> None:
    arrived = await desk.recorder.arrive(arrival(home, 1))
    assert not arrived.looping
    assert desk.wake.is_set()
    desk.wake.clear()
    await desk.record(words(1, 1, "I sue you."))
    assert desk.wake.is_set()
    assert len(desk.spool) == 0
    assert (await stored(cluster))["words"] == ["I sue you."]


@pytest.mark.promise("F3")
async def test_while_the_database_is_stopped_facts_are_kept_and_then_stored_in_order(
    cluster: Cluster, desk: Desk, home: Household
) -> None:
    await desk.wire.cut()
    with pytest.raises(DatabaseUnavailable):
        await desk.recorder.arrive(arrival(home, 1))
    await desk.recorder.spool(arrival(home, 1, dialled_directly=True))
    await desk.record(
        words(1, 1, "I sue you."), words(1, 2, "Buy a gift card."), leg(1, "completed", own=True)
    )
    assert len(desk.spool) == 4
    assert await stored(cluster) == {"calls": None, "words": None, "analyses": 0}
    async with desk.replaying():
        await desk.wire.mend()
        await desk.replayed()
        assert len(desk.spool) == 0
        assert await stored(cluster) == {
            "calls": [f"{arrival(home, 1).call_sid} ended"],
            "words": ["I sue you.", "Buy a gift card."],
            "analyses": 1,
        }


async def test_a_database_lost_in_mid_call_gets_its_words_when_it_is_back(
    cluster: Cluster, desk: Desk, home: Household
) -> None:
    await desk.recorder.arrive(arrival(home, 1))
    await desk.record(words(1, 1, "One."))
    async with desk.replaying():
        for sequence in (2, 4):
            await desk.wire.cut()
            await desk.record(words(1, sequence, f"{sequence}."))
            await desk.wire.mend()
            await desk.record(words(1, sequence + 1, f"{sequence + 1}."))
            await desk.replayed()
            while len(desk.spool):
                await desk.replayed()
    assert (await stored(cluster))["words"] == ["One.", "2.", "3.", "4.", "5."]


async def test_later_facts_of_a_call_queue_behind_those_that_wait(
    cluster: Cluster, desk: Desk, home: Household
) -> None:
    for number in (1, 2):
        await desk.recorder.arrive(arrival(home, number, caller="withheld"))
    await desk.wire.cut()
    await desk.record(words(1, 1, "Kept."))
    await desk.wire.mend()
    await desk.record(words(1, 2, "Behind it."), words(2, 1, "Of another call."))
    assert len(desk.spool) == 2
    assert (await stored(cluster))["words"] == ["Of another call."]
    async with desk.replaying():
        await desk.replayed()
    said = {row["text"] for row in await rows(cluster, "SELECT text FROM transcription_events")}
    assert said == {"Behind it.", "Kept.", "Of another call."}


async def test_what_an_earlier_run_kept_is_stored_by_the_next(
    cluster: Cluster, desk: Desk, home: Household, tmp_path: Path
) -> None:
    await desk.wire.cut()
    await desk.recorder.spool(arrival(home, 1, dialled_directly=True))
    await desk.record(words(1, 1, "Hello."))
    await desk.wire.mend()
    restarted = Desk(desk.wire, tmp_path / "spool", deadline_seconds=5)
    async with restarted.replaying():
        await restarted.replayed()
    await restarted.database.close()
    assert (await stored(cluster))["words"] == ["Hello."]


@pytest.mark.promise("F3")
async def test_a_slow_database_is_not_waited_for(cluster: Cluster, home: Household, tmp_path: Path) -> None:
    async with Wire(cluster.app_dsn) as wire:
        desk = Desk(wire, tmp_path / "spool", deadline_seconds=0.2)
        await desk.recorder.arrive(arrival(home, 1))
        async with connected(cluster.owner_dsn) as other, other.transaction():
            await other.execute("LOCK TABLE transcription_events, active_calls IN ACCESS EXCLUSIVE MODE")
            async with asyncio.timeout(2):
                await desk.record(words(1, 1, "Hello."))
                with pytest.raises(DatabaseUnavailable):
                    await desk.recorder.arrive(arrival(home, 2))
        assert len(desk.spool) == 1
        async with desk.replaying():
            await desk.replayed()
        await desk.database.close()
    assert (await stored(cluster))["words"] == ["Hello."]


@pytest.mark.promise("F3")
async def test_a_silent_database_is_not_waited_for(cluster: Cluster, home: Household, tmp_path: Path) -> None:
    async with Wire(cluster.app_dsn) as wire:
        desk = Desk(wire, tmp_path / "spool", deadline_seconds=0.2)
        await desk.recorder.arrive(arrival(home, 1))
        wire.silence()
        async with asyncio.timeout(2):
            await desk.record(words(1, 1, "Hello."))
            with pytest.raises(DatabaseUnavailable):
                await desk.recorder.arrive(arrival(home, 2))
        async with desk.replaying():
            wire.resume()
            await desk.replayed()
        await desk.database.close()
    assert (await stored(cluster))["words"] == ["Hello."]


async def test_facts_of_an_unknown_call_are_held_until_it_is_stored(
    cluster: Cluster, desk: Desk, home: Household
) -> None:
    await desk.record(words(1, 1, "Early."), words(1, 2, "Birds."))
    async with desk.replaying():
        await desk.replayed()
        assert len(desk.spool) == 2
        await desk.recorder.arrive(arrival(home, 1))
        await desk.replayed()
        while len(desk.spool):
            await desk.replayed()
    assert (await stored(cluster))["words"] == ["Early.", "Birds."]


async def test_facts_of_a_call_that_nobody_ever_stored_are_dropped_in_the_end(
    cluster: Cluster, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.record(words(1, 1, "Nobody's."))
    async with desk.replaying():
        for _ in range(2):
            await desk.replayed()
        assert len(desk.spool) == 1
        monkeypatch.setattr(module, "ORPHAN_SECONDS", 0)
        await desk.replayed()
        while len(desk.spool):
            await desk.replayed()
    assert (await stored(cluster))["words"] is None


async def test_an_unknown_call_holds_up_no_other(cluster: Cluster, desk: Desk, home: Household) -> None:
    await desk.record(words(9, 1, "Nobody's."))
    await desk.wire.cut()
    await desk.recorder.spool(arrival(home, 1, dialled_directly=True))
    await desk.record(words(1, 1, "Hello."))
    await desk.wire.mend()
    async with desk.replaying():
        await desk.replayed()
    assert (await stored(cluster))["words"] == ["Hello."]
    assert len(desk.spool) == 1


@pytest.mark.parametrize(
    "refused",
    [words(1, 1, "A NUL \0 in it."), msgspec.structs.replace(words(1, 1, "Too many."), sequence=2**40)],
    ids=["text that no column holds", "a number that no column holds"],
)
async def test_a_fact_that_the_database_refuses_holds_up_nothing(
    cluster: Cluster, desk: Desk, home: Household, refused: WordsHeard
) -> None:
    await desk.recorder.arrive(arrival(home, 1))
    await desk.recorder.spool(refused)
    await desk.recorder.spool(words(1, 2, "Hello."))
    async with desk.replaying():
        await desk.replayed()
    assert (await stored(cluster))["words"] == ["Hello."]
    assert len(desk.spool) == 0


async def test_a_call_on_a_number_of_nobody_is_refused_and_never_kept(
    cluster: Cluster, desk: Desk, home: Household
) -> None:
    fact = arrival(home, 1)
    await rows(cluster, "UPDATE users SET twilio_number = NULL")
    with pytest.raises(NumberUnknown):
        await desk.recorder.arrive(fact)
    await desk.recorder.spool(fact)
    async with desk.replaying():
        await desk.replayed()
    assert len(desk.spool) == 0
    assert await value(cluster, "SELECT count(*) FROM active_calls") == 0


@pytest.mark.promise("F15")
async def test_where_neither_can_keep_it_the_sender_hears_of_it(desk: Desk, tmp_path: Path) -> None:
    await desk.wire.cut()
    (tmp_path / "spool").rmdir()
    with pytest.raises(SpoolError):
        await desk.record(words(1, 1, "Hello."))
    assert len(desk.spool) == 0


@pytest.mark.promise("F3")
async def test_what_another_process_left_in_the_folder_is_replayed(
    cluster: Cluster, desk: Desk, home: Household, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    await desk.recorder.arrive(arrival(home, 1))
    killed = Spool(tmp_path / "spool", SEALER)
    async with desk.replaying():
        await killed.keep(words(1, 1, "I sue you."))
        await desk.replayed()
    assert (await stored(cluster))["words"] == ["I sue you."]
    assert len(desk.spool) == 0


async def test_the_facts_of_a_call_may_wait_in_the_folders_of_two_processes(
    cluster: Cluster, desk: Desk, home: Household, tmp_path: Path
) -> None:
    other = Desk(desk.wire, tmp_path / "elsewhere", deadline_seconds=5)
    await desk.wire.cut()
    await desk.recorder.spool(arrival(home, 1, dialled_directly=True))
    await other.record(words(1, 1, "I sue you."))
    await desk.record(words(1, 2, "Buy a gift card."))
    await other.record(leg(1, "completed", own=True))
    async with other.replaying():
        await desk.wire.mend()
        # Its call is not stored yet: the words wait.
        await other.replayed()
        assert len(other.spool) == 2
        async with desk.replaying():
            await desk.replayed()
            while len(other.spool):
                await other.replayed()
    assert await stored(cluster) == {
        "calls": [f"{arrival(home, 1).call_sid} ended"],
        "words": ["I sue you.", "Buy a gift card."],
        "analyses": 1,
    }
    await other.database.close()
