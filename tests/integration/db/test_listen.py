"""The listener: notifications wake whoever waits, and a lost connection is noticed and replaced."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from callguard.db import listen
from callguard.db.listen import Listener
from callguard.db.pool import Database
from callguard.local.postgres import Cluster
from tests.integration.population import (
    DEADLINE_S,
    background,
    hear,
    household,
    open_call,
    rows,
    value,
    words,
)
from tests.integration.wire import Wire

CHANNEL = "keyword_detected"
LISTENERS = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "RETRY_SECONDS", 0.02)


@asynccontextmanager
async def listening(dsn: str) -> AsyncIterator[tuple[Listener, asyncio.Event]]:
    heard = asyncio.Event()
    listener = Listener(dsn, CHANNEL, heard)
    async with background(asyncio.create_task(listener.run())):
        await listener.listening.wait()
        await heard.wait()
        heard.clear()
        yield listener, heard


async def gone(listener: Listener) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while listener.listening.is_set():  # noqa: ASYNC110  # there is no event of its end
            await asyncio.sleep(0)


async def test_a_notification_wakes(cluster: Cluster) -> None:
    async with listening(cluster.app_dsn) as (_, heard):
        for _ in range(2):
            await rows(cluster, f"NOTIFY {CHANNEL}")
            await heard.wait()
            heard.clear()


async def test_the_trigger_wakes(cluster: Cluster, database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    async with listening(cluster.app_dsn) as (_, heard):
        await hear(database, home, call_id, words(1, 1, "sue"))
        await heard.wait()


async def test_a_killed_connection_is_replaced_at_once_and_wakes(cluster: Cluster) -> None:
    async with listening(cluster.app_dsn) as (listener, heard):
        for _ in range(2):
            assert await value(cluster, f"SELECT count(pg_terminate_backend(pid)) {LISTENERS}") == 1
            await heard.wait()
            await listener.listening.wait()
            heard.clear()
            await rows(cluster, f"NOTIFY {CHANNEL}")
            await heard.wait()
            heard.clear()


@pytest.mark.promise("F10")
async def test_a_half_open_connection_is_noticed_by_its_ping(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "PING_SECONDS", 0.1)
    async with Wire(cluster.app_dsn) as wire, listening(wire.dsn) as (listener, heard):
        wire.silence()
        await gone(listener)
        wire.resume()
        await listener.listening.wait()
        await heard.wait()


@pytest.mark.promise("F11")
async def test_it_waits_for_a_database_that_is_away(cluster: Cluster) -> None:
    async with Wire(cluster.app_dsn) as wire, listening(wire.dsn) as (listener, heard):
        await wire.cut()
        await gone(listener)
        assert not heard.is_set()
        await wire.mend()
        await listener.listening.wait()
        await heard.wait()


async def test_cancelled_it_closes_its_connection(cluster: Cluster) -> None:
    async with listening(cluster.app_dsn):
        assert await value(cluster, f"SELECT count(*) {LISTENERS}") == 1
    async with asyncio.timeout(DEADLINE_S):
        while await value(cluster, f"SELECT count(*) {LISTENERS}"):
            pass
