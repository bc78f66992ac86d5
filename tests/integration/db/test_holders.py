"""Work of a process that is gone, or of a claim whose reply was lost, does not wait for its lease."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from callguard.db import queue
from callguard.db.listen import Listener
from callguard.db.pool import Database
from callguard.db.queue import Work
from callguard.errors import LeaseLost
from callguard.local.postgres import Cluster
from callguard.worker import Handler, Worker
from tests.integration.eventually import eventually
from tests.integration.population import Household, background, household, open_call, rows

CHORE = "chore"


@pytest.fixture
async def home(database: Database) -> Household:
    return await household(database)


@pytest.fixture
async def call_id(database: Database, home: Household) -> UUID:
    return await open_call(database, home)


async def ask(database: Database, home: Household, call_id: UUID) -> None:
    async with database.tenant(home.tenant_id) as session:
        await queue.add(session, home.tenant_id, CHORE, subject=uuid4(), call_id=call_id, urgency=5)


async def claim(database: Database, holder: int | None, *in_hand: Work) -> list[Work]:
    return await queue.claim(database, [CHORE], 10, holder=holder, in_hand=[work.id for work in in_hand])


async def pass_by(cluster: Cluster, seconds: float) -> None:
    """Time passes since the last claims."""
    await rows(cluster, "UPDATE work SET claimed_at = claimed_at - make_interval(secs => $1)", seconds)


@asynccontextmanager
async def process(cluster: Cluster) -> AsyncIterator[int]:
    """A process that lives for as long as the block; its number."""
    listener = Listener(cluster.app_dsn, "keyword_detected", asyncio.Event())
    async with background(asyncio.create_task(listener.run())):
        await listener.listening.wait()
        number = listener.present()
        assert number is not None
        yield number


async def test_what_a_living_process_has_is_left_to_it(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    await ask(database, home, call_id)
    async with process(cluster) as one, process(cluster) as other:
        [work] = await claim(database, one)
        await pass_by(cluster, 20)
        assert await claim(database, other) == []
        assert await claim(database, None) == []
        assert await claim(database, one, work) == []


@pytest.mark.promise("F8")
async def test_what_a_process_had_that_is_gone_is_taken_over(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    await ask(database, home, call_id)
    async with process(cluster) as other:
        async with process(cluster) as one:
            [work] = await claim(database, one)
        # What it asked of others just before it ended must be there to be found.
        assert await claim(database, other) == []
        await pass_by(cluster, 3)
        # A database that has just started gives everybody time to come back to it.
        [again] = await eventually(lambda: claim(database, other), bool)
        assert (again.id, again.attempts) == (work.id, 2)
        with pytest.raises(LeaseLost):
            async with database.tenant(home.tenant_id) as session:
                await queue.finish(session, work)


async def test_a_process_without_a_name_keeps_its_lease(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    await ask(database, home, call_id)
    await claim(database, None)
    await pass_by(cluster, 20)
    async with process(cluster) as other:
        assert await claim(database, other) == []


@pytest.mark.promise("F8")
async def test_a_claim_whose_reply_was_lost_is_made_again_at_once(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    for _ in range(2):
        await ask(database, home, call_id)
    async with process(cluster) as one:
        known, lost = await claim(database, one)
        [again] = await claim(database, one, known)
        assert (again.id, again.attempts) == (lost.id, 2)


async def test_a_worker_takes_up_what_it_does_not_know_of(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    await ask(database, home, call_id)
    done: asyncio.Queue[int] = asyncio.Queue()

    async def run(work: Work) -> None:
        async with database.tenant(work.tenant_id) as session:
            await queue.finish(session, work)
        done.put_nowait(work.attempts)

    async with process(cluster) as one:
        await claim(database, one)
        worker = Worker(database, {CHORE: Handler(run, attempts=3)}, asyncio.Event(), holder=lambda: one)
        async with background(asyncio.create_task(worker.run())):
            assert await done.get() == 2


async def test_a_worker_takes_nothing_before_others_can_see_that_it_lives(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    await ask(database, home, call_id)
    done: asyncio.Queue[Work] = asyncio.Queue()
    asked = asyncio.Queue[None]()
    seen: list[int] = []

    async def run(work: Work) -> None:
        async with database.tenant(work.tenant_id) as session:
            await queue.finish(session, work)
        done.put_nowait(work)

    def holder() -> int | None:
        asked.put_nowait(None)
        return seen[0] if seen else None

    wake = asyncio.Event()
    worker = Worker(database, {CHORE: Handler(run, attempts=3)}, wake, holder=holder)
    async with process(cluster) as one, background(asyncio.create_task(worker.run())):
        for _ in range(2):  # the second look is after the first one's end
            await asked.get()
        chores = await rows(cluster, "SELECT state FROM work WHERE kind = $1", CHORE)
        assert [chore["state"] for chore in chores] == ["pending"]
        seen.append(one)
        wake.set()
        work = await done.get()
        [row] = await rows(cluster, "SELECT holder FROM work WHERE id = $1", work.id)
        assert row["holder"] == one


async def test_a_worker_that_can_not_be_seen_works_all_the_same(
    database: Database, home: Household, call_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callguard.worker.NAMELESS_SECONDS", 0.05)
    await ask(database, home, call_id)
    done = asyncio.Event()

    async def run(work: Work) -> None:
        async with database.tenant(work.tenant_id) as session:
            await queue.finish(session, work)
        done.set()

    wake = asyncio.Event()
    worker = Worker(database, {CHORE: Handler(run, attempts=3)}, wake, holder=lambda: None)
    async with background(asyncio.create_task(worker.run())):
        await done.wait()
