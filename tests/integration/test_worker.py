"""The worker: what wakes it, what it does with work that fails, and how it ends."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from uuid import UUID, uuid4

import pytest

from callguard import worker as module
from callguard.db import queue
from callguard.db.pool import Database, Session
from callguard.db.queue import Work
from callguard.errors import DatabaseUnavailable, LeaseLost, TelephonyUnreachable
from callguard.local.postgres import Cluster
from callguard.worker import Handler, Worker
from tests.integration.population import DEADLINE_S, Household, background, household, open_call, rows, value

CHORE = "chore"
NEVER_S = 600.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(module, "FIRST_RETRY_SECONDS", 0.01)


@pytest.fixture
async def home(database: Database) -> Household:
    return await household(database)


@pytest.fixture
async def call_id(database: Database, home: Household) -> UUID:
    return await open_call(database, home)


class Chores:
    """A handler that notes what it was given, fails as often as it is told to, and finishes the rest."""

    def __init__(self, database: Database, *failures: Exception) -> None:
        self._database = database
        self._failures = list(failures)
        self.begun: list[Work] = []
        self.ended: asyncio.Queue[Work] = asyncio.Queue()
        self.given_up: asyncio.Queue[str] = asyncio.Queue()

    async def run(self, work: Work) -> None:
        self.begun.append(work)
        if self._failures:
            raise self._failures.pop(0)
        async with self._database.tenant(work.tenant_id) as session:
            await queue.finish(session, work)
        self.ended.put_nowait(work)

    async def gave_up(self, _session: Session, _work: Work, code: str) -> None:
        self.given_up.put_nowait(code)

    def handler(self, attempts: int = 3) -> Handler:
        return Handler(self.run, attempts=attempts, gave_up=self.gave_up)


async def ask(database: Database, home: Household, call_id: UUID, kind: str = CHORE) -> None:
    async with database.tenant(home.tenant_id) as session:
        await queue.add(session, home.tenant_id, kind, subject=uuid4(), call_id=call_id, urgency=5)


def working(
    database: Database, handlers: Mapping[str, Handler], wake: asyncio.Event | None = None, slots: int = 4
) -> AbstractAsyncContextManager[None]:
    worker = Worker(database, handlers, wake or asyncio.Event(), slots=slots)
    return background(asyncio.create_task(worker.run()))


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not await condition():
            pass


async def test_it_wakes_by_the_clock(database: Database, home: Household, call_id: UUID) -> None:
    chores = Chores(database)
    async with working(database, {CHORE: chores.handler()}):
        for _ in range(2):
            await ask(database, home, call_id)
            await chores.ended.get()


async def test_it_wakes_when_told(
    database: Database, home: Household, call_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", NEVER_S)
    chores, wake = Chores(database), asyncio.Event()
    async with working(database, {CHORE: chores.handler()}, wake):
        for _ in range(3):
            await ask(database, home, call_id)
            wake.set()
            await chores.ended.get()


async def test_a_free_slot_is_filled_without_waiting_for_the_clock(
    database: Database, home: Household, call_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", NEVER_S)
    for _ in range(5):
        await ask(database, home, call_id)
    chores = Chores(database)
    async with working(database, {CHORE: chores.handler()}, slots=1):
        for _ in range(5):
            await chores.ended.get()


async def test_it_does_no_more_at_once_than_it_has_slots(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    begun: asyncio.Queue[Work] = asyncio.Queue()
    go_on = asyncio.Event()
    for _ in range(5):
        await ask(database, home, call_id)

    async def wait(work: Work) -> None:
        begun.put_nowait(work)
        await go_on.wait()
        async with database.tenant(home.tenant_id) as session:
            await queue.finish(session, work)

    async with working(database, {CHORE: Handler(wait, attempts=1)}, slots=2):
        for _ in range(2):
            await begun.get()
        running = "SELECT count(*) FROM work WHERE kind = $1 AND state = 'running'"
        assert await value(cluster, running, CHORE) == 2
        assert begun.empty()
        go_on.set()
        for _ in range(3):
            await begun.get()


async def test_what_fails_is_tried_again(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    chores = Chores(database, TelephonyUnreachable("No reply."), DatabaseUnavailable("Away."))
    await ask(database, home, call_id)
    async with working(database, {CHORE: chores.handler(attempts=3)}):
        done = await chores.ended.get()
    assert [work.attempts for work in chores.begun] == [1, 2, 3]
    assert await value(cluster, "SELECT state FROM work WHERE id = $1", done.id) == "done"
    assert chores.given_up.empty()


async def test_after_its_last_attempt_it_is_a_visible_failure(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    chores = Chores(database, *(TelephonyUnreachable("No reply.") for _ in range(5)))
    await ask(database, home, call_id)
    async with working(database, {CHORE: chores.handler(attempts=2)}):
        assert await chores.given_up.get() == "TELEPHONY_UNREACHABLE"
    assert len(chores.begun) == 2
    [row] = await rows(cluster, "SELECT state, error_code FROM work WHERE kind = $1", CHORE)
    assert tuple(row) == ("failed", "TELEPHONY_UNREACHABLE")


@pytest.mark.promise("F4")
@pytest.mark.parametrize(
    "error", [RuntimeError("+12025550101"), AssertionError(), KeyError("x"), TimeoutError()]
)
async def test_a_bug_in_a_handler_stops_neither_the_queue_nor_the_other_work(
    cluster: Cluster, database: Database, home: Household, call_id: UUID, error: Exception
) -> None:
    chores = Chores(database, error)
    await ask(database, home, call_id)
    async with working(database, {CHORE: chores.handler(attempts=1)}):
        assert await chores.given_up.get() == "UNEXPECTED"
        await ask(database, home, call_id)
        await chores.ended.get()
    failed = await rows(cluster, "SELECT error_code FROM work WHERE state = 'failed'")
    assert [row["error_code"] for row in failed] == ["UNEXPECTED"]


async def test_work_is_not_given_up_without_what_follows_from_it(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    async def gave_up(_session: Session, _work: Work, _code: str) -> None:
        raise DatabaseUnavailable("Away.")

    chores = Chores(database, TelephonyUnreachable("No reply."))
    await ask(database, home, call_id)
    async with working(database, {CHORE: Handler(chores.run, attempts=1, gave_up=gave_up)}):
        await ask(database, home, call_id)
        await chores.ended.get()
    states = await rows(cluster, "SELECT state FROM work WHERE kind = $1 ORDER BY state", CHORE)
    assert [row["state"] for row in states] == ["done", "running"], (
        "its lease runs out, then it is tried again"
    )


async def test_lost_work_is_left_to_whoever_has_it(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    chores = Chores(database, LeaseLost("Another worker has it."))
    await ask(database, home, call_id)
    async with working(database, {CHORE: chores.handler(attempts=1)}):
        await ask(database, home, call_id)
        await chores.ended.get()
    states = await rows(cluster, "SELECT state FROM work WHERE kind = $1 ORDER BY state", CHORE)
    assert [row["state"] for row in states] == ["done", "running"]
    assert chores.given_up.empty()


async def test_a_heartbeat_holds_long_work(
    cluster: Cluster, database: Database, home: Household, call_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.02)
    renewed = asyncio.Event()

    async def slow(work: Work) -> None:
        lease = "SELECT lease_until FROM work WHERE id = $1"
        first = await value(cluster, lease, work.id)
        for _ in range(2):

            async def moved(since: object = first) -> bool:
                return await value(cluster, lease, work.id) != since

            await until(moved)
            first = await value(cluster, lease, work.id)
        renewed.set()

    await ask(database, home, call_id)
    async with working(database, {CHORE: Handler(slow, attempts=1)}):
        await renewed.wait()


@pytest.mark.promise("F23")
async def test_cancelled_it_ends_cleanly_and_leaves_its_work_to_the_next(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def endless(_work: Work) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    before = asyncio.all_tasks()
    await ask(database, home, call_id)
    async with working(database, {CHORE: Handler(endless, attempts=1)}):
        await begun.wait()
    assert cancelled.is_set()
    for left in asyncio.all_tasks() - before:
        await asyncio.wait([left], timeout=1)
    assert asyncio.all_tasks() == before
    assert await value(cluster, "SELECT state FROM work WHERE kind = $1", CHORE) == "running"
    await rows(cluster, "UPDATE work SET lease_until = clock_timestamp() WHERE kind = $1", CHORE)
    chores = Chores(database)
    async with working(database, {CHORE: chores.handler()}):
        assert (await chores.ended.get()).attempts == 2


@pytest.mark.promise("F11")
async def test_it_survives_the_database(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    chores = Chores(database)
    async with working(database, {CHORE: chores.handler()}):
        for _ in range(3):
            await rows(
                cluster,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND usename = 'callguard_app'",
            )
            async with asyncio.timeout(DEADLINE_S):
                while chores.ended.empty():
                    try:
                        await ask(database, home, call_id)
                        break
                    except DatabaseUnavailable:
                        continue
            await chores.ended.get()
