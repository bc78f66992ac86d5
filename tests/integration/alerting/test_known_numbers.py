"""However many strangers write, and whatever they want: only the family's own numbers are reached."""

import asyncio

import pytest

from callguard.local.family import DEMO_FAMILY
from callguard.local.stage import Stage
from tests.integration.alerting.alarm import reply, scam_under_way

STRANGERS = [f"+120255501{number}" for number in range(60, 68)]
WISHES = ("call", "join", "help", "hangup", "yes", "start", "+12025550177", "call +12025550177")
FAMILY = {DEMO_FAMILY.phone_number, *(relative.phone_number for relative in DEMO_FAMILY.relatives)}


@pytest.mark.promise("A22", "A23")
async def test_no_stranger_makes_us_ring_or_write_to_anybody(stage: Stage) -> None:
    async with scam_under_way(stage) as call:
        await asyncio.gather(
            *(reply(stage, stranger, wish) for stranger, wish in zip(STRANGERS, WISHES, strict=True))
        )
    await stage.simulator.settle((await call).call_sid)

    asked = [request for request in stage.stand_in.requests if request.method == "POST"]
    reached = {number for request in asked for number in request.params.get("To", ())}
    assert reached == FAMILY
    ours = {DEMO_FAMILY.twilio_number, "+12025550199"}
    assert {number for request in asked for number in request.params.get("From", ())} <= ours
