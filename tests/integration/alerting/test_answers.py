"""What contacts answer and what it brings about: once each, from their own number, about their alert."""

import asyncio
import math
from collections.abc import AsyncIterator

import pytest

from callguard.config import Settings
from callguard.domain.reply_texts import Told, acknowledgement
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage, in_process
from callguard.local.twilio import EndedBy, Handset
from tests.integration.alerting.alarm import (
    ANNA,
    BEN,
    TWILIO,
    code_to,
    ended,
    reply,
    rung,
    scam,
    scam_under_way,
    sent,
)
from tests.integration.eventually import eventually
from tests.integration.population import rows, value
from tests.integration.webhooks import SignedClient

CARL = "+12025550122"
STRANGER = "+12025550177"


async def actions(cluster: Cluster) -> list[str]:
    return [row["action"] for row in await rows(cluster, "SELECT action FROM answers ORDER BY created_at")]


async def is_told(stage: Stage, number: str, told: Told) -> None:
    """Waits for an acknowledgement, and sees that it is the only one of its kind."""

    async def times() -> int:
        return sent(stage, number).count(acknowledgement(told, "en"))

    await eventually(times, lambda count: count == 1)


async def test_hangup_ends_the_callers_leg(stage: Stage, cluster: Cluster) -> None:
    stage.stand_in.phone_book.put(Handset(ANNA, replies={"callguard ALERT:": "Hang up!"}))

    record = await scam(stage, lambda _: ended(cluster))

    assert record.ended_by is EndedBy.API
    assert await actions(cluster) == ["hang_up"]
    await is_told(stage, ANNA, Told.HANG_UP)
    assert list(stage.stand_in.debugger) == []


@pytest.mark.parametrize("answer", ["It's safe", None])
async def test_safe_silences_this_call_and_leaves_its_score(
    stage: Stage, cluster: Cluster, answer: str | None
) -> None:
    """A contact who comes in late would be told of the next verdict: unless the call was called safe."""

    async def meanwhile(_call_sid: str) -> None:
        if answer is not None:
            await reply(stage, ANNA, answer)
            await is_told(stage, ANNA, Told.SAFE)
        person = await rows(cluster, "SELECT tenant_id, id FROM users")
        async with stage.database.tenant(person[0]["tenant_id"]) as session:
            carl = await session.value("people.add_contact", *person[0], "Carl", CARL, "neighbour", 3)
            await session.run("people.verify_contact", carl)

    await scam(stage, meanwhile)

    heard = "SELECT count(*) FROM fraud_analyses WHERE full_transcript LIKE '%numbers on the back%'"
    assert await value(cluster, heard)
    assert await value(cluster, "SELECT max(fraud_score) >= 80 FROM fraud_analyses")
    assert bool(sent(stage, CARL)) is (answer is None)
    assert await actions(cluster) == ([] if answer is None else ["safe"])


async def test_call_rings_the_contact_and_tells(stage: Stage) -> None:
    async with scam_under_way(stage):
        await reply(stage, BEN, "¡Llámame!")
        await eventually(lambda: count_rung(stage, BEN), lambda count: count == 1)

    assert "Margaret is on the phone with a likely scammer" in rung(stage, BEN)[0]
    assert rung(stage, ANNA) == []
    await is_told(stage, BEN, Told.CALL)


async def count_rung(stage: Stage, number: str) -> int:
    return len(rung(stage, number))


async def test_join_brings_the_contact_into_the_conference(stage: Stage, cluster: Cluster) -> None:
    async with scam_under_way(stage) as call:
        await reply(stage, ANNA, "join")
        contact_id = await value(cluster, "SELECT id FROM emergency_contacts WHERE name = 'Anna'")

        async def invited() -> list[dict[str, tuple[str, ...]]]:
            return [
                dict(request.params)
                for request in stage.stand_in.requests
                if request.path.endswith("/Participants.json") and request.params.get("To") == (ANNA,)
            ]

        (params,) = await eventually(invited, bool)
    assert params["Label"] == (f"contact-{contact_id}",)
    assert (params["From"], params["EndConferenceOnExit"]) == ((TWILIO,), ("false",))
    assert ANNA in {leg.to_number for leg in (await call).legs}
    await is_told(stage, ANNA, Told.JOIN)


async def test_hold_keeps_the_caller_waiting_until_safe(stage: Stage) -> None:
    async def held() -> list[str]:
        return [
            request.params["Hold"][0].lower()
            for request in stage.stand_in.requests
            if request.path.endswith("/Participants/caller.json") and request.status == 200
        ]

    async with scam_under_way(stage) as call:
        await reply(stage, ANNA, "HOLD")
        await eventually(held, lambda seen: seen == ["true"])
        (alone,) = await eventually(lambda: told_to_wait(stage), bool)
        await reply(stage, ANNA, "safe")
        await eventually(held, lambda seen: seen == ["true", "false"])
    assert alone == (await call).call_sid


async def told_to_wait(stage: Stage) -> list[str | None]:
    return [
        a.call_sid for a in stage.stand_in.announcements if a.text == "Please hold the line for a moment."
    ]


@pytest.mark.promise("A21")
async def test_two_open_calls_need_the_code(stage: Stage, cluster: Cluster) -> None:
    first, second = "+12025550191", "+12025550192"
    async with scam_under_way(stage, first) as one, scam_under_way(stage, second) as other:
        await reply(stage, ANNA, "hangup")
        await is_told(stage, ANNA, Told.WHICH)
        assert await value(cluster, "SELECT count(*) FROM active_calls WHERE status = 'active'") == 2
        wrong = code_to(stage, BEN, second)  # another contact's code is none of hers
        await reply(stage, ANNA, f"hangup {wrong}")
        await reply(stage, ANNA, f"Hang up, code {code_to(stage, ANNA, second).lower()}.")
        await ended(cluster)
        assert await value(cluster, "SELECT count(*) FROM active_calls WHERE status = 'active'") == 1

    assert (await other).ended_by is EndedBy.API
    assert (await one).ended_by is not EndedBy.API


@pytest.fixture
async def shared(settings: Settings) -> AsyncIterator[Stage]:
    """All alerts come from one number."""
    one_number = settings.model_copy(update={"twilio_alert_number": TWILIO})
    async with in_process(one_number, speed=math.inf) as stage:
        yield stage


async def test_a_contact_of_several_people_needs_the_code(shared: Stage, cluster: Cluster) -> None:
    tenant_id = DEMO_FAMILY.tenant_id
    async with shared.database.tenant(tenant_id) as session:
        harold = await session.value(
            "people.add_person", tenant_id, "h@example.com", "Harold", "+12025550111", None, "en", True
        )
        anna = await session.value("people.add_contact", tenant_id, harold, "Anna", ANNA, "daughter", 1)
        await session.run("people.verify_contact", anna)

    async with scam_under_way(shared) as call:
        await reply(shared, ANNA, "hangup")
        await is_told(shared, ANNA, Told.WHICH)
        await reply(shared, ANNA, f"{code_to(shared, ANNA, '+12025550199')} hangup")
        await ended(cluster)
    assert (await call).ended_by is EndedBy.API


@pytest.mark.promise("A21")
async def test_strangers_are_not_answered_and_leave_nothing(stage: Stage, cluster: Cluster) -> None:
    async with scam_under_way(stage) as call:
        for text in ("HANGUP", f"HANGUP {code_to(stage, ANNA, '+12025550199')}", "STOP", "HELP"):
            await reply(stage, STRANGER, text)
        assert sent(stage, STRANGER) == []
        assert await actions(cluster) == []
    assert (await call).ended_by is not EndedBy.API


async def test_a_reply_without_an_alert_is_told_so(stage: Stage) -> None:
    await reply(stage, ANNA, "HANGUP")
    await is_told(stage, ANNA, Told.NOTHING_OPEN)
    await reply(stage, ANNA, "thank you so much")
    assert len(sent(stage, ANNA)) == 1
    await reply(stage, ANNA, "help")
    await is_told(stage, ANNA, Told.HELP)


@pytest.mark.promise("A21")
async def test_an_alert_of_half_an_hour_ago_is_not_answered_any_more(stage: Stage, cluster: Cluster) -> None:
    async with scam_under_way(stage):
        await rows(cluster, "UPDATE alerts SET created_at = created_at - interval '31 minutes'")
        await reply(stage, ANNA, "HANGUP")
        await is_told(stage, ANNA, Told.NOTHING_OPEN)


def message(sid: str, text: str, sender: str = ANNA) -> dict[str, str]:
    return {"MessageSid": sid, "From": sender, "To": TWILIO, "Body": text, "NumMedia": "0"}


@pytest.mark.promise("A2")
async def test_a_replayed_message_has_one_effect(
    stage: Stage, twilio: SignedClient, cluster: Cluster
) -> None:
    async with scam_under_way(stage):
        form = message(f"SM{1:032x}", "CALL")
        answers = await asyncio.gather(*(twilio.post("/sms", form) for _ in range(5)))
        assert {answer.status_code for answer in answers} == {200}
        await eventually(lambda: count_rung(stage, ANNA), lambda count: count == 1)
        again = await twilio.post("/sms", form)
        done = "SELECT count(*) FROM work WHERE kind = 'carry_out' AND state = 'done'"
        await eventually(lambda: value(cluster, done), lambda count: count == 1)

    assert acknowledgement(Told.CALL, "en") in again.text
    assert await actions(cluster) == ["call"]
    assert len(rung(stage, ANNA)) == 1


@pytest.mark.promise("A1")
async def test_what_is_not_signed_or_names_no_sender_has_no_effect(
    stage: Stage, twilio: SignedClient, cluster: Cluster
) -> None:
    async with scam_under_way(stage) as call:
        form = message(f"SM{1:032x}", "HANGUP")
        assert (await twilio.post("/sms", form, signature="")).status_code == 403
        assert (await twilio.post("/sms", {"Body": "HANGUP"})).status_code == 400
        assert await actions(cluster) == []
    assert (await call).ended_by is not EndedBy.API


async def test_key_3_connects_and_any_other_key_asks_again(
    stage: Stage, twilio: SignedClient, cluster: Cluster
) -> None:
    alert = "SELECT a.id FROM alerts a JOIN emergency_contacts e ON e.id = a.contact_id WHERE e.name = 'Anna'"
    async with scam_under_way(stage):
        path = f"/alert-answer?alert={await value(cluster, alert)}"
        form = {"CallSid": f"CA{7:032x}", "Digits": "9"}
        assert "Press 1" in (await twilio.post(path, form)).text
        connected = (await twilio.post(path, form | {"Digits": "3"})).text
        assert (
            f">{await value(cluster, 'SELECT conference_name FROM active_calls')}</Conference>" in connected
        )
        assert 'endConferenceOnExit="false"' in connected
    await ended(cluster)

    later = await twilio.post(path, {"CallSid": f"CA{8:032x}", "Digits": "3"})
    assert "over already" in later.text
    assert "<Conference" not in later.text
    assert await actions(cluster) == ["join", "join"]
    nobody = "/alert-answer?alert=00000000-0000-4000-8000-000000000000"
    assert (await twilio.post(nobody, form)).status_code == 404
    assert (await twilio.post("/alert-answer?alert=x", form)).status_code == 400
