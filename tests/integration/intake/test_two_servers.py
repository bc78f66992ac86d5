"""Two servers share the work: what a caller is asked by one may be answered at the other."""

from collections.abc import AsyncIterator
from xml.etree import ElementTree as ET

import pytest

from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from callguard.server import serving
from tests.integration.intake.wishes import wish
from tests.integration.population import rows
from tests.integration.webhooks import SignedClient, new_call_sid, ringing


@pytest.fixture
async def other(stage: Stage) -> AsyncIterator[SignedClient]:
    """A second server on the same database."""
    assert stage.services is not None
    settings = stage.services.settings.model_copy(update={"port": 0, "public_base_url": None})
    async with (
        serving(settings) as services,
        SignedClient(services.settings.base_url, services.keys.twilio_auth_token) as client,
    ):
        yield client


def dialled(stage: Stage) -> int:
    asked = [r for r in stage.stand_in.requests if r.path.endswith("/Participants.json")]
    return len([request for request in asked if request.method == "POST"])


async def test_a_call_is_screened_and_chosen_across_them(
    twilio: SignedClient, other: SignedClient, stage: Stage, cluster: Cluster
) -> None:
    await wish(cluster, "unknown_callers = 'screen', offer_unmonitored = true")
    assert other.base_url != twilio.base_url
    sid = new_call_sid()
    asked = ET.fromstring((await twilio.post("/incoming-call", ringing(sid))).text)
    path = asked[0].attrib["action"].removeprefix(twilio.base_url)
    reply = await other.post(path, ringing(sid, SpeechResult="it is the plumber", Confidence="0.9"))
    offered = ET.fromstring(reply.text)
    assert [verb.tag for verb in offered] == ["Gather", "Start", "Start", "Dial"]
    path = offered[0].attrib["action"].removeprefix(other.base_url)
    chosen = ET.fromstring((await twilio.post(path, ringing(sid, Digits="9"))).text)
    assert [verb.tag for verb in chosen] == ["Dial"]
    assert chosen.findtext("Dial/Conference") == offered.findtext("Dial/Conference")
    assert dialled(stage) == 0
    joined = {"CallSid": sid, "StatusCallbackEvent": "participant-join", "ParticipantLabel": "caller"}
    for client in (other, twilio):
        await client.post(f"/conference-events?parent={sid}", joined)
    await stage.simulator.settle(sid)
    (call,) = await rows(cluster, "SELECT decision, screening, choice FROM active_calls")
    assert tuple(call) == ("connect", "answered", "unmonitored")
    assert dialled(stage) == 1
