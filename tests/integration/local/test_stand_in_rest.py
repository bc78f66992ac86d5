"""The REST front desk: credentials, errors, paging, numbers, faults, and the SDK in both its manners."""

import asyncio
from typing import Any

import httpx
import pytest
from aiohttp import ClientError
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from callguard.errors import ProtocolError
from callguard.local.twilio import (
    Account,
    AudioConversation,
    Handset,
    OnResult,
    PhoneBook,
    PhoneNumber,
    TrackRecogniser,
    TwilioStandIn,
)
from tests.integration.local.stand_in_bench import (
    ACCOUNT,
    CONTACT,
    PERSON,
    TWILIO,
    Bench,
    LocalHttpClient,
    Receiver,
    bench,
    plan,
    served,
)

BASE = f"/2010-04-01/Accounts/{ACCOUNT.sid}"


async def refusal(awaitable: Any) -> tuple[int, int]:
    with pytest.raises(TwilioRestException) as refused:
        await awaitable
    return refused.value.status, refused.value.code


async def send(b: Bench) -> Any:
    return await b.client.messages.create_async(to=CONTACT, from_=TWILIO, body="hello")


async def test_wrong_credentials_are_refused() -> None:
    async with bench() as b, LocalHttpClient(b.stand_in.url) as transport:
        client = Client(ACCOUNT.sid, "another secret", http_client=transport)
        assert await refusal(client.incoming_phone_numbers.create_async(phone_number=PERSON)) == (401, 20003)
        assert b.stand_in.requests[0].status == 401


async def test_unknown_resources_paths_and_methods_are_refused_in_twilios_words() -> None:
    async with bench() as b:
        assert await refusal(b.client.calls("CA" + "0" * 32).fetch_async()) == (404, 20404)
        assert await refusal(b.client.conferences("CF" + "0" * 32).fetch_async()) == (404, 20404)
        room = b.client.conferences("CF" + "0" * 32).participants
        assert await refusal(room.create_async(from_=TWILIO, to=PERSON)) == (404, 20404)
        auth = (ACCOUNT.sid, ACCOUNT.auth_token)
        async with httpx.AsyncClient(base_url=b.stand_in.url, auth=auth) as http:
            lost = await http.get("/2010-04-01/Nowhere.json")
            assert (lost.status_code, lost.json()["code"]) == (404, 20404)
            wrong = await http.put(f"{BASE}/Messages.json")
            assert (wrong.status_code, wrong.json()["code"]) == (405, 20004)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"to": "12", "from_": TWILIO}, 21211),
        ({"to": PERSON, "from_": "12"}, 21212),
        ({"to": PERSON, "from_": PERSON}, 21210),
        ({"to": PERSON, "from_": TWILIO}, 21205),
        ({"to": PERSON, "from_": TWILIO, "twiml": "x" * 4001}, 20001),
        ({"to": PERSON, "from_": TWILIO, "url": "http://127.0.0.1:9/", "timeout": 9999}, 20001),
        (
            {"to": PERSON, "from_": TWILIO, "url": "http://127.0.0.1:9/", "status_callback_event": ["sung"]},
            20001,
        ),
    ],
)
async def test_wrong_calls_are_refused(options: dict[str, Any], code: int) -> None:
    async with bench() as b:
        assert await refusal(b.client.calls.create_async(**options)) == (400, code)


async def test_recordings_are_not_supported() -> None:
    async with bench() as b:
        b.answers("<Hangup/>")
        record = await b.stand_in.place_call(plan())
        assert await refusal(b.client.calls(record.call_sid).recordings.create_async()) == (400, 20001)


async def test_calls_are_listed_by_page_and_forgotten() -> None:
    async with bench() as b:
        b.answers("<Hangup/>")
        sids = [(await b.stand_in.place_call(plan())).call_sid for _ in range(5)]
        listed = await b.client.calls.list_async(page_size=2)
        assert [call.sid for call in listed] == list(reversed(sids))
        assert len(await b.client.calls.list_async(limit=3, page_size=3)) == 3
        assert len(await b.client.calls.list_async(to=TWILIO, status="completed")) == 5
        assert await b.client.calls.list_async(from_=PERSON) == []
        assert await b.client.calls(sids[0]).delete_async()
        assert len(await b.client.calls.list_async()) == 4


async def test_numbers_are_bought_changed_and_given_back() -> None:
    async with bench() as b:
        spare = await b.client.available_phone_numbers("US").local.list_async(area_code=202)
        bought = await b.client.incoming_phone_numbers.create_async(
            phone_number=spare[0].phone_number, voice_url=f"{b.receiver.url}/other", friendly_name="second"
        )
        assert bought.capabilities["voice"] is True
        changed = await b.client.incoming_phone_numbers(bought.sid).update_async(voice_method="GET")
        assert (changed.voice_method, changed.voice_url) == ("GET", f"{b.receiver.url}/other")
        b.receiver.answer("/other", "<Response><Reject/></Response>")
        await b.stand_in.place_call(plan(to_number=bought.phone_number))
        assert b.receiver.of("/other")[0].method == "GET"
        again = b.client.incoming_phone_numbers.create_async(phone_number=bought.phone_number)
        assert await refusal(again) == (400, 21422)
        by_area = await b.client.incoming_phone_numbers.create_async(area_code="202")
        assert by_area.phone_number == spare[1].phone_number
        assert (await b.client.incoming_phone_numbers.list_async(friendly_name="second"))[0].sid == bought.sid
        assert await b.client.incoming_phone_numbers(bought.sid).delete_async()
        assert await refusal(b.client.incoming_phone_numbers(bought.sid).fetch_async()) == (404, 20404)


async def test_requests_are_kept_with_their_parameters_and_status() -> None:
    async with bench() as b:
        await send(b)
        (request,) = b.stand_in.requests
        assert (request.method, request.path, request.status) == ("POST", f"{BASE}/Messages.json", 201)
        assert request.params == {"To": (CONTACT,), "From": (TWILIO,), "Body": ("hello",)}
        assert CONTACT not in repr(request)


async def test_arranged_refusals_come_as_often_as_arranged() -> None:
    async with bench() as b:
        b.stand_in.faults.refuse("POST", r"/Messages\.json$", status=429, code=20429, times=2)
        assert await refusal(send(b)) == (429, 20429)
        assert await b.client.messages.list_async() == []
        assert await refusal(send(b)) == (429, 20429)
        assert (await send(b)).status == "queued"
        assert len(b.stand_in.messages) == 1


async def test_a_request_that_hangs_has_no_effect() -> None:
    async with bench() as b:
        b.stand_in.faults.hang("POST", "Messages")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await send(b)
        assert b.stand_in.messages == ()
        assert b.stand_in.requests[0].status is None
        b.stand_in.faults.hang("GET", "Messages", times=5)
        b.stand_in.faults.clear()
        assert await b.client.messages.list_async() == []


async def test_a_lost_reply_leaves_the_effect() -> None:
    async with bench() as b:
        b.stand_in.faults.lose_reply("POST", "Messages")
        with pytest.raises(ClientError):
            await send(b)
        assert [message.to_number for message in b.stand_in.messages] == [CONTACT]
        await b.stand_in.settled()
        assert [each.status for each in await b.client.messages.list_async(to=CONTACT)] == ["delivered"]


async def test_the_stand_in_closes_while_requests_hang_and_calls_ring() -> None:
    receiver = Receiver()
    async with served(receiver.app) as receiver.url, httpx.AsyncClient() as http:
        async with TwilioStandIn(
            ACCOUNT, phone_book=PhoneBook([Handset(PERSON, ring_seconds=3600)])
        ) as stand_in:
            stand_in.add_number(PhoneNumber(TWILIO))
            url, auth = stand_in.url + BASE, (ACCOUNT.sid, ACCOUNT.auth_token)
            call = {"From": TWILIO, "To": PERSON, "Twiml": "<Response/>"}
            ringing = {"StatusCallback": f"{receiver.url}/leg", "StatusCallbackEvent": "ringing"}
            await http.post(f"{url}/Calls.json", data={**call, **ringing}, auth=auth)
            await receiver.wait_for("/leg", CallStatus="ringing")
            stand_in.faults.hang("GET", "Calls")
            hanging = asyncio.create_task(http.get(f"{url}/Calls.json", auth=auth))
            # The connection is taken in order, so once another is answered this one hangs.
            await http.get(f"{url}/Messages.json", auth=auth)
            assert len(stand_in.requests) == 3
        with pytest.raises(httpx.RemoteProtocolError):
            await hanging
    ours = [task for task in asyncio.all_tasks() if "local/twilio" in str(task.get_stack())]
    assert ours == []


async def test_the_sdk_that_blocks_works_as_well() -> None:
    class Rewriting(TwilioHttpClient):  # type: ignore[misc]
        def request(self, method: str, url: str, *arguments: Any, **options: Any) -> Any:
            return super().request(method, url.replace("https://api.twilio.com", here), *arguments, **options)

    async with bench() as b:
        here = b.stand_in.url
        client = Client(ACCOUNT.sid, ACCOUNT.auth_token, http_client=Rewriting())
        made = await asyncio.to_thread(client.messages.create, to=CONTACT, from_=TWILIO, body="hello")
        assert made.sid == b.stand_in.messages[0].sid
        client.http_client.session.close()


async def test_a_taken_port_is_told() -> None:
    async with bench() as b:
        port = int(b.stand_in.url.rsplit(":", 1)[1])
        with pytest.raises(ProtocolError, match="taken"):
            async with TwilioStandIn(Account("AC" + "b" * 32, "t"), phone_book=PhoneBook(), port=port):
                pass


async def test_a_failure_within_is_not_swallowed() -> None:
    class BrokenFactory:
        def open(self, language: str, on_result: OnResult) -> TrackRecogniser:
            raise RuntimeError(f"no model for {language} and {on_result}")

    async with bench(recogniser=BrokenFactory()) as b:
        with pytest.raises(ExceptionGroup) as failed:
            await b.stand_in.place_call(plan(conversation=AudioConversation(b"\x01" * 800)))
        assert failed.group_contains(RuntimeError, match="no model")
