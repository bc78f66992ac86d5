"""A server behind a public address of its own: what counts is what was signed, whatever the request says of
itself.
"""

import hashlib
import math
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import httpx
import pytest
from pydantic import SecretStr
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from callguard.config import Settings
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage, in_process
from tests.integration.media.stream_bench import CONNECTED, close_code, send, start, stop
from tests.integration.population import value
from tests.integration.webhooks import new_call_sid, ringing

# Nobody listens there: what the stand-in wants to tell of these calls is refused at once.
PUBLIC = "https://127.0.0.2"
SECONDARY = "fedcba9876543210fedcba9876543210"
SPOOFED = [
    {"Host": "evil.example.com"},
    {"X-Forwarded-Host": "evil.example.com"},
    {"X-Forwarded-Proto": "http", "X-Forwarded-Port": "80"},
    {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"},
    {"X-Forwarded-Prefix": "/another", "X-Original-URL": "/health", "X-Rewrite-URL": "/health"},
    {"Forwarded": "for=127.0.0.1;host=evil.example.com;proto=http"},
    {"X-HTTP-Method-Override": "GET"},
]


@pytest.fixture
async def public(settings: Settings) -> AsyncIterator[Stage]:
    """A server that is reached at PUBLIC, its proxy being this test, while its token is rotated."""
    facing = settings.model_copy(
        update={"public_base_url": PUBLIC, "twilio_auth_token_secondary": SecretStr(SECONDARY)}
    )
    async with in_process(facing, speed=math.inf) as stage:
        yield stage


@pytest.fixture
async def proxy(public: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{_port(public)}", timeout=10) as client:
        yield client


def _port(stage: Stage) -> int:
    assert stage.services is not None
    return stage.services.settings.port


def _token(stage: Stage) -> str:
    assert stage.services is not None
    return stage.services.keys.twilio_auth_token


def _signed(url: str, params: dict[str, str] | None, token: str) -> dict[str, str]:
    return {"X-Twilio-Signature": RequestValidator(token).compute_signature(url, params or {})}


async def _calls(cluster: Cluster) -> object:
    return await value(cluster, "SELECT count(*) FROM active_calls")


@pytest.mark.promise("A3", "A4")
async def test_either_token_signs_for_the_public_address_and_no_header_changes_it(
    public: Stage, proxy: httpx.AsyncClient, cluster: Cluster
) -> None:
    for number, spoofed in enumerate(SPOOFED):
        form = ringing(new_call_sid(), From=f"+120255501{30 + number}")
        token = (_token(public), SECONDARY)[number % 2]
        signed = _signed(f"{PUBLIC}/incoming-call", form, token)
        assert (await proxy.post("/incoming-call", data=form, headers=signed | spoofed)).status_code == 200
    assert await _calls(cluster) == len(SPOOFED)


@pytest.mark.promise("A1", "A4")
async def test_a_signature_for_another_address_or_body_is_refused(
    public: Stage, proxy: httpx.AsyncClient, cluster: Cluster
) -> None:
    form = ringing(new_call_sid())
    for base in ("http://evil.example.com", "https://evil.example.com", str(proxy.base_url).rstrip("/")):
        signed = _signed(f"{base}/incoming-call", form, _token(public))
        for spoofed in SPOOFED:
            reply = await proxy.post("/incoming-call", data=form, headers=signed | spoofed)
            assert reply.status_code == 403
    assert await _calls(cluster) == 0

    # A JSON body is held to the hash in its signed address.
    body = b'{"event": "added next year"}'
    query = urlencode(form | {"bodySHA256": hashlib.sha256(body).hexdigest()})
    target = f"/incoming-call?{query}"
    as_json = {"Content-Type": "application/json"} | _signed(PUBLIC + target, None, _token(public))
    assert (await proxy.post(target, content=body + b" ", headers=as_json)).status_code == 403
    assert (await proxy.post(target, content=body, headers=as_json)).status_code == 200


@pytest.mark.promise("A3")
async def test_when_its_time_is_over_the_secondary_token_opens_nothing(settings: Settings) -> None:
    over = settings.model_copy(
        update={
            "twilio_auth_token_secondary": SecretStr(SECONDARY),
            "twilio_auth_token_secondary_until": datetime.now(UTC) - timedelta(seconds=1),
        }
    )
    async with in_process(over, speed=math.inf) as stage, httpx.AsyncClient(timeout=10) as client:
        url, form = f"http://127.0.0.1:{_port(stage)}/incoming-call", ringing(new_call_sid())
        for token, status in ((SECONDARY, 403), (_token(stage), 200)):
            assert (
                await client.post(url, data=form, headers=_signed(url, form, token))
            ).status_code == status


async def _stream_token(stage: Stage, proxy: httpx.AsyncClient, sid: str, caller: str) -> str:
    """As the TwiML of a call gives it to Twilio."""
    form = ringing(sid, From=caller)
    signed = _signed(f"{PUBLIC}/incoming-call", form, _token(stage))
    response = ET.fromstring((await proxy.post("/incoming-call", data=form, headers=signed)).text)
    stream = response.find("Start/Stream")
    assert stream is not None
    assert stream.get("url") == f"wss{PUBLIC.removeprefix('https')}/media-stream"
    parameter = stream.find("Parameter")
    assert parameter is not None
    return str(parameter.get("value"))


def _socket(stage: Stage, headers: dict[str, str]) -> connect:
    return connect(f"ws://127.0.0.1:{_port(stage)}/media-stream", additional_headers=headers)


async def _streams(ws: ClientConnection, sid: str, token: str) -> int | None:
    await send(ws, CONNECTED, start(sid, token), stop(sid))
    return await close_code(ws)


@pytest.mark.promise("A1", "A3", "A6")
async def test_a_stream_is_let_in_by_every_way_of_signing_its_address_and_by_its_token_once(
    public: Stage, proxy: httpx.AsyncClient, cluster: Cluster
) -> None:
    variants = [f"wss://127.0.0.2{port}/media-stream{slash}" for port in ("", ":443") for slash in ("", "/")]
    for number, url in enumerate(variants):
        sid = new_call_sid()
        token = await _stream_token(public, proxy, sid, f"+120255501{30 + number}")
        signed = _signed(url, None, (_token(public), SECONDARY)[number % 2])
        async with _socket(public, signed) as ws:
            assert await _streams(ws, sid, token) == 1000
        async with _socket(public, signed) as again:
            assert await _streams(again, sid, token) == 1008
        other = new_call_sid()
        fresh = await _stream_token(public, proxy, other, f"+120255501{40 + number}")
        async with _socket(public, signed) as elsewhere:
            assert await _streams(elsewhere, sid, fresh) == 1008
    assert await value(cluster, "SELECT count(*) FROM media_streams") == len(variants)


@pytest.mark.promise("A1", "A6")
async def test_a_stream_without_its_addresss_signature_is_not_opened(public: Stage, cluster: Cluster) -> None:
    elsewhere = ("ws://127.0.0.1/media-stream", f"{PUBLIC}/media-stream")
    for headers in ({}, *(_signed(url, None, _token(public)) for url in elsewhere)):
        with pytest.raises(InvalidStatus) as refused:
            await _socket(public, headers)
        assert refused.value.response.status_code == 403
    assert await value(cluster, "SELECT count(*) FROM media_streams") == 0
