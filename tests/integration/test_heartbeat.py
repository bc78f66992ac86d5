"""The sign of life leaves while database and worker are well, carries nothing, and stops when they aren't."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from callguard.db.pool import Database
from callguard.heartbeat import Heartbeat
from callguard.local.postgres import Cluster
from callguard.worker import Worker
from tests.integration.eventually import eventually
from tests.integration.wire import Wire


@asynccontextmanager
async def watcher(status: int = 200) -> AsyncIterator[tuple[str, list[web.BaseRequest]]]:
    """What is asked for each minute, and what it was asked with."""
    asked: list[web.BaseRequest] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        asked.append(request)
        return web.Response(status=status, headers={"Location": "/elsewhere", "Set-Cookie": "seen=1"})

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/ping/id", asked
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("status", "taken"), [(200, True), (404, False), (302, False)])
async def test_a_sign_of_a_server_that_is_well(status: int, taken: bool) -> None:
    async with watcher(status) as (url, asked), aiohttp.ClientSession() as session:
        assert await Heartbeat(url, lambda: True, session).beat() is taken

    (request,) = asked
    assert (request.method, request.path, request.query_string) == ("GET", "/ping/id", "")
    assert set(request.headers) <= {"Host", "Accept", "Accept-Encoding", "User-Agent"}


async def test_no_sign_of_one_that_is_not() -> None:
    async with watcher() as (url, asked), aiohttp.ClientSession() as session:
        assert await Heartbeat(url, lambda: False, session).beat() is False
    assert asked == []


async def test_a_watcher_that_is_away_disturbs_nothing() -> None:
    async with watcher() as (url, _):
        pass
    async with aiohttp.ClientSession() as session:
        assert await Heartbeat(url, lambda: True, session).beat() is False


async def test_the_worker_is_well_while_the_database_answers_it(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callguard.worker.UNWELL_SECONDS", 1.5)

    async def is_well() -> bool:
        return worker.is_well()

    async with Wire(cluster.app_dsn) as wire:
        database = Database(wire.dsn, size=2)
        worker = Worker(database, {}, asyncio.Event())
        assert not worker.is_well()
        running = asyncio.create_task(worker.run())
        await eventually(is_well, lambda well: well)
        await wire.cut()
        await eventually(is_well, lambda well: not well)
        await wire.mend()
        await eventually(is_well, lambda well: well)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await database.close()
