"""A person's wishes about callers, from the webhook to the phone that rings."""

from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

import pytest

from callguard.domain.transcript import Speaker
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.simulation import Ring
from callguard.local.stage import Stage
from tests.integration.intake.wishes import rule, wish
from tests.integration.population import rows
from tests.integration.webhooks import STRANGER, SignedClient, new_call_sid, ringing

RING = Ring(STRANGER, "A")
SCAM = [
    (Speaker.CALLEE, "hello this is margaret"),
    (Speaker.CALLER, "this is the social security administration buy gift cards and do not tell anyone"),
]
ALL_DAY = "quiet_from = '00:00', quiet_until = '23:59:59.999999'"
OPEN_END = "paused_until = now() + interval '1 hour'"


async def rung(twilio: SignedClient, **changes: str) -> Element:
    reply = await twilio.post("/incoming-call", ringing(new_call_sid(), **changes))
    assert reply.status_code == 200
    return ET.fromstring(reply.text)


async def decided(cluster: Cluster) -> list[tuple[object, ...]]:
    found = await rows(
        cluster, "SELECT decision, decision_reason, announced, announcement, status FROM active_calls"
    )
    return [tuple(row) for row in found]


def dialled(stage: Stage) -> list[str]:
    return [
        request.params["To"][0]
        for request in stage.stand_in.requests
        if request.path.endswith("/Participants.json") and request.method == "POST"
    ]


async def test_an_unknown_caller_is_bridged_listened_to_and_told_so(
    twilio: SignedClient, cluster: Cluster
) -> None:
    assert [verb.tag for verb in await rung(twilio)] == ["Say", "Start", "Start", "Dial"]
    assert await decided(cluster) == [("monitor", "unknown", True, "listening.en", "active")]


@pytest.mark.parametrize(
    ("wishes", "caller", "reason"),
    [
        (None, STRANGER, "allowed"),
        (OPEN_END, "+12025550198", "paused"),
        (ALL_DAY, STRANGER, "allowed"),
        (ALL_DAY, "911", "emergency"),
    ],
)
async def test_who_is_let_off_is_bridged_without_being_listened_to(
    twilio: SignedClient, stage: Stage, cluster: Cluster, wishes: str | None, caller: str, reason: str
) -> None:
    await rule(cluster, STRANGER, "allow")
    if wishes is not None:
        await wish(cluster, wishes)
    response = await rung(twilio, From=caller, StirVerstat="No-TN-Validation")
    assert [verb.tag for verb in response] == ["Dial"]
    (call,) = await rows(
        cluster, "SELECT call_sid, decision, decision_reason, announced, announcement FROM active_calls"
    )
    assert tuple(call)[1:] == ("connect", reason, False, None)
    await stage.simulator.settle(call["call_sid"])
    assert dialled(stage) == [DEMO_FAMILY.phone_number]


async def test_a_whole_call_of_an_allowed_caller_is_heard_by_nobody_else(
    stage: Stage, cluster: Cluster
) -> None:
    await rule(cluster, STRANGER, "allow")
    report = await stage.simulator.place("friend", stage.simulator.dialogue(SCAM, "en", stepwise=True), RING)
    assert (report.transcript, report.keywords, report.alerted) == ("", [], False)
    assert dialled(stage) == [DEMO_FAMILY.phone_number]
    assert await rows(cluster, "SELECT id FROM media_streams") == []
    (call,) = await rows(cluster, "SELECT connected_at, status FROM active_calls")
    assert call["connected_at"] is not None


async def test_an_allowed_number_with_a_failed_signature_is_listened_to(
    twilio: SignedClient, cluster: Cluster
) -> None:
    await rule(cluster, STRANGER, "allow")
    response = await rung(twilio, StirVerstat="TN-Validation-Failed-A")
    assert [verb.tag for verb in response] == ["Say", "Start", "Start", "Dial"]
    assert (await decided(cluster))[0][:2] == ("monitor", "signature_failed")


async def test_a_blocked_caller_is_rejected_and_the_phone_stays_silent(
    twilio: SignedClient, stage: Stage, cluster: Cluster
) -> None:
    await rule(cluster, STRANGER, "block")
    for _ in range(2):  # calling again is no forwarding loop
        response = await rung(twilio)
        assert [(verb.tag, verb.get("reason")) for verb in response] == [("Reject", "rejected")]
    assert await decided(cluster) == [("reject", "blocked", False, None, "ended")] * 2
    assert await rows(cluster, "SELECT id FROM work") == []
    assert dialled(stage) == []


@pytest.mark.parametrize(
    ("wishes", "blocked", "decision"),
    [
        (
            "blocked_callers = 'tell'",
            True,
            ("tell_unreachable", "blocked", False, "unreachable.en", "active"),
        ),
        (ALL_DAY, False, ("tell_later", "quiet_hours", False, "later.en", "active")),
    ],
)
async def test_who_is_told_is_not_put_through(
    twilio: SignedClient,
    stage: Stage,
    cluster: Cluster,
    wishes: str,
    blocked: bool,
    decision: tuple[object, ...],
) -> None:
    if blocked:
        await rule(cluster, STRANGER, "block")
    await wish(cluster, wishes)
    assert [verb.tag for verb in await rung(twilio)] == ["Say", "Hangup"]
    assert await decided(cluster) == [decision]
    (call,) = await rows(cluster, "SELECT call_sid FROM active_calls")
    await stage.simulator.settle(call["call_sid"])
    assert dialled(stage) == []


async def test_a_repeated_webhook_gets_the_decision_that_was_taken(
    twilio: SignedClient, cluster: Cluster
) -> None:
    form = ringing(new_call_sid())
    await wish(cluster, ALL_DAY)
    first = await twilio.post("/incoming-call", form)
    await wish(cluster, "quiet_from = NULL, quiet_until = NULL")
    assert (await twilio.post("/incoming-call", form)).text == first.text


async def test_a_pause_that_is_over_protects_again(twilio: SignedClient, cluster: Cluster) -> None:
    await wish(cluster, "paused_until = now() - interval '1 second'")
    await rung(twilio)
    assert (await decided(cluster))[0][:2] == ("monitor", "unknown")
