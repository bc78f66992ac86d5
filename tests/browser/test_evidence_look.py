"""The evidence page in a real Chromium, on a small phone: readable, answerable, and nothing objected to."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, Request, ViewportSize, expect

from callguard.evidence.page import HEADERS, render, render_gone
from callguard.evidence.source import Answer, Evidence, Part, Quotation

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SCREENSHOTS = Path(__file__).parent / "screenshots"
Scheme = Literal["light", "dark"]
PHONE = ViewportSize(width=320, height=640)
ADDRESS = "https://calls.example.org/e/token"
NOW = datetime(2026, 1, 2, 14, 3, 5, tzinfo=UTC)


def evidence(language: str) -> Evidence:
    return Evidence(
        alert_id=UUID(int=1),
        tenant_id=UUID(int=2),
        language=language,
        time_zone="Europe/Berlin",
        first_name="Margaret",
        caller="+12025550199",
        attestation="A",
        verdict="SCAM",
        risk=91,
        fraud_type="government",
        quotations=(
            Quotation("there is a warrant for your arrest", 12.0),
            Quotation("go to the store and buy gift cards and read me … on the back", 74.5),
        ),
        parts=(
            Part("attestation", "measured", None, ()),
            Part("deepfake", "not available yet", None, ()),
            Part("local_scorer", "measured", 88, ("authority", "fear", "payment")),
            Part("llm", "measured", 91, ("urgency", "secrecy")),
        ),
        started_at=NOW - timedelta(minutes=3),
        alerted_at=NOW - timedelta(minutes=1),
        ended_at=None,
        is_live=True,
        is_safe=False,
        may_act=True,
        answered=False,
        answers=(Answer("Ben", "call", NOW),),
    )


@asynccontextmanager
async def opened(
    browser: Browser, html: str, scheme: Scheme = "light"
) -> AsyncGenerator[tuple[Page, list[Request]]]:
    """The page as our server sends it, and the requests it makes; the browser must not object to anything."""
    context = await browser.new_context(viewport=PHONE, color_scheme=scheme, device_scale_factor=2)
    objections: list[str] = []
    asked: list[Request] = []
    context.on("console", lambda message: objections.append(message.text))
    context.on("weberror", lambda error: objections.append(str(error.error)))
    page = await context.new_page()
    page.on("request", lambda request: asked.append(request))  # noqa: PLW0108  # playwright marks its handlers, and a list's method takes no mark
    await page.route(
        "**/*", lambda route: route.fulfill(body=html, headers=HEADERS, content_type="text/html")
    )
    await page.goto(ADDRESS)
    yield page, asked
    await context.close()
    assert objections == []


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("de", "dark"), ("fr", "light")])
async def test_it_fits_a_small_phone_and_asks_for_nothing_else(
    chromium: Browser, language: str, scheme: Scheme
) -> None:
    async with opened(chromium, render(evidence(language), "form"), scheme) as (page, asked):
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        await expect(page.get_by_role("button")).to_have_count(5)
        for button in await page.get_by_role("button").all():
            box = await button.bounding_box()
            assert box is not None
            assert box["height"] >= 44
        styled = "getComputedStyle(document.querySelector('h1')).fontWeight"
        assert int(await page.evaluate(styled)) >= 600
        assert await page.evaluate("getComputedStyle(document.body).margin") == "0px"
        await page.screenshot(path=SCREENSHOTS / f"evidence-{language}-{scheme}.png", full_page=True)
        assert {request.url for request in asked} == {ADDRESS}


async def test_a_button_sends_its_answer_and_what_only_the_page_has(chromium: Browser) -> None:
    async with opened(chromium, render(evidence("en"), "0123abcd")) as (page, asked):
        await page.get_by_role("button", name="Hang up on the caller").click()
        await page.wait_for_load_state()

        (post,) = [request for request in asked if request.method == "POST"]
        assert post.url == ADDRESS
        assert parse_qs(post.post_data or "") == {"form": ["0123abcd"], "action": ["hang_up"]}
        assert "referer" not in post.headers


async def test_a_link_that_is_no_longer_valid_says_so(chromium: Browser) -> None:
    async with opened(chromium, render_gone()) as (page, _):
        await expect(page.get_by_text("Please ring the person yourself.")).to_be_visible()
        await expect(page.get_by_role("button")).to_have_count(0)
