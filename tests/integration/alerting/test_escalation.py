"""Messages that don't arrive or stay unanswered are followed by one spoken call, until somebody answers."""

import math
from collections.abc import AsyncIterator

import pytest

from callguard.config import Settings
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage, in_process
from callguard.local.twilio import EndedBy, Handset, OnCall, OnSms
from tests.integration.alerting.alarm import ANNA, BEN, alerts, ended, reply, rung, scam, scam_under_way, sent
from tests.integration.eventually import eventually
from tests.integration.population import rows, value
from tests.integration.webhooks import SignedClient

SOON = 0.2
# Long enough for an answer to come before, on a busy machine too.
LATER = 3.0


@pytest.fixture
async def impatient(settings: Settings, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """A stage that waits for an answer as long as the test says."""
    quick = settings.model_copy(update={"alert_answer_seconds": request.param})
    async with in_process(quick, speed=math.inf) as stage:
        yield stage


@pytest.mark.promise("F20")
async def test_who_gets_no_message_is_rung_and_hangs_up_on_the_caller_by_key_1(
    stage: Stage, cluster: Cluster
) -> None:
    stage.stand_in.phone_book.put(Handset(ANNA, on_sms=OnSms.undelivered(30003), keys="1"))

    record = await scam(stage, lambda _: ended(cluster))

    assert record.ended_by is EndedBy.API
    assert await alerts(cluster, ANNA) == {"sms": "undelivered", "call": "delivered"}
    assert len(rung(stage, ANNA)) == 1
    assert rung(stage, BEN) == []
    assert await value(cluster, "SELECT action FROM answers") == "hang_up"
    assert list(stage.stand_in.debugger) == []


@pytest.mark.promise("F20")
async def test_a_message_refused_because_of_a_stop_is_followed_by_a_call_as_all_later_ones(
    stage: Stage, cluster: Cluster
) -> None:
    stage.stand_in.faults.refuse("POST", r"/Messages\.json$", status=400, code=21610, times=1)
    async with scam_under_way(stage):
        await eventually(lambda: both(cluster), lambda seen: {"sms": "failed", "call": "delivered"} in seen)

    assert len(rung(stage, ANNA)) + len(rung(stage, BEN)) == 1
    opted_out = "SELECT count(*) FROM emergency_contacts WHERE opted_out_at IS NOT NULL"
    assert await value(cluster, opted_out) == 1


async def both(cluster: Cluster) -> list[dict[str, str]]:
    return [await alerts(cluster, number) for number in (ANNA, BEN)]


@pytest.mark.parametrize("impatient", [SOON], indirect=True)
async def test_unanswered_messages_are_followed_by_one_call_each_in_fixed_words(
    impatient: Stage, cluster: Cluster
) -> None:
    async with scam_under_way(impatient):
        both_ways = {"sms": "delivered", "call": "delivered"}
        await eventually(lambda: both(cluster), lambda seen: seen == [both_ways, both_ways])

    for number in (ANNA, BEN):
        (twiml,) = rung(impatient, number)
        assert "Margaret is on the phone with a likely scammer" in twiml
        assert "Press 1" in twiml
        assert not any(word in twiml for word in ("daniels", "store", "gift"))


@pytest.mark.parametrize("impatient", [LATER], indirect=True)
async def test_an_answer_stops_the_calls_that_would_follow(impatient: Stage, cluster: Cluster) -> None:
    impatient.stand_in.phone_book.put(Handset(ANNA, replies={"callguard ALERT:": "Call me."}))

    async with scam_under_way(impatient):
        done = "SELECT count(*) FROM work WHERE kind = 'escalate' AND state = 'done'"
        await eventually(lambda: value(cluster, done), lambda count: count == 2)

    assert await value(cluster, "SELECT count(*) FROM alerts WHERE alert_type = 'call'") == 0
    assert (len(rung(impatient, ANNA)), len(rung(impatient, BEN))) == (1, 0)


@pytest.mark.promise("F19")
@pytest.mark.parametrize("impatient", [SOON], indirect=True)
async def test_a_lost_reply_to_a_call_request_is_looked_up_and_not_repeated(
    impatient: Stage, cluster: Cluster
) -> None:
    impatient.stand_in.faults.lose_reply("POST", r"/Calls\.json$", times=1)
    async with scam_under_way(impatient):
        both_ways = {"sms": "delivered", "call": "delivered"}
        await eventually(lambda: both(cluster), lambda seen: seen == [both_ways, both_ways])

    assert (len(rung(impatient, ANNA)), len(rung(impatient, BEN))) == (1, 1)


@pytest.mark.promise("F6")
@pytest.mark.parametrize("impatient", [SOON], indirect=True)
async def test_late_and_repeated_callbacks_move_a_call_alert_nowhere(
    impatient: Stage,
    cluster: Cluster,
) -> None:
    impatient.stand_in.phone_book.put(Handset(ANNA, on_call=OnCall.BUSY))
    async with scam_under_way(impatient):
        await eventually(lambda: alerts(cluster, ANNA), lambda seen: seen.get("call") == "undelivered")
    (alert,) = await rows(
        cluster,
        "SELECT a.id, a.message_sid FROM alerts a JOIN emergency_contacts e ON e.id = a.contact_id "
        "WHERE a.alert_type = 'call' AND e.phone_number = $1",
        ANNA,
    )
    services = impatient.services
    assert services is not None
    async with SignedClient(services.settings.base_url, services.keys.twilio_auth_token) as twilio:
        for status in ("ringing", "completed", "busy", "initiated"):
            told = await twilio.post(
                f"/alert-call-status?alert={alert['id']}",
                {"CallSid": alert["message_sid"], "CallStatus": status},
            )
            assert told.status_code == 204

    assert (await alerts(cluster, ANNA))["call"] == "undelivered"
    assert len(rung(impatient, ANNA)) == 1


@pytest.mark.promise("A21")
async def test_who_has_sent_stop_is_rung_instead(stage: Stage, cluster: Cluster) -> None:
    await reply(stage, ANNA, "stop.")
    async with scam_under_way(stage):
        await eventually(lambda: alerts(cluster, ANNA), lambda seen: seen == {"call": "delivered"})
    assert sent(stage, ANNA) == []

    await reply(stage, ANNA, "START")
    async with scam_under_way(stage, "+12025550198"):
        await eventually(lambda: alerts_sent(stage, ANNA), lambda count: count == 1)


async def alerts_sent(stage: Stage, number: str) -> int:
    return len([body for body in sent(stage, number) if "ALERT" in body])


async def test_a_stop_during_an_alert_rings_at_once(stage: Stage, cluster: Cluster) -> None:
    stage.stand_in.phone_book.put(Handset(ANNA, replies={"callguard ALERT:": "STOP"}))
    async with scam_under_way(stage):
        both_ways = {"sms": "delivered", "call": "delivered"}
        await eventually(lambda: alerts(cluster, ANNA), lambda seen: seen == both_ways)
    assert await value(cluster, "SELECT opted_out_at IS NOT NULL FROM emergency_contacts WHERE name = 'Anna'")
