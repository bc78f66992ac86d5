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

import pytest
import pytest_asyncio
from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, Page, expect

from callguard.local.postgres import Cluster
from callguard.local.stage import Stage, in_process
from callguard.trust.contact_links import PURPOSE, ContactLinks, LinkedContact
from tests.conftest import TEMPLATE, settings_for
from tests.integration.population import rows
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
    (anna,) = await rows(cluster, "SELECT tenant_id, id FROM emergency_contacts WHERE name = 'Anna'")
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


async def test_what_arrives_is_shown(chromium: Chromium, house: tuple[Stage, Cluster]) -> None:
    """Delivered to the worker as Chromium's push service would, by its developer tools."""
    alert = {"title": "callguard ALERT", "body": "Margaret is on the phone", "tag": "A1B2C3"}
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

        tools.on("ServiceWorker.workerRegistrationUpdated", seen)
        await tools.send("ServiceWorker.enable")
        origin = await page.evaluate("location.origin")
        for _ in range(2):
            await tools.send(
                "ServiceWorker.deliverPushMessage",
                {
                    "origin": origin,
                    "registrationId": await asyncio.wait_for(registered, 10),
                    "data": json.dumps(alert),
                },
            )
        await page.wait_for_function(
            "navigator.serviceWorker.ready.then(r => r.getNotifications()).then(n => n.length > 0)"
        )
        shown = await page.evaluate(
            "navigator.serviceWorker.ready.then(r => r.getNotifications())"
            ".then(all => all.map(({title, body, tag}) => ({title, body, tag})))"
        )
    assert shown == [alert]
