"""The stream of changes, over a real connection."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Message

from callguard.dashboard import routes
from callguard.dashboard.routes import dashboard_routes
from callguard.errors import DatabaseUnavailable
from tests.unit.dashboard.live_calls import KEY, CallsInMemory, dashboard_server, quiet_call, said

DEADLINE = 10


class Stream:
    """Server-sent events, one at a time, as a browser reads them."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def event(self) -> tuple[str, str]:
        """The next event's name and data; raises StopAsyncIteration at the end of the stream."""
        name, data = "message", list[str]()
        while line := await asyncio.wait_for(anext(self._lines), DEADLINE):
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
        return name, "\n".join(data)

    async def until(self, words: str) -> str:
        """The data of the next event that has `words` in it."""
        while True:
            _, data = await self.event()
            if words in data:
                return data


@asynccontextmanager
async def watching(base: str) -> AsyncGenerator[Stream]:
    async with httpx.AsyncClient(base_url=base, timeout=DEADLINE) as client:
        await client.get("/dashboard", params={"key": KEY})
        async with client.stream("GET", "/dashboard/events") as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            yield Stream(response)


async def test_whoever_connects_gets_the_clock_and_the_whole_state() -> None:
    async with dashboard_server(CallsInMemory((quiet_call(),))) as base, watching(base) as stream:
        assert (await stream.event())[0] == "tick"
        name, data = await stream.event()

    assert name == "message"
    assert 'hx-target="#live"' in data
    assert 'hx-target="#ended"' in data
    assert "Margaret Hill" in data


async def test_a_change_is_sent_alone() -> None:
    source = CallsInMemory((quiet_call(1), quiet_call(2, person_name="George Tan")))
    async with dashboard_server(source) as base, watching(base) as stream:
        await stream.until("George Tan")
        source.show(quiet_call(1, transcript=(said("caller", "Good morning"),)), source.calls[1])
        data = await stream.until("Good morning")

    assert "George Tan" not in data


async def test_the_stream_goes_on_while_the_database_is_away() -> None:
    source = CallsInMemory((quiet_call(),))
    async with dashboard_server(source) as base, watching(base) as stream:
        await stream.until("Margaret Hill")
        source.failure = DatabaseUnavailable("The database refused the connection.")
        await stream.until("The database is away")
        source.failure = None
        assert "away" not in await stream.until('hx-target="#notice"')


async def test_an_idle_stream_shows_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "PING_SECONDS", 0.01)
    async with dashboard_server(CallsInMemory()) as base, watching(base) as stream:
        await stream.until("No call yet")
        assert [(await stream.event())[0] for _ in range(3)] == ["tick"] * 3


async def test_streams_end_as_soon_as_the_server_stops() -> None:
    stopping = asyncio.Event()
    async with dashboard_server(CallsInMemory(), stopping) as base, watching(base) as stream:
        await stream.until("No call yet")
        stopping.set()
        try:
            while True:
                await stream.event()
        except StopAsyncIteration:
            pass


async def test_what_people_say_reaches_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    source = CallsInMemory((quiet_call(transcript=(said("caller", "a very private matter"),)),))
    async with dashboard_server(source) as base, watching(base) as stream:
        await stream.until("a very private matter")

    assert caplog.records
    assert "private matter" not in caplog.text


async def test_a_reader_who_takes_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "STUCK_SECONDS", 0.01)
    source, stopping = CallsInMemory(), asyncio.Event()
    app = Starlette(routes=dashboard_routes(source, source.say, key=KEY, secure=False, stopping=stopping))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        await client.get("/dashboard", params={"key": KEY})
        cookie = client.cookies["callguard_dashboard"]

    async def receive() -> Message:
        return await asyncio.Future()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/dashboard/events",
        "query_string": b"",
        "headers": [(b"cookie", f"callguard_dashboard={cookie}".encode())],
    }
    await asyncio.wait_for(app(scope, receive, send), DEADLINE)
