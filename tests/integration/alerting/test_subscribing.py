"""The page on which contacts turn alerts on: whoever holds the link may, for a day."""

import time
from uuid import uuid4

import httpx
import pytest

from callguard.bootstrap import Services
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from callguard.trust.contact_links import LIFETIME_SECONDS, PURPOSE, ContactLinks, LinkedContact
from tests.integration.population import rows, value
from tests.stand_ins.push_service import Browser

STORED = "SELECT count(*) FROM push_subscriptions"


def links_of(services: Services) -> ContactLinks:
    return ContactLinks(services.keys.derive(PURPOSE), services.settings.base_url)


async def link(stage: Stage, cluster: Cluster, *, age: float = 0) -> str:
    """Anna's."""
    assert stage.services is not None
    (anna,) = await rows(cluster, "SELECT tenant_id, id FROM emergency_contacts WHERE name = 'Anna'")
    return links_of(stage.services).url(LinkedContact(*anna), time.time() - age)


def browser(number: int = 1) -> Browser:
    return Browser(f"https://push.example.org/p/{number}")


async def test_a_browser_is_turned_on_again_and_off(stage: Stage, cluster: Cluster) -> None:
    address, one = await link(stage, cluster), browser()
    async with httpx.AsyncClient() as client:
        page = await client.get(address)
        on = [await client.put(address, json=one.subscription()) for _ in range(2)]
        assert await value(cluster, STORED) == 1
        off = await client.request("DELETE", address, json={"endpoint": one.endpoint})

    assert page.status_code == 200
    assert "on the calls of Margaret" in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert [reply.status_code for reply in (*on, off)] == [204, 204, 204]
    assert await value(cluster, STORED) == 0


async def test_five_browsers_and_no_more(stage: Stage, cluster: Cluster) -> None:
    address = await link(stage, cluster)
    async with httpx.AsyncClient() as client:
        replies = [await client.put(address, json=browser(n).subscription()) for n in range(6)]

    assert [reply.status_code for reply in replies] == [204] * 5 + [409]


@pytest.mark.parametrize("language", ["es", "fr", "de", "pt"])
async def test_the_page_speaks_the_persons_language(stage: Stage, cluster: Cluster, language: str) -> None:
    await rows(cluster, "UPDATE users SET language = $1, name = '<b>Ana'", language)
    async with httpx.AsyncClient() as client:
        page = (await client.get(await link(stage, cluster))).text

    assert f'<html lang="{language}">' in page
    assert "Alerts on this device" not in page
    assert "&lt;b&gt;Ana" in page


async def test_a_link_that_is_old_forged_or_of_nobody_opens_nothing(stage: Stage, cluster: Cluster) -> None:
    assert stage.services is not None
    fresh = await link(stage, cluster)
    stranger = links_of(stage.services).url(LinkedContact(DEMO_FAMILY.tenant_id, uuid4()), time.time())
    forged = ContactLinks(bytes(32), stage.services.settings.base_url).url(
        LinkedContact(DEMO_FAMILY.tenant_id, uuid4()), time.time()
    )
    old = await link(stage, cluster, age=LIFETIME_SECONDS + 1)
    async with httpx.AsyncClient() as client:
        pages = [
            await client.get(address) for address in (old, forged, fresh[:-4], stranger, fresh[:-30] + "é")
        ]
        puts = [
            await client.put(address, json=browser().subscription()) for address in (old, forged, fresh[:-4])
        ]
        unknown = await client.put(stranger, json=browser().subscription())

    assert {page.status_code for page in pages} == {put.status_code for put in puts} == {404}
    assert {page.text for page in pages} == {pages[0].text}
    assert "This link has ended" in pages[0].text
    assert unknown.status_code == 409
    assert await value(cluster, STORED) == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"endpoint": "https://push.example.org/1"}',
        b'{"endpoint": "https://169.254.169.254/latest", "p256dh": "AA", "auth": "AA"}',
        b'{"endpoint": "' + b"x" * 9000 + b'"}',
    ],
)
async def test_what_is_no_subscription_is_refused(stage: Stage, cluster: Cluster, body: bytes) -> None:
    async with httpx.AsyncClient() as client:
        reply = await client.put(await link(stage, cluster), content=body)

    assert reply.status_code == 400
    assert await value(cluster, STORED) == 0


async def test_the_worker_is_served_above_its_page(stage: Stage) -> None:
    assert stage.services is not None
    async with httpx.AsyncClient(base_url=stage.services.settings.base_url) as client:
        for path in ("/app/worker.js", "/app/static/app.js", "/app/static/app.css"):
            reply = await client.get(path)
            assert reply.status_code == 200, path
        assert "javascript" in (await client.get("/app/worker.js")).headers["Content-Type"]
