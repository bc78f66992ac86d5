import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from callguard.errors import TelephonyError, TelephonyUnreachable
from callguard.telephony import http
from callguard.telephony.port import DialledLeg, SentMessage, Telephony
from callguard.telephony.twilio import TwilioTelephony
from tests.unit.telephony.twilio_api import ACCOUNT, CONFERENCE, LEG, MESSAGE, TwilioApi

TOKEN = "an auth token"
CALL_TOKEN = "%7B%22parentCallInfoToken%22%3A%22a%2Bb%22%7D"
DIAL = {
    "conference": "User-1-2",
    "to": "+12025550101",
    "caller": "+12025550143",
    "fallback_caller": "+12025550100",
    "status_callback": "https://calls.example.org/call-status?parent=CA1",
    "answered_by_callback": "https://calls.example.org/answered-by?parent=CA1",
}
SMS = {
    "to": "+12025550111",
    "sender": "+12025550100",
    "body": "callguard ALERT: Margaret, 50% & more +",
    "status_callback": "https://calls.example.org/message-status?alert=1",
}
MOMENT = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)


def refusal(status: int, code: int) -> tuple[int, object]:
    message = f"The number {DIAL['caller']} is not valid"
    return status, {"code": code, "message": message, "more_info": "https://www.twilio.com", "status": status}


@pytest.fixture
def api() -> TwilioApi:
    return TwilioApi()


@pytest.fixture
async def telephony(api: TwilioApi) -> AsyncIterator[TwilioTelephony]:
    async with TestServer(api.app()) as server:
        telephony = at(str(server.make_url("")).rstrip("/"))
        yield telephony
        await telephony.close()


def at(base_url: str) -> TwilioTelephony:
    return TwilioTelephony(account_sid=ACCOUNT, auth_token=TOKEN, base_url=base_url)


class TestDialling:
    async def test_the_person_sees_who_is_calling(self, api: TwilioApi, telephony: TwilioTelephony) -> None:
        leg = await telephony.dial_into_conference(**DIAL, call_token=CALL_TOKEN)

        assert leg == DialledLeg(LEG, used_call_token=True, token_refused=None)
        (method, path, given) = api.requests[0]
        assert (method, path) == (
            "POST",
            f"/2010-04-01/Accounts/{ACCOUNT}/Conferences/User-1-2/Participants.json",
        )
        form = dict(given)
        assert (form["From"], form["To"], form["CallToken"]) == (DIAL["caller"], DIAL["to"], CALL_TOKEN)
        assert form["StatusCallback"] == DIAL["status_callback"]
        assert (form["MachineDetection"], form["AmdStatusCallback"]) == (
            "Enable",
            DIAL["answered_by_callback"],
        )
        assert (form["Label"], form["Beep"]) == ("person", "false")
        assert [value for name, value in given if name == "StatusCallbackEvent"] == [
            "initiated",
            "ringing",
            "answered",
            "completed",
        ]
        assert form["EndConferenceOnExit"] == form["StartConferenceOnEnter"] == form["EarlyMedia"] == "true"

    async def test_it_authenticates_as_the_account(self, api: TwilioApi, telephony: TwilioTelephony) -> None:
        await telephony.dial_into_conference(**DIAL, call_token=None)

        assert api.credentials == {"Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()}

    async def test_without_a_token_the_twilio_number_calls(
        self, api: TwilioApi, telephony: TwilioTelephony
    ) -> None:
        leg = await telephony.dial_into_conference(**DIAL, call_token=None)

        assert leg == DialledLeg(LEG, used_call_token=False, token_refused=None)
        assert api.form()["From"] == DIAL["fallback_caller"]
        assert "CallToken" not in api.form()

    @pytest.mark.parametrize("code", [21210, 21212])
    async def test_a_refused_token_is_tried_once_without(
        self, api: TwilioApi, telephony: TwilioTelephony, code: int
    ) -> None:
        api.refusals = [refusal(400, code)]

        leg = await telephony.dial_into_conference(**DIAL, call_token=CALL_TOKEN)

        assert leg == DialledLeg(LEG, used_call_token=False, token_refused=str(code))
        assert len(api.requests) == 2
        assert api.form()["From"] == DIAL["fallback_caller"]
        assert "CallToken" not in api.form()

    async def test_a_second_refusal_is_the_last(self, api: TwilioApi, telephony: TwilioTelephony) -> None:
        api.refusals = [refusal(400, 21210), refusal(400, 21210)]

        with pytest.raises(TelephonyError):
            await telephony.dial_into_conference(**DIAL, call_token=CALL_TOKEN)
        assert len(api.requests) == 2

    @pytest.mark.parametrize(("status", "code"), [(400, 21211), (429, 20429), (401, 20003), (500, 20500)])
    async def test_another_refusal_is_not_repeated(
        self, api: TwilioApi, telephony: TwilioTelephony, status: int, code: int
    ) -> None:
        api.refusals = [refusal(status, code)]

        with pytest.raises(TelephonyError) as caught:
            await telephony.dial_into_conference(**DIAL, call_token=CALL_TOKEN)

        assert (caught.value.status, caught.value.twilio_code) == (status, code)
        assert not isinstance(caught.value, TelephonyUnreachable)
        assert len(api.requests) == 1
        assert DIAL["caller"] not in str(caught.value)
        assert CALL_TOKEN not in str(caught.value)

    async def test_a_broken_connection_is_no_refusal_and_not_repeated(
        self, api: TwilioApi, telephony: TwilioTelephony
    ) -> None:
        async def break_off(request: web.Request) -> None:
            assert request.transport is not None
            request.transport.abort()

        api.before_answering = break_off

        with pytest.raises(TelephonyUnreachable):
            await telephony.dial_into_conference(**DIAL, call_token=CALL_TOKEN)
        assert len(api.requests) == 1

    async def test_the_leg_of_a_person_already_dialled_is_found(self, telephony: TwilioTelephony) -> None:
        assert await telephony.leg_in_conference("User-1-2") == LEG

    async def test_a_leg_known_already_is_not_the_one_looked_for(self, telephony: TwilioTelephony) -> None:
        assert await telephony.leg_in_conference("User-1-2", known=[LEG]) is None

    @pytest.mark.parametrize("takes_part", [True, False])
    async def test_a_leg_is_ended_and_its_conference_is_not(
        self, api: TwilioApi, telephony: TwilioTelephony, takes_part: bool
    ) -> None:
        api.takes_part = takes_part
        await telephony.drop_leg("User-1-2", LEG)
        (_, asked, release), (_, path, form) = api.requests[1:]
        assert asked.endswith(f"/Conferences/{CONFERENCE}/Participants/{LEG}.json")
        assert dict(release) == {"EndConferenceOnExit": "false"}
        assert path.endswith(f"/Calls/{LEG}.json")
        assert dict(form) == {"Status": "completed"}

    async def test_a_calls_status_is_looked_up(self, api: TwilioApi, telephony: TwilioTelephony) -> None:
        assert await telephony.call_status(LEG) == "completed"
        api.refusals = [refusal(404, 20404)]
        assert await telephony.call_status(LEG) is None
        api.refusals = [refusal(500, 20500)]
        with pytest.raises(TelephonyError):
            await telephony.call_status(LEG)

    async def test_no_leg_is_found_where_none_is(self, api: TwilioApi, telephony: TwilioTelephony) -> None:
        assert await telephony.leg_in_conference("User-9-9") is None
        api.labels = ["caller"]
        assert await telephony.leg_in_conference("User-1-2") is None


class TestMessages:
    async def test_a_message_is_sent(self, api: TwilioApi, telephony: TwilioTelephony) -> None:
        sent = await telephony.send_message(**SMS)

        assert sent == SentMessage(MESSAGE, "queued")
        form = api.form()
        assert (form["To"], form["From"], form["Body"]) == (SMS["to"], SMS["sender"], SMS["body"])
        assert form["StatusCallback"] == SMS["status_callback"]

    async def test_a_message_whose_reply_was_lost_is_found_by_its_body(
        self, api: TwilioApi, telephony: TwilioTelephony
    ) -> None:
        api.bodies = ["another", SMS["body"]]

        found = await telephony.find_message(to=SMS["to"], body=SMS["body"], since=MOMENT)

        assert found == SentMessage(f"SM{1:032}", "sent")
        assert api.form()["To"] == SMS["to"]
        assert any(
            name.startswith("DateSent") and "2026-05-01" in value for name, value in api.form().items()
        )

    async def test_a_message_that_never_arrived_is_not_found(self, telephony: TwilioTelephony) -> None:
        assert await telephony.find_message(to=SMS["to"], body=SMS["body"], since=MOMENT) is None

    async def test_a_refusal_keeps_twilios_code(self, api: TwilioApi, telephony: TwilioTelephony) -> None:
        api.refusals = [refusal(400, 21610)]

        with pytest.raises(TelephonyError, match="21610") as caught:
            await telephony.send_message(**SMS)
        assert caught.value.twilio_code == 21610
        assert caught.value.__cause__ is None


async def test_a_leg_gets_new_instructions(api: TwilioApi, telephony: TwilioTelephony) -> None:
    await telephony.redirect(LEG, "<Response><Hangup/></Response>")

    assert api.requests[0][:2] == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{LEG}.json")
    assert api.form()["Twiml"] == "<Response><Hangup/></Response>"


async def test_the_accounts_numbers_show_where_calls_go(telephony: TwilioTelephony) -> None:
    numbers = [number.settings for number in await telephony.numbers()]
    assert [(number.voice_url, number.voice_fallback_url) for number in numbers] == [
        ("https://calls.example.org/incoming-call", "https://static.example"),
        ("", ""),
    ]


async def test_requests_follow_each_other_on_one_client(api: TwilioApi, telephony: TwilioTelephony) -> None:
    for _ in range(3):
        await telephony.send_message(**SMS)

    assert len(api.bodies) == 3


async def test_nobody_listens() -> None:
    telephony = at(f"http://127.0.0.1:{unused_port()}")
    with pytest.raises(TelephonyUnreachable) as caught:
        await telephony.send_message(**SMS)
    await telephony.close()

    assert SMS["to"] not in str(caught.value)


@pytest.mark.promise("F21")
async def test_no_reply_in_time_is_unreachable_and_not_repeated(
    api: TwilioApi, telephony: TwilioTelephony, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = asyncio.Event()

    async def wait(_request: web.Request) -> None:
        await over.wait()

    api.before_answering = wait
    monkeypatch.setattr(http, "REQUEST_SECONDS", 0.05)
    with pytest.raises(TelephonyUnreachable) as caught:
        await telephony.dial_into_conference(**DIAL, call_token=CALL_TOKEN)
    over.set()

    assert len(api.requests) == 1
    assert DIAL["to"] not in str(caught.value)


@pytest.mark.parametrize("status", [502, 503])
async def test_a_gateways_page_is_told_of_by_its_status(
    api: TwilioApi, telephony: TwilioTelephony, status: int
) -> None:
    api.refusals = [(status, "<html>Bad gateway</html>")]

    with pytest.raises(TelephonyError) as caught:
        await telephony.send_message(**SMS)

    assert caught.value.status == status


async def test_it_is_a_telephony(telephony: TwilioTelephony) -> None:
    port: Telephony = telephony

    assert (await port.send_message(**SMS)).sid == MESSAGE


async def test_a_stream_is_started_with_its_token_as_a_parameter(
    api: TwilioApi, telephony: TwilioTelephony
) -> None:
    await telephony.start_stream(
        LEG, name="callguard-1", url="wss://a.example.org/media-stream", token="t+/="
    )

    ((method, path, given),) = api.requests
    assert (method, path) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{LEG}/Streams.json")
    assert dict(given) == {
        "Name": "callguard-1",
        "Url": "wss://a.example.org/media-stream",
        "Track": "both_tracks",
        "Parameter1.Name": "token",
        "Parameter1.Value": "t+/=",
    }
