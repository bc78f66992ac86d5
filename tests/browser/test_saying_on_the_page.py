"""An ended call's buttons in a real Chromium: no reload, and nothing is objected to."""

from dataclasses import replace

import pytest
from playwright.async_api import Browser, expect

from callguard.dashboard.snapshot import LiveFeedback
from callguard.domain.feedback import Answer
from tests.browser.test_live_page import opened
from tests.unit.dashboard.live_calls import NOW, CallsInMemory, dashboard_server, quiet_call

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_button_says_what_the_call_was_and_the_page_stays(chromium: Browser) -> None:
    call = quiet_call(ended_at=NOW, status="ended")
    source = CallsInMemory((call,))
    async with dashboard_server(source) as base, opened(chromium, base) as page:
        await page.evaluate("window.loadedOnce = true")
        await page.locator(f"#ended-{call.id} summary").click()
        async with page.expect_response("**/dashboard/feedback/**") as answered:
            await page.get_by_role("button", name="It was fine").click()
        assert (await answered.value).status == 204
        assert source.said == [(call.id, Answer.NOT_SCAM)]
        source.show(replace(call, feedback=(LiveFeedback("not_scam", "dashboard", None, NOW),)))
        await expect(page.locator(f"#ended-{call.id} .said")).to_have_text("On this page: it was fine")
        await expect(page.get_by_role("button", name="It was fine")).to_be_visible()
        assert await page.evaluate("window.loadedOnce")
