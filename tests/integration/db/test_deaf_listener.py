"""A listener to whom no notification comes: work is found all the same, and the operator is told."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from callguard import worker as working
from callguard.db import listen, queue
from callguard.db.listen import Listener
from callguard.db.pool import Database
from callguard.db.queue import Work
from callguard.intake.records import ANALYSE
from callguard.local.postgres import Cluster
from callguard.worker import Handler, Worker
from tests.integration.eventually import eventually
from tests.integration.population import background, hear, household, open_call, words
from tests.integration.wire import Wire

CHANNEL = "keyword_detected"
# What a busy machine adds to a look each second.
SLACK_S = 0.5


@asynccontextmanager
async def listening(wire: Wire, wake: asyncio.Event) -> AsyncIterator[Listener]:
    listener = Listener(wire.dsn, CHANNEL, wake)
    async with background(asyncio.create_task(listener.run())):
        yield listener


async def seconds_to_find(database: Database, wake: asyncio.Event) -> float:
    """From a keyword that another process stored to the worker that takes it up; the second of two, since
    what waits at a worker's start is taken at once.
    """
    found: asyncio.Queue[float] = asyncio.Queue()

    async def analyse(work: Work) -> None:
        found.put_nowait(time.monotonic())
        async with database.tenant(work.tenant_id) as session:
            await queue.finish(session, work)

    home = await household(database)
    call_id = await open_call(database, home)
    worker = Worker(database, {ANALYSE: Handler(analyse, attempts=1)}, wake)
    async with background(asyncio.create_task(worker.run())):
        for sequence in (1, 2):
            await hear(database, home, call_id, words(1, sequence, "i will sue"))
            heard_at = time.monotonic()
            taken_at = await found.get()
    return taken_at - heard_at


@pytest.mark.promise("F10")
def test_a_half_open_connection_is_replaced_within_fifteen_seconds() -> None:
    """It is silent for a ping's interval, and the ping waits half as long for its reply."""
    assert listen.PING_SECONDS + listen.PING_SECONDS / 2 <= 15


@pytest.mark.promise("F10")
async def test_polling_finds_within_a_second_what_a_half_open_connection_does_not_tell(
    cluster: Cluster, database: Database
) -> None:
    wake = asyncio.Event()
    async with Wire(cluster.app_dsn) as wire, listening(wire, wake) as listener:
        await listener.listening.wait()
        wire.silence()
        assert await seconds_to_find(database, wake) <= working.POLL_SECONDS + SLACK_S
        wire.resume()


@pytest.mark.promise("F12")
async def test_behind_a_transaction_pooler_work_is_found_and_the_operator_told(
    cluster: Cluster, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "ECHO_SECONDS", 0.05)
    wake = asyncio.Event()
    with capture_logs() as logged:

        async def told() -> list[Any]:
            return [entry for entry in logged if entry["event"] == "listen_deaf"]

        async with Wire(cluster.app_dsn) as wire:
            wire.pool()
            async with listening(wire, wake) as listener:
                [entry] = await eventually(told, bool)
                assert not listener.listening.is_set()
                assert await seconds_to_find(database, wake) <= working.POLL_SECONDS + SLACK_S
    assert (entry["log_level"], "session connection" in entry["todo"]) == ("error", True)
