"""SMS out with their delivery, SMS in, opt-outs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException

from callguard.errors import ProtocolError
from callguard.local.twilio import Handset, OnSms
from tests.integration.local.stand_in_bench import CONTACT, PERSON, TWILIO, Bench, bench


async def send(b: Bench, body: str = "A call may be a scam. Reply HANGUP.", **options: Any) -> Any:
    return await b.client.messages.create_async(
        **{
            "to": CONTACT,
            "from_": TWILIO,
            "body": body,
            "status_callback": f"{b.receiver.url}/sms-status",
            **options,
        }
    )


def statuses(b: Bench) -> list[str]:
    return [hook.params["MessageStatus"] for hook in b.receiver.of("/sms-status")]


async def test_a_message_is_delivered_and_told() -> None:
    async with bench() as b:
        made = await send(b)
        assert (made.status, made.direction, made.num_segments) == ("queued", "outbound-api", "1")
        await b.receiver.wait_for("/sms-status", MessageStatus="delivered")
        assert statuses(b) == ["sending", "sent", "delivered"]
        (kept,) = b.stand_in.messages
        assert [change.status for change in kept.history] == ["queued", "sending", "sent", "delivered"]
        assert kept.requested_at <= kept.history[-1].at
        assert kept.to_number == CONTACT
        fetched = await b.client.messages(made.sid).fetch_async()
        assert (fetched.status, fetched.error_code) == ("delivered", None)


@pytest.mark.parametrize(
    ("on_sms", "expected", "code"),
    [
        (OnSms.undelivered(30006), ["sending", "sent", "undelivered"], "30006"),
        (OnSms.failed(30008), ["sending", "failed"], "30008"),
    ],
)
async def test_a_message_that_does_not_arrive_says_why(on_sms: OnSms, expected: list[str], code: str) -> None:
    async with bench(Handset(CONTACT, on_sms=on_sms)) as b:
        made = await send(b)
        hook = await b.receiver.wait_for("/sms-status", MessageStatus=expected[-1])
        assert (statuses(b), hook.params["ErrorCode"]) == (expected, code)
        assert (await b.client.messages(made.sid).fetch_async()).error_code == int(code)


async def test_delays_follow_the_speed() -> None:
    async with bench(speed=20) as b:
        await send(b)
        await b.receiver.wait_for("/sms-status", MessageStatus="delivered")
        history = {change.status: change.at for change in b.stand_in.messages[0].history}
        assert 1.4 / 20 <= history["delivered"] - history["queued"] < 1.4


async def test_a_handset_replies_to_what_it_reads() -> None:
    async with bench(Handset(CONTACT, replies={"reply hangup": "HANGUP"})) as b:
        b.receiver.answer("/sms", "<Response><Message>We end the call.</Message></Response>")
        await send(b, "nothing to answer here")
        await send(b)
        hook = await b.receiver.wait_for("/sms")
        assert (hook.params["From"], hook.params["To"], hook.params["Body"]) == (CONTACT, TWILIO, "HANGUP")
        assert (hook.params["NumMedia"], hook.params["SmsStatus"]) == ("0", "received")
        await b.stand_in.settled()
        assert len(b.receiver.of("/sms")) == 1
        directions = [(each.direction, each.body) for each in b.stand_in.messages[2:]]
        assert directions == [("inbound", "HANGUP"), ("outbound-reply", "We end the call.")]


async def test_a_handset_may_think_before_it_replies() -> None:
    async with bench(Handset(CONTACT, replies=lambda text: text[::-1] if "scam" in text else None)) as b:
        await send(b, "scam")
        assert (await b.receiver.wait_for("/sms")).params["Body"] == "macs"


async def test_stop_opts_out_and_start_opts_in() -> None:
    async with bench() as b:
        await b.stand_in.receive_sms(CONTACT, TWILIO, " Stop ")
        with pytest.raises(TwilioRestException) as refused:
            await send(b)
        assert (refused.value.status, refused.value.code) == (400, 21610)
        await send(b, to=PERSON)
        await b.stand_in.receive_sms(CONTACT, TWILIO, "START")
        assert (await send(b)).status == "queued"
        assert [hook.params["Body"] for hook in b.receiver.of("/sms")] == [" Stop ", "START"]


async def test_a_message_to_a_number_that_is_not_ours_is_a_mistake() -> None:
    async with bench() as b:
        with pytest.raises(ProtocolError):
            await b.stand_in.receive_sms(CONTACT, PERSON, "hello")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"to": "12"}, 21211),
        ({"from_": "12"}, 21212),
        ({"from_": PERSON}, 21606),
        ({"body": ""}, 21602),
        ({"body": "x" * 1601}, 21617),
    ],
)
async def test_wrong_messages_are_refused(options: dict[str, str], code: int) -> None:
    async with bench() as b:
        with pytest.raises(TwilioRestException) as refused:
            await send(b, **options)
        assert (refused.value.status, refused.value.code) == (400, code)
        assert b.stand_in.messages == ()


async def test_messages_are_found_again() -> None:
    async with bench() as b:
        first = await send(b)
        await send(b, to=PERSON)
        await b.receiver.wait_for("/sms-status", 2, MessageStatus="delivered")
        to_contact = await b.client.messages.list_async(to=CONTACT, from_=TWILIO)
        assert [each.sid for each in to_contact] == [first.sid]
        now = datetime.now(UTC)
        recent = await b.client.messages.list_async(date_sent_after=now - timedelta(minutes=1))
        assert len(recent) == 2
        assert await b.client.messages.list_async(date_sent_before=now - timedelta(minutes=1)) == []
        assert len(await b.client.messages.list_async(date_sent=now.date())) == 2
        assert await b.client.messages.list_async(date_sent=now.date() - timedelta(days=2)) == []


async def test_a_message_is_wiped_canceled_and_forgotten() -> None:
    async with bench(speed=1) as b:
        service = "MG" + "1" * 32
        made = await send(b, from_=None, messaging_service_sid=service)
        assert (made.from_, made.messaging_service_sid) == (TWILIO, service)
        assert (await b.client.messages(made.sid).update_async(status="canceled")).status == "canceled"
        with pytest.raises(TwilioRestException) as refused:
            await b.client.messages(made.sid).update_async(status="canceled")
        assert refused.value.status == 409
        assert (await b.client.messages(made.sid).update_async(body="")).body == ""
        assert await b.client.messages(made.sid).delete_async()
        with pytest.raises(TwilioRestException) as gone:
            await b.client.messages(made.sid).fetch_async()
        assert (gone.value.status, gone.value.code) == (404, 20404)
