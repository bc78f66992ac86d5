"""The live page in a real Chromium: everything moves without a reload, and nothing is objected to."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, Route, ViewportSize, expect

from callguard.dashboard.snapshot import Contribution
from callguard.errors import DatabaseUnavailable
from tests.unit.dashboard.live_calls import (
    KEY,
    NOW,
    CallsInMemory,
    alert,
    dashboard_server,
    quiet_call,
    said,
    scam_call,
)

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SCREENSHOTS = Path(__file__).parent / "screenshots"
Scheme = Literal["light", "dark"]
DESKTOP = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=360, height=740)
TELL_WHEN_HTMX_HAS_LOOKED = """
    const tell = () => setTimeout(() => console.debug("looked"), 100);
    const look = () => setTimeout(() => window.htmx ? tell() : look(), 10);
    look();
"""


@asynccontextmanager
async def opened(
    browser: Browser,
    base: str,
    *,
    size: ViewportSize = DESKTOP,
    scheme: Scheme = "light",
    timezone: str = "UTC",
) -> AsyncGenerator[Page]:
    """The page, live, by its keyed address; at the end the browser must not have objected to anything."""
    context = await browser.new_context(
        viewport=size, color_scheme=scheme, timezone_id=timezone, locale="en-GB"
    )
    objections: list[str] = []
    context.on("console", lambda message: objections.append(message.text))
    context.on("weberror", lambda error: objections.append(str(error.error)))
    page = await context.new_page()
    await page.goto(f"{base}/dashboard?key={KEY}")
    await expect(page.locator("#connection")).to_have_text("Live")
    assert urlsplit(page.url).query == ""
    yield page
    await context.close()
    assert objections == []


async def test_a_call_is_followed_without_a_reload(chromium: Browser) -> None:
    source = CallsInMemory()
    async with dashboard_server(source) as base, opened(chromium, base) as page:
        await page.evaluate("window.loadedOnce = true")
        await expect(page.get_by_text("No call yet.")).to_be_visible()

        source.show(quiet_call())
        call = page.get_by_role("article", name="Margaret Hill")
        await expect(call).to_contain_text("+1 202-555-0123")
        await expect(call).to_contain_text("Listening")

        source.show(quiet_call(transcript=(said("caller", "there is a war", final=False),)))
        await expect(call.locator(".provisional")).to_have_text("there is a war")
        await expect(call).to_contain_text("still speaking")

        heard = (said("caller", "There is a warrant for your arrest."),)
        source.show(quiet_call(transcript=heard, keywords=("warrant",)))
        await expect(call.locator("mark")).to_have_text("warrant")
        await expect(call.locator(".provisional")).to_have_count(0)

        words = Contribution("local_scorer", "measured", 45, "Authority and fear together.")
        source.show(quiet_call(transcript=heard, verdict="UNSURE", risk=45, contributions=(words,)))
        meter = call.get_by_role("meter")
        await expect(meter).to_have_attribute("aria-valuenow", "45")
        await expect(call).to_contain_text("Unclear")

        source.show(scam_call(alerts=()))
        await expect(meter).to_have_attribute("aria-valuenow", "87")
        await expect(call).to_contain_text("Likely scam")

        source.show(scam_call())
        delivery = page.get_by_role("row", name="Anna Hill").locator(".delivery")
        await expect(delivery).to_have_text("sent, not yet confirmed")
        source.show(scam_call(alerts=(alert(status="delivered", delivered_at=NOW),)))
        await expect(delivery).to_have_text("delivered")

        source.show(scam_call(ended_at=NOW))
        await expect(call).to_have_count(0)
        await expect(page.locator("#ended summary")).to_contain_text("Margaret Hill")
        assert await page.evaluate("window.loadedOnce")


async def test_what_a_viewer_opened_and_focused_stays_so(chromium: Browser) -> None:
    ended = scam_call(2, person_name="George Tan", ended_at=NOW)
    source = CallsInMemory((ended,))
    async with dashboard_server(source) as base, opened(chromium, base) as page:
        summary = page.locator("#ended summary").filter(has_text="George Tan")
        await summary.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Who was told")).to_be_visible()

        source.show(quiet_call(3, ended_at=NOW), ended)
        await expect(page.locator("#ended summary")).to_have_count(2)

        await expect(page.get_by_text("Who was told")).to_be_visible()
        await expect(summary).to_be_focused()


async def test_a_lost_connection_heals_with_the_full_state(chromium: Browser) -> None:
    source = CallsInMemory((quiet_call(1),))
    async with dashboard_server(source) as first:
        context = await chromium.new_context()
        page = await context.new_page()
        await page.goto(f"{first}/dashboard?key={KEY}")
        await expect(page.locator("#connection")).to_have_text("Live")
    await expect(page.locator("#connection")).to_contain_text("Connection lost")

    source.show(quiet_call(2, person_name="George Tan"))
    async with dashboard_server(source, port=urlsplit(first).port or 0):
        await expect(page.locator("#connection")).to_have_text("Live", timeout=15_000)
        await expect(page.get_by_role("article")).to_have_count(1)
        await expect(page.get_by_role("article", name="George Tan")).to_be_visible()
        await context.close()


async def test_a_database_that_is_away_is_told_and_forgotten(chromium: Browser) -> None:
    source = CallsInMemory((quiet_call(),))
    async with dashboard_server(source) as base, opened(chromium, base) as page:
        source.failure = DatabaseUnavailable("The database refused the connection.")
        await expect(page.get_by_text("The database is away; calls still connect.")).to_be_visible()
        await expect(page.get_by_role("article", name="Margaret Hill")).to_be_visible()
        await expect(page.locator("#connection")).to_have_text("Live")

        source.failure = None
        await expect(page.get_by_text("The database is away")).to_have_count(0)


async def test_times_are_the_viewers_and_the_clock_on_the_line_runs(chromium: Browser) -> None:
    source = CallsInMemory((scam_call(started_at=datetime.now(UTC)),))
    async with (
        dashboard_server(source) as base,
        opened(chromium, base, timezone="Asia/Tokyo") as page,
    ):
        clock = page.locator("#alerts time").first
        await expect(clock).to_have_attribute("datetime", "2026-01-02T14:03:01+00:00")
        await expect(clock).to_have_text("2 Jan 2026, 23:03")

        on_the_line = page.locator("[data-since]")
        before = await on_the_line.text_content()
        await expect(on_the_line).not_to_have_text(before or "")


async def test_strangers_words_never_become_markup(chromium: Browser) -> None:
    hostile = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"
    source = CallsInMemory()
    async with dashboard_server(source) as base, opened(chromium, base) as page:
        source.show(scam_call(person_name=hostile, transcript=(said("caller", hostile),)))
        await expect(page.locator(".turn p")).to_have_text(hostile)
        assert "owned" not in await page.title()


async def test_a_link_on_another_site_opens_the_page(chromium: Browser) -> None:
    """A cookie for this site alone isn't sent along a redirect that another site began."""
    async with dashboard_server(CallsInMemory((quiet_call(),))) as base:
        context = await chromium.new_context()
        page = await context.new_page()
        elsewhere = base.replace("127.0.0.1", "localhost")
        address = f"{base}/dashboard?key={KEY}"
        await context.route(
            f"{elsewhere}/**",
            lambda route: route.fulfill(content_type="text/html", body=f'<a href="{address}">our calls</a>'),
        )
        await page.goto(f"{elsewhere}/letter")
        await page.get_by_text("our calls").click()
        await expect(page.get_by_role("article", name="Margaret Hill")).to_be_visible()
        await context.close()


async def test_without_the_key_the_browser_is_told_how_to_get_in(chromium: Browser) -> None:
    async with dashboard_server(CallsInMemory((quiet_call(),))) as base:
        page = await chromium.new_page()
        await page.goto(f"{base}/dashboard")
        await expect(page.get_by_role("heading", name="This page is locked")).to_be_visible()
        await page.close()


@pytest.mark.parametrize(
    ("name", "size", "scheme"),
    [
        ("desktop-light", DESKTOP, "light"),
        ("desktop-dark", DESKTOP, "dark"),
        ("phone-light", PHONE, "light"),
        ("phone-dark", PHONE, "dark"),
    ],
)
async def test_the_page_fits_desktop_and_phone_in_light_and_dark(
    chromium: Browser, name: str, size: ViewportSize, scheme: Scheme
) -> None:
    began = datetime.now(UTC) - timedelta(seconds=72)
    told = alert(created_at=began, sent_at=began, delivered_at=began, status="delivered")
    calls = (
        scam_call(1, started_at=began, alerts=(told,)),
        quiet_call(2, started_at=began, person_name="Maximiliana Featherstonehaugh"),
        scam_call(3, started_at=began, ended_at=datetime.now(UTC), alerts=()),
    )
    async with (
        dashboard_server(CallsInMemory(calls)) as base,
        opened(chromium, base, size=size, scheme=scheme) as page,
    ):
        await page.locator("#ended summary").click()
        await asyncio.gather(
            expect(page.get_by_role("article")).to_have_count(2),
            expect(page.get_by_role("row", name="Anna Hill")).to_be_visible(),
        )
        assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        background = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        lightness = sum(int(part) for part in background.strip("rgb()").split(",")) / 3
        assert (lightness < 64) is (scheme == "dark")
        await page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


async def test_a_slow_line_gets_its_stream_too(chromium: Browser) -> None:
    """The part that follows the stream comes long after the part that looks for what is to be followed."""
    async with dashboard_server(CallsInMemory((quiet_call(1),))) as base:
        context = await chromium.new_context()
        page = await context.new_page()

        looked = asyncio.Event()
        page.on("console", lambda _message: looked.set())

        async def late(route: Route) -> None:
            await looked.wait()
            await route.continue_()

        await page.add_init_script(TELL_WHEN_HTMX_HAS_LOOKED)
        await page.route("**/hx-sse.min.js", late)
        await page.goto(f"{base}/dashboard?key={KEY}")
        await expect(page.locator("#connection")).to_have_text("Live", timeout=10_000)
        await context.close()
