"""Many phones ring at once. The full size is `python -m bench.burst`."""

import asyncio
import time
from collections import Counter
from xml.etree import ElementTree as ET

import pytest

from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from tests.integration.eventually import eventually
from tests.integration.population import value
from tests.integration.webhooks import SignedClient, new_call_sid, ringing

CALLS = 24
TWIML_SECONDS = 2.0


@pytest.mark.promise("F22")
async def test_each_of_many_callers_is_answered_in_time_and_put_through_once(
    stage: Stage, twilio: SignedClient, cluster: Cluster
) -> None:
    async def ring() -> tuple[str, float]:
        begun = time.monotonic()
        # Withheld: callers of one number would be a forwarding loop.
        reply = await twilio.post("/incoming-call", ringing(new_call_sid(), From="anonymous"))
        return reply.text, time.monotonic() - begun

    answers = await asyncio.gather(*(ring() for _ in range(CALLS)))

    assert max(seconds for _, seconds in answers) < TWIML_SECONDS
    dials = [ET.fromstring(twiml).find("Dial") for twiml, _ in answers]
    conferences = {dial.findtext("Conference") for dial in dials if dial is not None} - {None}
    by_twilio_itself = sum(dial is not None and dial.find("Number") is not None for dial in dials)
    assert len(conferences) + by_twilio_itself == CALLS

    async def dialled() -> Counter[str]:
        return Counter(
            request.path.split("/")[-2]
            for request in stage.stand_in.requests
            if request.method == "POST" and request.path.endswith("/Participants.json")
        )

    rung = await eventually(dialled, lambda so_far: len(so_far) >= len(conferences))
    assert rung == dict.fromkeys(conferences, 1)

    async def stored() -> object:
        return await value(cluster, "SELECT count(*) FROM active_calls")

    assert await eventually(stored, lambda count: count == CALLS) == CALLS
