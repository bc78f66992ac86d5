"""What viewers say of a call: from the page alone, by who may look, about calls that are there."""

import asyncio
import re
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from starlette.applications import Starlette

from callguard.dashboard.routes import dashboard_routes
from callguard.dashboard.snapshot import LiveFeedback
from callguard.domain.feedback import Answer
from callguard.errors import DatabaseUnavailable
from tests.unit.dashboard.live_calls import KEY, NOW, CallsInMemory, quiet_call, scam_call

OVER = quiet_call(id=UUID(int=2), ended_at=NOW + timedelta(minutes=3), status="ended")


def visitor(source: CallsInMemory) -> httpx.AsyncClient:
    routes = dashboard_routes(source, source.say, key=KEY, secure=False, stopping=asyncio.Event())
    transport = httpx.ASGITransport(app=Starlette(routes=routes))
    return httpx.AsyncClient(transport=transport, base_url="http://calls.example.org")


async def field(browser: httpx.AsyncClient) -> str:
    """What the page's forms carry."""
    await browser.get("/dashboard", params={"key": KEY})
    (found,) = set(re.findall(r'name="from_page" value="(\w+)"', (await browser.get("/dashboard")).text))
    return str(found)


async def test_a_button_of_an_ended_call_says_what_it_was() -> None:
    source = CallsInMemory((scam_call(), OVER))
    async with visitor(source) as browser:
        form = await field(browser)
        page = (await browser.get("/dashboard")).text
        assert page.count("It was a scam") == page.count("It was fine") == 1
        reply = await browser.post(
            f"/dashboard/feedback/{OVER.id}", data={"from_page": form, "answer": "scam"}
        )
    assert (reply.status_code, reply.headers["location"]) == (303, "/dashboard")
    assert source.said == [(OVER.id, Answer.SCAM)]


async def test_a_form_of_another_site_says_nothing() -> None:
    """A18."""
    source = CallsInMemory((OVER,))
    door = f"/dashboard/feedback/{OVER.id}"
    async with visitor(source) as browser:
        assert (await browser.post(door, data={"answer": "scam"})).status_code == 401
        form = await field(browser)
        for data in (
            {"answer": "scam"},
            {"answer": "scam", "from_page": "guessed"},
            {"from_page": form + "x"},
        ):
            assert (await browser.post(door, data=data)).status_code == 403
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        data = {"from_page": form, "answer": "scam"}
        assert (await browser.post(door, data=data, headers=elsewhere)).status_code == 403
        assert (await browser.get(door)).status_code == 405
    assert source.said == []


@pytest.mark.parametrize(
    ("call", "answer"), [(str(OVER.id), "perhaps"), (str(uuid4()), "scam"), ("none", "scam")]
)
async def test_what_is_not_there_is_not_found(call: str, answer: str) -> None:
    source = CallsInMemory((OVER,))
    async with visitor(source) as browser:
        data = {"from_page": await field(browser), "answer": answer}
        assert (await browser.post(f"/dashboard/feedback/{call}", data=data)).status_code == 404
    assert source.said == []


async def test_a_database_that_is_away_is_told() -> None:
    class Away(CallsInMemory):
        async def say(self, *_: object) -> bool:
            raise DatabaseUnavailable("away")

    async with visitor(Away((OVER,))) as browser:
        data = {"from_page": await field(browser), "answer": "scam"}
        assert (await browser.post(f"/dashboard/feedback/{OVER.id}", data=data)).status_code == 503


async def test_what_was_said_stands_in_the_calls_line() -> None:
    told = (
        LiveFeedback("scam", "sms", "Anna <3", NOW),
        LiveFeedback("not_scam", "dashboard", None, NOW),
        LiveFeedback("unsure", "sms", None, NOW),
    )
    source = CallsInMemory((quiet_call(ended_at=NOW, status="ended", feedback=told),))
    async with visitor(source) as browser:
        await field(browser)
        page = (await browser.get("/dashboard")).text
    summary = page[page.index("<summary>") : page.index("</summary>")]
    assert "Anna &lt;3: it was a scam" in summary
    assert "On this page: it was fine" in summary
    assert "A contact since removed: they are not sure" in summary
