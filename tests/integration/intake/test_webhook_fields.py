"""What Twilio's webhooks carry, from the number that is called to the leg that is dialled."""

from typing import Any

import pytest

from callguard.domain.transcript import Speaker
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from callguard.local.twilio import CallPlan, DialogueConversation, PhoneNumber, SpokenTurn
from tests.integration.population import rows
from tests.integration.webhooks import STRANGER, SignedClient, heard, new_call_sid, ringing

TWILIO = DEMO_FAMILY.twilio_number
TOKEN = "%7B%22parentCallInfoToken%22%3A%22eyJ.a%2Bb%3D.c%22%2C%22identityHeaderTokens%22%3A%5B%5D%7D"


async def dialled(stage: Stage, sid: str) -> list[dict[str, str]]:
    await stage.simulator.settle(sid)
    return [
        {name: values[0] for name, values in request.params.items()}
        for request in stage.stand_in.requests
        if request.path.endswith("/Participants.json") and request.method == "POST"
    ]


async def stored(cluster: Cluster) -> tuple[Any, ...]:
    (call,) = await rows(cluster, "SELECT caller_number, stir_verstat, attestation FROM active_calls")
    return tuple(call)


@pytest.mark.parametrize(
    ("raw", "caller"),
    [
        ("anonymous", "withheld"),
        ("Restricted", "withheld"),
        ("unavailable", "withheld"),
        ("+266696687", "withheld"),
        ("", "withheld"),
        ("sip:alice@example.org", "sip:alice@example.org"),
        ("client:alice", "client:alice"),
    ],
)
async def test_a_caller_without_a_number_is_bridged_under_the_twilio_number(
    twilio: SignedClient, stage: Stage, cluster: Cluster, raw: str, caller: str
) -> None:
    sid = new_call_sid()
    form = ringing(sid, From=raw, StirVerstat="No-TN-Validation")
    assert "<Conference" in (await twilio.post("/incoming-call", form)).text
    (leg,) = await dialled(stage, sid)
    assert (leg["From"], "CallToken" in leg) == (TWILIO, False)
    assert await stored(cluster) == (caller, "No-TN-Validation", None)


@pytest.mark.parametrize("raw", [STRANGER, "sip:alice@example.org"])
async def test_the_token_goes_on_as_it_came_with_the_caller_as_they_came(
    twilio: SignedClient, stage: Stage, raw: str
) -> None:
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid, From=raw, CallToken=TOKEN))
    first, *others = await dialled(stage, sid)
    assert (first["From"], first["CallToken"]) == (raw, TOKEN)
    # This token is none of the stand-in's: it is refused with 21210 or 21212, and the call dialled without.
    assert [(leg["From"], "CallToken" in leg) for leg in others] == [(TWILIO, False)]


async def test_another_refusal_never_costs_the_caller_their_number(
    twilio: SignedClient, stage: Stage
) -> None:
    sid = new_call_sid()
    stage.stand_in.faults.refuse("POST", r"/Participants\.json$", status=429, code=20429)
    await twilio.post("/incoming-call", ringing(sid, CallToken=TOKEN))

    asked = await dialled(stage, sid)
    assert [("CallToken" in leg) for leg in asked][:1] == [True]
    assert len(asked) == 1 or "CallToken" in asked[1]


@pytest.mark.parametrize(
    ("verstat", "attestation"),
    [
        ("TN-Validation-Passed-A", "A"),
        ("TN-Validation-Passed-B-Diverted", "B"),
        ("TN-Validation-Passed-C-Passthrough", "C"),
        ("TN-Validation-Failed-A-Diverted-Passthrough", None),
        ("TN-Validation-Failed", None),
        ("No-TN-Validation", None),
        ("NULL", None),
    ],
)
async def test_what_the_network_says_of_the_number_is_kept(
    twilio: SignedClient, cluster: Cluster, verstat: str, attestation: str | None
) -> None:
    await twilio.post("/incoming-call", ringing(new_call_sid(), StirVerstat=verstat))
    assert await stored(cluster) == (STRANGER, verstat, attestation)


async def test_a_number_that_asks_by_get_is_served_and_its_calls_bear_no_token(stage: Stage) -> None:
    assert stage.services is not None
    base_url = stage.services.settings.base_url
    stage.stand_in.add_number(PhoneNumber(TWILIO, voice_url=f"{base_url}/voice/incoming", voice_method="GET"))
    turns = [SpokenTurn(Speaker.CALLEE, "hello"), SpokenTurn(Speaker.CALLER, "hi mom")]
    record = await stage.stand_in.place_call(
        CallPlan(STRANGER, TWILIO, DialogueConversation(turns), stir="A")
    )
    (leg,) = await dialled(stage, record.call_sid)
    assert (leg["From"], "CallToken" in leg) == (TWILIO, False)
    assert list(stage.stand_in.debugger) == []


@pytest.mark.promise("A5")
@pytest.mark.parametrize(
    ("alias", "form"),
    [
        ("/voice/transcription", {"TranscriptionSid": "GT1", "SequenceId": "1"}),
        ("/voice/status", {"CallStatus": "completed"}),
    ],
)
async def test_the_aliases_are_the_same_doors_with_a_repeated_and_an_unknown_parameter(
    twilio: SignedClient, cluster: Cluster, alias: str, form: dict[str, str]
) -> None:
    sid = new_call_sid()
    await twilio.post("/voice/incoming", ringing(sid))
    told = heard(sid, 1, "hello there") | form | {"OfNextYear": "yes"}
    for _ in range(2):  # as Twilio repeats it, under one idempotency token
        assert (await twilio.post(alias, told)).status_code == 204
    (call,) = await rows(cluster, "SELECT status FROM active_calls")
    words = await rows(cluster, "SELECT text FROM transcription_events")
    if alias == "/voice/status":
        assert (call["status"], words) == ("ended", [])
    else:
        assert (call["status"], [row["text"] for row in words]) == ("active", ["hello there"])
