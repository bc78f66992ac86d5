"""The webhooks over HTTP with a recorder in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

import httpx
from starlette.applications import Starlette
from twilio.request_validator import RequestValidator

from callguard.domain.facts import (
    AnyFact,
    CallArrived,
    CallerScreened,
)
from callguard.domain.policy import MONITORED, Consent
from callguard.errors import CallguardError
from callguard.intake.endpoints import Intake
from callguard.intake.recorder import Recorder
from callguard.intake.records import Arrival
from callguard.intake.routes import RouteBook
from callguard.intake.screening import Screened
from callguard.intake.signature import SignatureGate
from callguard.intake.twiml import Twiml
from callguard.trust.passes import PassIssuer
from callguard.trust.sealing import Sealer
from tests.unit.intake.stored_routes import MARGARET

BASE = "https://calls.example.org"
TOKEN = "0123456789abcdef0123456789abcdef"
CALL = "CA0123456789abcdef0123456789abcdef"
LEG = "CAfedcba9876543210fedcba9876543210"
INCOMING = {
    "CallSid": CALL,
    "From": "+12025550143",
    "To": MARGARET.twilio_number,
    "CallStatus": "ringing",
    "CallToken": "%7B%22parentCallInfoToken%22%3A%22a%22%7D",
}


class RecorderInMemory:
    """What a recorder was told, and the ways in which it can fail."""

    def __init__(self) -> None:
        self.arrivals: list[CallArrived] = []
        self.recorded: list[AnyFact] = []
        self.spooled: list[AnyFact] = []
        self.arrival = Arrival(MARGARET, "User-1-2", Consent.OFF, looping=False)
        self.screening = Screened("User-1-2", "fr", Consent.OFF, MONITORED)
        self.failure: Exception | None = None
        self.spool_failure: CallguardError | None = None

    async def arrive(self, fact: CallArrived) -> Arrival:
        if self.failure is not None:
            raise self.failure
        self.arrivals.append(fact)
        return self.arrival

    async def screened(self, fact: CallerScreened) -> Screened:
        if self.failure is not None:
            raise self.failure
        self.recorded.append(fact)
        return self.screening

    async def record(self, fact: AnyFact) -> None:
        if self.spool_failure is not None:
            raise self.spool_failure
        self.recorded.append(fact)

    async def spool(self, fact: AnyFact) -> None:
        if self.spool_failure is not None:
            raise self.spool_failure
        self.spooled.append(fact)


class Server:
    """The webhooks over HTTP, signed as Twilio signs them."""

    def __init__(self, recorder: RecorderInMemory, client: httpx.AsyncClient, routes: RouteBook) -> None:
        self.recorder = recorder
        self.routes = routes
        self._client = client

    async def post(self, path: str, form: dict[str, str]) -> httpx.Response:
        signature = RequestValidator(TOKEN).compute_signature(BASE + path, form)
        return await self._client.post(path, data=form, headers={"x-twilio-signature": signature})

    async def ring(self, **changes: str) -> Element:
        reply = await self.post("/incoming-call", INCOMING | changes)
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/xml")
        return ET.fromstring(reply.content)


@asynccontextmanager
async def intake_server(folder: Path) -> AsyncIterator[Server]:
    recorder, routes = RecorderInMemory(), RouteBook(folder / "routes.sealed", Sealer(bytes(32)))
    intake = Intake(cast("Recorder", recorder), routes, Twiml(BASE, PassIssuer(b"k" * 32), {}))
    app = Starlette(routes=intake.http_routes(SignatureGate([TOKEN], BASE)))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://10.0.0.7:8000"
    ) as client:
        yield Server(recorder, client, routes)


def text_of(root: Element, path: str) -> str | None:
    element = root.find(path)
    return None if element is None else element.text
