import asyncio
from http.cookies import SimpleCookie

import httpx
import pytest
from starlette.applications import Starlette

from callguard.dashboard.routes import dashboard_routes
from callguard.errors import ConfigurationError
from tests.unit.dashboard.live_calls import KEY, CallsInMemory, quiet_call


def browser(
    *, secure: bool = False, key: str = KEY, stopping: asyncio.Event | None = None
) -> httpx.AsyncClient:
    """A visitor without cookies."""
    source = CallsInMemory((quiet_call(),))
    stopping = stopping or asyncio.Event()
    routes = dashboard_routes(source, source.say, key=key, secure=secure, stopping=stopping)
    scheme = "https" if secure else "http"
    transport = httpx.ASGITransport(app=Starlette(routes=routes))
    return httpx.AsyncClient(transport=transport, base_url=f"{scheme}://calls.example.org")


@pytest.mark.parametrize(
    "address",
    [
        "/dashboard",
        "/dashboard?key=",
        "/dashboard?key=wrong",
        f"/dashboard?key={KEY}x",
        "/dashboard?key=%C3%A9",
        "/dashboard?other=1",
    ],
)
async def test_without_the_key_the_page_is_locked(address: str) -> None:
    async with browser() as visitor:
        reply = await visitor.get(address)

    assert reply.status_code == 401
    assert "callguard serve" in reply.text
    assert "Margaret" not in reply.text
    assert "set-cookie" not in reply.headers
    assert reply.headers["cache-control"] == "no-store"


async def test_without_the_key_nothing_is_streamed() -> None:
    async with browser() as visitor:
        reply = await visitor.get("/dashboard/events")

    assert reply.status_code == 401
    assert "Margaret" not in reply.text


async def test_the_key_opens_the_page_and_leaves_the_address() -> None:
    async with browser() as visitor:
        opened = await visitor.get("/dashboard", params={"key": KEY})
        page = await visitor.get(opened.headers["location"])

    assert opened.status_code == 303
    assert opened.headers["location"] == "/dashboard"
    assert page.status_code == 200
    assert "Margaret Hill" in page.text
    assert KEY not in page.text


@pytest.mark.parametrize("secure", [True, False])
async def test_the_cookie_is_kept_from_scripts_and_other_sites_and_is_not_the_key(secure: bool) -> None:
    async with browser(secure=secure) as visitor:
        opened = await visitor.get("/dashboard", params={"key": KEY})

    (cookie,) = SimpleCookie(opened.headers["set-cookie"]).values()
    assert KEY not in cookie.value
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "strict"
    assert bool(cookie["secure"]) is secure
    assert cookie["path"] == "/dashboard"


async def test_another_keys_cookie_does_not_open() -> None:
    async with browser(key="yesterday's key") as visitor:
        opened = await visitor.get("/dashboard", params={"key": "yesterday's key"})
    old = SimpleCookie(opened.headers["set-cookie"])

    async with browser() as visitor:
        visitor.cookies.update({name: morsel.value for name, morsel in old.items()})
        page, stream = await visitor.get("/dashboard"), await visitor.get("/dashboard/events")

    assert (page.status_code, stream.status_code) == (401, 401)


async def test_the_key_itself_is_no_cookie() -> None:
    async with browser() as visitor:
        visitor.cookies.set("callguard_dashboard", KEY)
        assert (await visitor.get("/dashboard")).status_code == 401


async def test_from_a_link_on_another_site_the_page_goes_on_by_itself() -> None:
    """A redirect would leave the strict cookie behind."""
    async with browser() as visitor:
        opened = await visitor.get(
            "/dashboard", params={"key": KEY}, headers={"sec-fetch-site": "cross-site"}
        )

    assert opened.status_code == 200
    assert 'content="0; url=/dashboard"' in opened.text
    assert "Margaret" not in opened.text
    assert "set-cookie" in opened.headers


async def test_every_reply_keeps_to_itself() -> None:
    async with browser() as visitor:
        await visitor.get("/dashboard", params={"key": KEY})
        page = await visitor.get("/dashboard")

    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"
    policy = page.headers["content-security-policy"].split("; ")
    assert {"default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} <= set(
        policy
    )
    assert "unsafe" not in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "file",
    [
        "callguard.css",
        "live.js",
        "shield.svg",
        "vendor/htmx/htmx.min.js",
        "vendor/htmx/hx-sse.min.js",
        "vendor/pico/pico.min.css",
    ],
)
async def test_static_files_need_no_key(file: str) -> None:
    async with browser() as visitor:
        reply = await visitor.get(f"/dashboard/static/{file}")

    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-cache"
    assert reply.headers["x-content-type-options"] == "nosniff"


async def test_a_stopping_server_says_so() -> None:
    stopping = asyncio.Event()
    async with browser(stopping=stopping) as visitor:
        await visitor.get("/dashboard", params={"key": KEY})
        stopping.set()
        assert (await visitor.get("/dashboard")).status_code == 503


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="CALLGUARD_DASHBOARD_KEY"):
        dashboard_routes(CallsInMemory(), CallsInMemory().say, key="", secure=False, stopping=asyncio.Event())
