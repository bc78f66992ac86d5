"""The server is down or frozen (F1, F2): Twilio connects caller and person without it."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict

import pytest
from aiohttp import web

from callguard.cli.numbers import fallback_twiml
from callguard.db.pool import Database
from callguard.domain.delivery import Delivery
from callguard.domain.transcript import Speaker
from callguard.intake.routes import Route
from callguard.local.family import DEMO_FAMILY, handsets, move_in
from callguard.local.postgres import Cluster
from callguard.local.twilio import (
    Account,
    CallPlan,
    CallRecord,
    DialogueConversation,
    Handset,
    Outcome,
    PhoneNumber,
    SpokenTurn,
    TwilioStandIn,
)
from callguard.telephony.numbers import wanted_settings
from tests.integration.cli.conftest import Shell
from tests.integration.cli.test_serve import free_port
from tests.integration.population import value

ACCOUNT = Account(sid=f"AC{'5' * 32}", auth_token="7" * 32)
SECOND = "+12025550111"
# The call's webhook is repeated once.
ATTEMPTS = 2
ROUTE = Route(
    twilio_number=DEMO_FAMILY.twilio_number,
    user_id=DEMO_FAMILY.tenant_id,
    phone_number=DEMO_FAMILY.phone_number,
    language="en",
    announce=True,
    deliveries=(
        Delivery("same_number", DEMO_FAMILY.phone_number, looping=True),
        Delivery("second_number", SECOND),
    ),
)


@asynccontextmanager
async def static_file(content: str) -> AsyncIterator[str]:
    """A file elsewhere, which answers a GET and nothing else; its address."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=content, content_type="text/xml")

    app = web.Application()
    app.router.add_get("/dial.xml", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port := free_port())
    await site.start()
    try:
        yield f"http://127.0.0.1:{port}/dial.xml"
    finally:
        await runner.cleanup()


async def called(server_url: str, *, hurried: bool = False) -> CallRecord:
    """A call to a number that is set as it must be; `hurried` waits a tenth as long for any answer."""
    async with static_file(fallback_twiml(server_url, ROUTE)) as fallback_url:
        settings = asdict(wanted_settings(server_url, fallback_url))
        if hurried:
            settings = {name: said.replace("000&rc", "00&rc") for name, said in settings.items()}
        number = PhoneNumber(DEMO_FAMILY.twilio_number, **settings)
        phones = handsets()
        phones.put(Handset(SECOND))
        async with TwilioStandIn(ACCOUNT, phone_book=phones, numbers=[number], speed=50) as stand_in:
            said = DialogueConversation([SpokenTurn(Speaker.CALLER, "hi mom it is anna")])
            plan = CallPlan("+12025550199", DEMO_FAMILY.twilio_number, said, stir="A")
            return await stand_in.place_call(plan)


def reached(record: CallRecord) -> list[tuple[str, str]]:
    """Whom the caller came to speak with, and whose number that phone showed."""
    return [(leg.to_number, leg.from_number) for leg in record.legs[1:] if leg.status == "completed"]


@pytest.mark.promise("F1")
async def test_a_call_connects_while_the_port_is_closed() -> None:
    record = await called(f"http://127.0.0.1:{free_port()}")
    assert record.outcome is Outcome.COMPLETED
    assert reached(record) == [(SECOND, "+12025550199")]


@pytest.mark.promise("F2")
async def test_a_call_connects_while_the_server_is_frozen_and_is_not_rung_again_after(
    shell: Shell, cluster: Cluster
) -> None:
    where = {
        "DATABASE_URL": cluster.owner_dsn,
        "DATABASE_APP_URL": cluster.app_dsn,
        "TWILIO_ACCOUNT_SID": ACCOUNT.sid,
        "TWILIO_AUTH_TOKEN": ACCOUNT.auth_token,
        "TWILIO_API_URL": f"http://127.0.0.1:{free_port()}",
    }
    async with shell.serving("--port", "0", **where) as server:
        database = Database(cluster.app_dsn, size=2)
        await move_in(database)
        await database.close()
        server.process.send_signal(signal.SIGSTOP)
        try:
            record = await called(server.url, hurried=True)
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert server.process.stderr is not None
        async with asyncio.timeout(20):
            for _ in range(ATTEMPTS):
                while b"call_left_to_the_fallback" not in (line := await server.process.stderr.readline()):
                    assert line, "the server ended"
        assert await value(cluster, "SELECT count(*) FROM active_calls") == 0
    assert record.outcome is Outcome.COMPLETED
    assert reached(record) == [(SECOND, "+12025550199")]
