"""Alerts are turned on and off in a real Chromium, whose service worker shows what arrives."""

import asyncio
import json
import math
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, Page, expect

from callguard.alerting.push import RECEIPT_PATH
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage, in_process
from callguard.trust.contact_links import PURPOSE, ContactLinks, LinkedContact
from callguard.trust.links import AlertLinks
from tests.conftest import TEMPLATE, settings_for
from tests.integration.eventually import eventually
from tests.integration.population import household, open_call, rows, value
from tests.stand_ins.push_service import Browser

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# Chromium's own push service is out of reach here, so the page gets a subscription of ours in place of one
# from there. All else is the browser's: permission, service worker, requests, notification.
SUBSCRIPTION = """
(() => {
  const given = %s;
  let held = null;
  const made = {
    endpoint: given.endpoint,
    toJSON: () => ({endpoint: given.endpoint, keys: {p256dh: given.p256dh, auth: given.auth}}),
    unsubscribe: async () => { held = null; return true; },
  };
  PushManager.prototype.getSubscription = async () => held;
  PushManager.prototype.subscribe = async (options) => { window.asked = options; held = made; return held; };
})();
"""


@pytest_asyncio.fixture(loop_scope="session")
async def house(postgres: Cluster, tmp_path: Path) -> AsyncIterator[tuple[Stage, Cluster]]:
    """A server with the demo family, on the loop that the browser is on."""
    name = f"test_{secrets.token_hex(6)}"
    await rows(postgres, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    cluster = replace(
        postgres,
        owner_dsn=postgres.owner_dsn.replace("/callguard?", f"/{name}?"),
        app_dsn=postgres.app_dsn.replace("/callguard?", f"/{name}?"),
    )
    async with in_process(settings_for(cluster, tmp_path), speed=math.inf) as stage:
        yield stage, cluster
    await rows(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def opened(
    chromium: Chromium, house: tuple[Stage, Cluster], browser: Browser, *permissions: str
) -> AsyncIterator[tuple[BrowserContext, Page]]:
    """Anna's page; at the end the browser must not have objected to anything."""
    stage, cluster = house
    assert stage.services is not None
    base_url = stage.services.settings.base_url
    found = "SELECT tenant_id, id FROM emergency_contacts WHERE phone_number = $1"
    (anna,) = await rows(cluster, found, DEMO_FAMILY.relatives[0].phone_number)
    links = ContactLinks(stage.services.keys.derive(PURPOSE), base_url)
    context = await chromium.new_context(permissions=list(permissions), locale="en-GB")
    objections: list[str] = []
    context.on("console", lambda message: objections.append(message.text))
    context.on("weberror", lambda error: objections.append(str(error.error)))
    await context.add_init_script(SUBSCRIPTION % json.dumps(browser.subscription()))
    page = await context.new_page()
    await page.goto(links.url(LinkedContact(*anna), time.time()))
    yield context, page
    await context.close()
    assert objections == []


async def endpoints(cluster: Cluster) -> list[str]:
    return [row["endpoint"] for row in await rows(cluster, "SELECT endpoint FROM push_subscriptions")]


async def test_on_and_off(chromium: Chromium, house: tuple[Stage, Cluster]) -> None:
    browser = Browser("https://push.example.org/p/1")
    async with opened(chromium, house, browser, "notifications") as (_, page):
        state = page.get_by_role("status")
        await expect(state).to_have_text("Alerts are off for this device.")
        await page.get_by_role("button", name="Turn alerts on").click()
        await expect(state).to_have_text("Alerts are on for this device.")
        assert await endpoints(house[1]) == [browser.endpoint]
        asked = await page.evaluate("window.asked")
        assert asked["userVisibleOnly"] is True
        assert len(asked["applicationServerKey"]) == 87

        await page.get_by_role("button", name="Turn alerts off").click()
        await expect(state).to_have_text("Alerts are off for this device.")
        assert await endpoints(house[1]) == []


async def test_a_browser_that_may_not_notify_says_so(
    chromium: Chromium, house: tuple[Stage, Cluster]
) -> None:
    async with opened(chromium, house, Browser("https://push.example.org/p/1")) as (_, page):
        await page.get_by_role("button", name="Turn alerts on").click()
        await expect(page.get_by_role("status")).to_contain_text("This browser blocks notifications.")
    assert await endpoints(house[1]) == []


async def test_what_arrives_is_shown_and_the_server_told(
    chromium: Chromium, house: tuple[Stage, Cluster]
) -> None:
    """Delivered to the worker as Chromium's push service would, by its developer tools."""
    stage, cluster = house
    assert stage.services is not None
    alert_id = await waiting_alert(stage)
    receipts = AlertLinks(stage.services.keys.derive("push receipts"), stage.services.settings.base_url)
    looks = {"title": "callguard ALERT", "body": "Margaret is on the phone", "tag": "A1B2C3"}
    pushed = json.dumps(looks | {"receipt": RECEIPT_PATH + receipts.token(alert_id), "url": ""})
    async with opened(chromium, house, Browser("https://push.example.org/p/1"), "notifications") as (
        context,
        page,
    ):
        await expect(page.get_by_role("button", name="Turn alerts on")).to_be_visible()
        tools = await context.new_cdp_session(page)
        registered: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def seen(event: dict[str, Any]) -> None:
            for registration in event["registrations"]:
                if not registered.done():
                    registered.set_result(registration["registrationId"])

        async def shown() -> list[dict[str, str]]:
            found: list[dict[str, str]] = await page.evaluate(
                "navigator.serviceWorker.ready.then(r => r.getNotifications())"
                ".then(all => all.map(({title, body, tag}) => ({title, body, tag})))"
            )
            return found

        tools.on("ServiceWorker.workerRegistrationUpdated", seen)
        await tools.send("ServiceWorker.enable")
        push = {
            "origin": await page.evaluate("location.origin"),
            "registrationId": await asyncio.wait_for(registered, 30),
            "data": pushed,
        }
        for _ in range(2):
            await tools.send("ServiceWorker.deliverPushMessage", push)
            await eventually(shown, lambda found: found == [looks], 60)
        status = "SELECT status FROM alerts WHERE id = $1"
        await eventually(lambda: value(cluster, status, alert_id), lambda found: found == "delivered")


async def waiting_alert(stage: Stage) -> UUID:
    """An alert of some other family's."""
    home = await household(stage.database, 1)
    call_id = await open_call(stage.database, home, 1)
    verdict: list[object] = [["irs"], "The IRS.", {}, 90.0, True, "SCAM", "government", "So.", [], {}, 1]
    async with stage.database.tenant(home.tenant_id) as session:
        analysis_id = await session.value("analyses.add", home.tenant_id, call_id, *verdict)
        alert_id: UUID = await session.value(
            "alerts.add", home.tenant_id, call_id, analysis_id, home.contact_id, "danger", "app_notification"
        )
    return alert_id
