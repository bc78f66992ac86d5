"""The announcement, and the connection that isn't listened to for who presses its key."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from callguard.domain.transcript import Speaker
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from callguard.local.twilio import CallPlan, DialogueConversation, Outcome, SpokenTurn
from tests.integration.intake.wishes import rule, wish
from tests.integration.population import rows
from tests.integration.webhooks import STRANGER, SignedClient, new_call_sid, ringing

TURNS = [
    SpokenTurn(Speaker.CALLEE, "hello"),
    SpokenTurn(Speaker.CALLER, "this is the social security administration buy gift cards"),
]
OFFER = "offer_unmonitored = true"


async def call(stage: Stage, keys: str) -> Outcome:
    record = await stage.stand_in.place_call(
        CallPlan(STRANGER, DEMO_FAMILY.twilio_number, DialogueConversation(TURNS), stir="A", keys=keys)
    )
    await stage.simulator.settle(record.call_sid)
    return record.outcome


async def stored(cluster: Cluster) -> tuple[Any, ...]:
    (row,) = await rows(
        cluster,
        "SELECT decision, decision_reason, announcement, choice, chosen_at IS NOT NULL, "
        "(SELECT count(*) FROM transcription_events WHERE is_final), (SELECT count(*) FROM media_streams) "
        "FROM active_calls",
    )
    return tuple(row)


@pytest.mark.parametrize("keys", ["", "1"])
async def test_without_the_key_the_call_is_listened_to(stage: Stage, cluster: Cluster, keys: str) -> None:
    await wish(cluster, OFFER)
    assert await call(stage, keys) is Outcome.COMPLETED
    assert await stored(cluster) == ("monitor", "unknown", "listening_choice.en", None, False, 2, 1)
    assert list(stage.stand_in.debugger) == []


async def test_the_key_leads_to_the_person_and_nobody_listens(stage: Stage, cluster: Cluster) -> None:
    await wish(cluster, OFFER)
    assert await call(stage, "9") is Outcome.COMPLETED
    assert await stored(cluster) == ("connect", "chosen", "listening_choice.en", "unmonitored", True, 0, 0)
    waiting = await rows(cluster, "SELECT kind FROM work WHERE kind LIKE 'watch%' AND state = 'pending'")
    assert waiting == []
    assert list(stage.stand_in.debugger) == []


@pytest.mark.parametrize(
    ("wishes", "announcement"),
    [(f"{OFFER}, announce = false", None), ("announce = true", "listening.en"), ("announce = false", None)],
)
async def test_a_key_does_nothing_where_none_was_offered(
    stage: Stage, cluster: Cluster, wishes: str, announcement: str | None
) -> None:
    await wish(cluster, wishes)
    await call(stage, "9")
    assert await stored(cluster) == ("monitor", "unknown", announcement, None, False, 2, 1)


async def test_a_choice_of_an_offer_that_was_not_made_is_not_stored(
    twilio: SignedClient, cluster: Cluster
) -> None:
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    await twilio.post("/connection-choice?conference=User-1-2&language=en", {"CallSid": sid, "Digits": "9"})
    assert (await stored(cluster))[:2] == ("monitor", "unknown")


async def test_a_choice_that_can_not_be_stored_is_respected_all_the_same(
    twilio: SignedClient, cluster: Cluster
) -> None:
    await wish(cluster, OFFER)
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    await rows(cluster, "ALTER TABLE active_calls RENAME COLUMN choice TO gone")
    reply = await twilio.post(
        "/connection-choice?conference=User-1-2&language=en", {"CallSid": sid, "Digits": "9"}
    )
    root = ET.fromstring(reply.text)
    assert [verb.tag for verb in root] == ["Dial"]
    assert root.findtext("Dial/Conference") == "User-1-2"


async def test_a_repeated_call_is_made_the_same_offer(twilio: SignedClient, cluster: Cluster) -> None:
    await wish(cluster, OFFER)
    form = ringing(new_call_sid())
    replies = [ET.fromstring((await twilio.post("/incoming-call", form)).text) for _ in range(2)]
    assert [[verb.tag for verb in root] for root in replies] == [["Gather", "Start", "Start", "Dial"]] * 2
    assert replies[0][0].get("action") == replies[1][0].get("action")


async def test_who_is_not_listened_to_is_offered_nothing(twilio: SignedClient, cluster: Cluster) -> None:
    await wish(cluster, OFFER)
    await rule(cluster, STRANGER, "allow")
    reply = await twilio.post("/incoming-call", ringing(new_call_sid()))
    assert [verb.tag for verb in ET.fromstring(reply.text)] == ["Dial"]
