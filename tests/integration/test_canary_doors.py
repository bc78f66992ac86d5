"""The canary's webhooks, and what somebody gets who calls from its number or has a clock of their own."""

import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from callguard.config import Settings
from callguard.domain.canary import Stage as Link
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from tests.integration.canary_bench import CANARY_NUMBER, ask, canary_stage, ended
from tests.integration.eventually import eventually
from tests.integration.population import value
from tests.integration.webhooks import SignedClient, heard, new_call_sid, ringing


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[Stage]:
    async with canary_stage(settings) as stage:
        yield stage


@pytest.fixture
async def hooks(house: Stage) -> AsyncIterator[SignedClient]:
    assert house.services is not None
    services = house.services
    async with SignedClient(services.settings.base_url, services.keys.twilio_auth_token) as client:
        yield client


async def column(cluster: Cluster, name: str) -> object:
    return await value(cluster, f"SELECT {name} FROM canary_runs")


async def test_a_caller_who_says_the_canarys_number_proves_nothing_and_rings_nobody(
    house: Stage, hooks: SignedClient, cluster: Cluster
) -> None:
    house.stand_in.faults.hang("POST", r"/Calls\.json$")
    await ask(house)
    await eventually(lambda: column(cluster, "asked_at"), bool)

    forged = ringing(new_call_sid(), From=CANARY_NUMBER, StirVerstat="TN-Validation-Failed-A")
    assert "<Conference" in (await hooks.post("/incoming-call", forged)).text
    await hooks.post("/call-status", forged | {"CallStatus": "completed"})

    sid = new_call_sid()
    for _ in range(2):  # Twilio repeats it
        reply = await hooks.post("/incoming-call", ringing(sid, From=CANARY_NUMBER))
        assert "<Transcription" in reply.text
        assert "<Dial" not in reply.text
    await hooks.post("/transcription", heard(sid, 1, "the yellow canary sings wrong words all over"))
    await eventually(lambda: value(cluster, "SELECT count(*) FROM fraud_analyses"), bool)
    assert await column(cluster, "judged_at") is None
    assert house.stand_in.messages == ()

    second = await hooks.post("/incoming-call", ringing(new_call_sid(), From=CANARY_NUMBER))
    assert "<Conference" in second.text, "the run has its call: this one is somebody's"


@pytest.mark.parametrize("door", ["/canary-call", "/canary-call-status", "/canary-message-status"])
async def test_its_doors_open_to_twilio_alone(hooks: SignedClient, door: str) -> None:
    form = {
        "CallSid": new_call_sid(),
        "CallStatus": "busy",
        "MessageSid": "SM1",
        "MessageStatus": "delivered",
    }
    assert (await hooks.post(f"{door}?run={uuid4()}", form, signature="")).status_code == 403
    assert (await hooks.post(f"{door}?run=none", form)).status_code == 400
    unknown = await hooks.post(f"{door}?run={uuid4()}", form)
    if door == "/canary-call":
        assert unknown.text == "<Response><Hangup/></Response>"
    else:
        assert unknown.status_code == 404


async def test_a_message_told_of_before_the_words_were_found_passes_nothing(
    house: Stage, hooks: SignedClient, cluster: Cluster
) -> None:
    house.stand_in.faults.hang("POST", r"/Calls\.json$")
    run_id = await ask(house)
    told = {"MessageSid": f"SM{'1' * 32}", "MessageStatus": "delivered"}
    assert (await hooks.post(f"/canary-message-status?run={run_id}", told)).status_code == 204
    assert await column(cluster, "state") == "running"


@pytest.mark.promise("F16")
async def test_a_clock_that_jumps_an_hour_in_the_middle_changes_nothing(
    house: Stage, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F16: deadlines, leases and stages are by the database's clock."""
    run_id = await ask(house)
    await eventually(lambda: column(cluster, "called_at"), bool)
    by_the_wall = time.time
    monkeypatch.setattr(time, "time", lambda: by_the_wall() + 3600)
    report = await ended(house, run_id)
    assert report.state == "passed"
    assert all(stage.seconds is not None and 0 <= stage.seconds < 60 for stage in report.stages)
    assert report.stages[-1].stage is Link.DELIVERED
