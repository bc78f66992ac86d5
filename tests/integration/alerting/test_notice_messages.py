"""Notices reach who asked for them: in batches, by e-mail or SMS, the person only off the phone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from callguard.config import Settings
from callguard.domain.listening import Fault
from callguard.domain.notices import DAILY_CAP, Kind
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.transcript import notices
from tests.integration.alerting.alarm import ANNA, BEN, TWILIO, reply, scam_under_way, sent
from tests.integration.alerting.reach import (
    ANNAS_MAIL,
    OPERATORS_MAIL,
    Reach,
    reaching,
    set_contact,
)
from tests.integration.eventually import eventually
from tests.integration.population import rows, value
from tests.integration.webhooks import SignedClient, new_call_sid, ringing

TENANT = DEMO_FAMILY.tenant_id
OPERATOR = "+12025550160"
DUE = "UPDATE work SET run_after = now() WHERE kind = 'send_notices'"
DEGRADED = "A call to Margaret can't be listened to as it should be: a scam in it may go unnoticed."


@pytest.fixture
async def reach(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[Reach]:
    async with reaching(settings, tmp_path, monkeypatch, **getattr(request, "param", {})) as reach:
        yield reach


async def a_call(reach: Reach, cluster: Cluster) -> UUID:
    """A call to the person is on the line, until `hang_up`."""
    services = reach.stage.services
    assert services is not None
    async with SignedClient(services.settings.base_url, services.keys.twilio_auth_token) as twilio:
        assert (await twilio.post("/incoming-call", ringing(new_call_sid()))).status_code == 200
    (call,) = await rows(cluster, "SELECT id FROM active_calls WHERE status = 'active'")
    call_id: UUID = call["id"]
    return call_id


async def hang_up(cluster: Cluster) -> None:
    await rows(cluster, "UPDATE active_calls SET status = 'ended', ended_at = now()")


async def person(cluster: Cluster) -> UUID:
    (found,) = await rows(cluster, "SELECT id FROM users")
    user_id: UUID = found["id"]
    return user_id


async def messages(cluster: Cluster) -> list[tuple[object, ...]]:
    found = await rows(
        cluster, "SELECT recipient, channel, kinds, status FROM notice_messages ORDER BY recipient, channel"
    )
    return [(row["recipient"], row["channel"], tuple(row["kinds"]), row["status"]) for row in found]


@pytest.mark.promise("F27")
async def test_what_comes_together_travels_together_to_each_who_asked(reach: Reach, cluster: Cluster) -> None:
    """F27: the operator, the person and the contacts who want to know learn that listening was degraded."""
    await rows(cluster, "UPDATE users SET notify_person = true")
    await set_contact(cluster, "Anna", wants_notices=True, email=ANNAS_MAIL)
    await set_contact(cluster, "Ben", wants_notices=True)
    call_id = await a_call(reach, cluster)
    async with reach.database.tenant(TENANT) as session:
        await notices.declare(session, TENANT, call_id, Fault.TRANSCRIPTION_FAILED)
        await notices.declare(session, TENANT, call_id, Fault.AUDIO_LOST)
        await notices.tell(session, TENANT, call_id, Kind.FORWARDING_LOOP)
        await notices.tell(session, TENANT, call_id, Kind.FORWARDING_LOOP)
    assert await messages(cluster) == []
    await hang_up(cluster)
    await rows(cluster, DUE)

    faults = ("transcription_failed", "audio_lost")
    await eventually(
        lambda: messages(cluster),
        lambda seen: (
            seen
            == [
                ("contact", "email", faults, "sent"),
                ("contact", "sms", faults, "delivered"),
                ("operator", "email", (*faults, "forwarding_loop"), "sent"),
                ("person", "sms", faults, "delivered"),
            ]
        ),
    )
    for number in (BEN, DEMO_FAMILY.phone_number):
        assert sent(reach.stage, number) == [f"callguard: {DEGRADED}"]
    assert sent(reach.stage, ANNA) == []
    assert DEGRADED in reach.mail.to(ANNAS_MAIL)[0].get_content()
    (operators,) = reach.mail.to(OPERATORS_MAIL)
    assert operators["Subject"] == "callguard notice"
    assert "check its call forwarding" in operators.get_content()
    assert await value(cluster, "SELECT count(*) FROM notices WHERE told_at IS NULL") == 0


async def test_who_did_not_ask_is_not_told(reach: Reach, cluster: Cluster) -> None:
    call_id = await a_call(reach, cluster)
    async with reach.database.tenant(TENANT) as session:
        await notices.declare(session, TENANT, call_id, Fault.AUDIO_LOST)
    await rows(cluster, DUE)

    await eventually(lambda: messages(cluster), lambda seen: len(seen) == 1 and seen[0][3] == "sent")
    assert [message["To"] for message in reach.mail.received] == [OPERATORS_MAIL]
    assert reach.stage.stand_in.messages == ()


async def test_the_person_is_not_written_to_while_on_the_phone(reach: Reach, cluster: Cluster) -> None:
    """Who talks to them would have them read it out."""
    await rows(cluster, "UPDATE users SET notify_person = true")
    call_id = await a_call(reach, cluster)
    async with reach.database.tenant(TENANT) as session:
        await notices.declare(session, TENANT, call_id, Fault.AUDIO_LOST)
    await rows(cluster, DUE)
    waits = (
        "SELECT count(*) FROM work WHERE kind = 'send_notice' AND state = 'pending' "
        "AND run_after > now() + interval '20 seconds'"
    )
    await eventually(lambda: value(cluster, waits), lambda count: count == 1)
    assert sent(reach.stage, DEMO_FAMILY.phone_number) == []

    await hang_up(cluster)
    await rows(cluster, "UPDATE work SET run_after = now() WHERE kind = 'send_notice'")
    await eventually(lambda: received(reach, DEMO_FAMILY.phone_number), lambda texts: len(texts) == 1)


async def received(reach: Reach, number: str) -> list[str]:
    return sent(reach.stage, number)


@pytest.mark.promise("F20")
async def test_a_stop_is_told_to_the_operator_at_once_and_stands_until_start(
    reach: Reach, cluster: Cluster
) -> None:
    async with scam_under_way(reach.stage):
        await reply(reach.stage, ANNA, "STOP")
        await eventually(lambda: mailed(reach), lambda texts: len(texts) == 1)
    assert "has stopped our text messages" in (await mailed(reach))[0]
    standing = "SELECT kind FROM notices WHERE ended_at IS NULL AND call_id IS NULL"
    assert await value(cluster, standing) == "contact_opted_out"

    await reply(reach.stage, ANNA, "STOP")
    await reply(reach.stage, ANNA, "START")
    assert await value(cluster, standing) is None
    assert len(await mailed(reach)) == 1


async def mailed(reach: Reach) -> list[str]:
    return [message.get_content() for message in reach.mail.to(OPERATORS_MAIL)]


@pytest.mark.parametrize("reach", [{"operator_email": None, "operator_number": OPERATOR}], indirect=True)
async def test_an_alert_that_does_not_get_out_is_told_to_the_operator_who_has_a_number(
    reach: Reach, cluster: Cluster
) -> None:
    for method in (r"/Messages\.json$", r"/Calls\.json$"):
        reach.stage.stand_in.faults.refuse("POST", method, status=400, code=21211, times=2)
    async with scam_under_way(reach.stage):
        await eventually(lambda: received(reach, OPERATOR), bool)

    assert "did not get out" in sent(reach.stage, OPERATOR)[0]
    assert {m.from_number for m in reach.stage.stand_in.messages if m.to_number == OPERATOR} == {TWILIO}
    kinds = "SELECT array_agg(kind) FROM notices"
    assert set(await value(cluster, kinds)) == {"alert_not_sent"}  # type: ignore[call-overload]  # an array


async def test_an_alert_that_nobody_can_get_is_told_to_the_operator(reach: Reach, cluster: Cluster) -> None:
    await rows(cluster, "DELETE FROM emergency_contacts")
    async with scam_under_way(reach.stage):
        await eventually(lambda: mailed(reach), bool)

    assert "Margaret has no verified contact" in (await mailed(reach))[0]


async def test_a_contact_is_told_in_their_language_and_by_sms_once_their_number_is_confirmed(
    reach: Reach, cluster: Cluster
) -> None:
    await set_contact(cluster, "Anna", wants_notices=True, language="de")
    await set_contact(cluster, "Ben", wants_notices=True, verified_at=None)
    async with reach.database.tenant(TENANT) as session:
        await notices.stand(session, TENANT, await person(cluster), Kind.PROTECTION_ON)
    await rows(cluster, DUE)

    await eventually(lambda: received(reach, ANNA), bool)
    assert "Der Selbsttest gelingt wieder" in sent(reach.stage, ANNA)[0]
    assert sent(reach.stage, BEN) == []


async def test_a_day_brings_a_few_messages_and_no_more(reach: Reach, cluster: Cluster) -> None:
    user_id = await person(cluster)
    untold = "SELECT count(*) FROM notices WHERE told_at IS NULL"

    async def failed_and_fine(times: int) -> None:
        for _ in range(times):
            for kind, other in (
                (Kind.PROTECTION_OFF, Kind.PROTECTION_ON),
                (Kind.PROTECTION_ON, Kind.PROTECTION_OFF),
            ):
                async with reach.database.tenant(TENANT) as session:
                    assert await notices.stand(session, TENANT, user_id, kind, instead_of=[other])
                    assert not await notices.stand(session, TENANT, user_id, kind)
                await rows(cluster, DUE)
                await eventually(lambda: value(cluster, untold), lambda count: count == 0)

    await failed_and_fine(DAILY_CAP // 2 + 1)
    statuses = "SELECT status, error_code FROM notice_messages ORDER BY created_at"
    expected = [("sent", None)] * DAILY_CAP + [("skipped", "DAILY_CAP")] * 2

    async def seen() -> list[tuple[object, ...]]:
        return [tuple(row) for row in await rows(cluster, statuses)]

    await eventually(seen, lambda found: found == expected)
    assert len(reach.mail.received) == DAILY_CAP


async def test_a_kind_that_nobody_explained_is_told_to_the_operator_in_general_words(
    reach: Reach, cluster: Cluster
) -> None:
    await set_contact(cluster, "Anna", wants_notices=True, email=ANNAS_MAIL)
    async with reach.database.tenant(TENANT) as session:
        await notices.stand(session, TENANT, await person(cluster), "something_new")
    await rows(cluster, DUE)

    await eventually(lambda: mailed(reach), bool)
    assert "something to know about the protection of Margaret" in (await mailed(reach))[0]
    assert reach.mail.to(ANNAS_MAIL) == []


async def test_a_message_whose_reply_was_lost_is_not_sent_again(reach: Reach, cluster: Cluster) -> None:
    await set_contact(cluster, "Ben", wants_notices=True)
    reach.stage.stand_in.faults.lose_reply("POST", r"/Messages\.json$", times=1)
    async with reach.database.tenant(TENANT) as session:
        await notices.stand(session, TENANT, await person(cluster), Kind.PROTECTION_OFF)
    delivered = "SELECT count(*) FROM notice_messages WHERE status = 'delivered'"
    await eventually(lambda: value(cluster, delivered), lambda count: count == 1)

    assert len(sent(reach.stage, BEN)) == 1


async def test_callbacks_about_a_notice_need_a_signature_and_an_id(reach: Reach) -> None:
    services = reach.stage.services
    assert services is not None
    form = {"MessageSid": "SM" + "0" * 32, "MessageStatus": "delivered"}
    async with SignedClient(services.settings.base_url, services.keys.twilio_auth_token) as twilio:
        replies = await asyncio.gather(
            twilio.post(f"/notice-status?tenant={TENANT}&message={TENANT}", form, signature="x"),
            twilio.post("/notice-status?message=1", form),
            twilio.post(f"/notice-status?tenant={TENANT}&message={TENANT}", form),
        )
    assert [reply.status_code for reply in replies] == [403, 400, 204]
