import hashlib
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator

from callguard.errors import ProtocolError
from callguard.intake.signature import SignatureGate
from callguard.intake.verified import MOST_BYTES, Form, verified

BASE = "https://calls.example.org"
TOKEN = "0123456789abcdef0123456789abcdef"
FORM = {"CallSid": "CA1", "From": "+12025550143", "City": "São Paulo"}
URLENCODED = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}


class Door:
    """A verified webhook, and what it was given."""

    def __init__(self) -> None:
        self.received: list[Form] = []

    async def __call__(self, _request: Request, form: Form) -> Response:
        self.received.append(form)
        if form.get("CallSid") == "broken":
            raise ProtocolError("The webhook names no call.")
        return Response(status_code=204)


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
async def client(door: Door) -> AsyncIterator[httpx.AsyncClient]:
    endpoint = verified(SignatureGate([TOKEN], BASE), door)
    app = Starlette(routes=[Route("/hook", endpoint, methods=["GET", "POST"])])
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://10.0.0.7:8000"
    ) as client:
        yield client


def signed(url: str, params: Mapping[str, str] | None = None) -> dict[str, str]:
    return {"x-twilio-signature": RequestValidator(TOKEN).compute_signature(url, params or {})}


async def test_a_signed_form_reaches_the_webhook(client: httpx.AsyncClient, door: Door) -> None:
    reply = await client.post("/hook", data=FORM, headers=signed(f"{BASE}/hook", FORM) | URLENCODED)

    assert reply.status_code == 204
    assert door.received == [FORM]


async def test_a_signed_get_reaches_the_webhook(client: httpx.AsyncClient, door: Door) -> None:
    query = urlencode(FORM)
    reply = await client.get(f"/hook?{query}", headers=signed(f"{BASE}/hook?{query}"))

    assert reply.status_code == 204
    assert door.received == [FORM]


async def test_signed_json_is_let_through_with_its_query(client: httpx.AsyncClient, door: Door) -> None:
    body = b'{"words": "hello"}'
    path = f"/hook?CallSid=CA1&bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = signed(BASE + path) | {"content-type": "application/json"}
    reply = await client.post(path, content=body, headers=headers)

    assert reply.status_code == 204
    assert door.received[0]["CallSid"] == "CA1"


async def test_nul_characters_which_the_database_refuses_are_taken_out(
    client: httpx.AsyncClient, door: Door
) -> None:
    form = {"CallSid": "CA\x001", "From": "\x00"}
    await client.post("/hook", data=form, headers=signed(f"{BASE}/hook", form) | URLENCODED)

    assert door.received == [{"CallSid": "CA1", "From": ""}]


@pytest.mark.promise("A1")
@pytest.mark.parametrize("headers", [{}, {"x-twilio-signature": "wrong"}, {"x-twilio-signature": ""}])
@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_what_is_not_signed_is_refused_and_goes_no_further(
    client: httpx.AsyncClient, door: Door, headers: dict[str, str], content_type: str, method: str
) -> None:
    reply = await client.request(
        method, "/hook?a=1", content=b"CallSid=CA1", headers=headers | {"content-type": content_type}
    )

    assert reply.status_code == 403
    assert door.received == []


async def test_files_are_refused_like_anything_that_is_not_signed(
    client: httpx.AsyncClient, door: Door
) -> None:
    reply = await client.post("/hook", files={"a": b"b"}, headers={"x-twilio-signature": "wrong"})

    assert reply.status_code == 403
    assert door.received == []


async def test_a_query_that_is_no_text_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/hook?a=%FF")).status_code == 403


async def test_a_changed_form_is_refused(client: httpx.AsyncClient, door: Door) -> None:
    changed = FORM | {"From": "+12025550144"}
    reply = await client.post("/hook", data=changed, headers=signed(f"{BASE}/hook", FORM) | URLENCODED)

    assert reply.status_code == 403
    assert door.received == []


async def test_what_breaks_the_protocol_is_told_of(client: httpx.AsyncClient) -> None:
    form = {"CallSid": "broken"}
    reply = await client.post("/hook", data=form, headers=signed(f"{BASE}/hook", form) | URLENCODED)

    assert reply.status_code == 400
    assert "names no call" in reply.text


@pytest.mark.promise("A1")
async def test_a_refusal_tells_nothing_of_what_was_sent(client: httpx.AsyncClient) -> None:
    reply = await client.post("/hook", data=FORM)

    assert FORM["From"] not in reply.text
    assert TOKEN not in reply.text


async def test_the_largest_webhook_is_taken(client: httpx.AsyncClient) -> None:
    form = {"a": "x" * (MOST_BYTES - 2)}
    reply = await client.post("/hook", data=form, headers=signed(f"{BASE}/hook", form) | URLENCODED)

    assert reply.status_code == 204


@pytest.mark.promise("A7")
@pytest.mark.parametrize("announced", [True, False])
async def test_a_larger_one_is_refused_whether_or_not_it_says_so(
    client: httpx.AsyncClient, door: Door, announced: bool
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MOST_BYTES // 1024 + 1):
            yield b"x" * 1024

    body = b"x" * (MOST_BYTES + 1) if announced else chunks()
    reply = await client.post("/hook", content=body, headers=URLENCODED)

    assert reply.status_code == 413
    assert door.received == []
