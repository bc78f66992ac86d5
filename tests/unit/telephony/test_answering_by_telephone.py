"""What answers to alerts ask of Twilio: calls to contacts, legs ended, participants held and brought in."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from aiohttp.test_utils import TestServer

from callguard.errors import TelephonyError
from callguard.telephony.twilio import TwilioTelephony
from tests.unit.telephony.twilio_api import ACCOUNT, CONFERENCE, LEG, TwilioApi

CONTACT, TWILIO = "+12025550111", "+12025550100"
ROOT = f"/2010-04-01/Accounts/{ACCOUNT}"
MOMENT = datetime(2026, 5, 1, 9, 30, 0, 900_000, tzinfo=UTC)
TWIML = "<Response><Say>Hello</Say></Response>"


@pytest.fixture
def api() -> TwilioApi:
    return TwilioApi()


@pytest.fixture
async def telephony(api: TwilioApi) -> AsyncIterator[TwilioTelephony]:
    async with TestServer(api.app()) as server:
        url = str(server.make_url("")).rstrip("/")
        telephony = TwilioTelephony(account_sid=ACCOUNT, auth_token="a token", base_url=url)
        yield telephony
        await telephony.close()


async def test_a_contact_is_rung(api: TwilioApi, telephony: TwilioTelephony) -> None:
    sid = await telephony.place_call(
        to=CONTACT, sender=TWILIO, twiml=TWIML, status_callback="https://calls.example.org/told"
    )

    assert sid == LEG
    (method, path, given) = api.requests[0]
    form = dict(given)
    assert (method, path) == ("POST", f"{ROOT}/Calls.json")
    assert (form["To"], form["From"], form["Twiml"]) == (CONTACT, TWILIO, TWIML)
    assert form["StatusCallback"] == "https://calls.example.org/told"
    assert "answered" in [value for name, value in given if name == "StatusCallbackEvent"]


async def test_a_call_that_nobody_follows_names_no_callback(
    api: TwilioApi, telephony: TwilioTelephony
) -> None:
    await telephony.place_call(to=CONTACT, sender=TWILIO, twiml=TWIML, status_callback=None)

    assert "StatusCallback" not in api.form()


@pytest.mark.parametrize(
    ("direction", "made", "is_found"),
    [
        ("outbound-api", MOMENT.replace(microsecond=0), True),
        ("outbound-api", MOMENT.replace(minute=29), False),
        ("inbound", MOMENT.replace(minute=31), False),
    ],
)
async def test_a_call_whose_reply_was_lost_is_found_by_its_numbers_and_time(
    api: TwilioApi, telephony: TwilioTelephony, direction: str, made: datetime, is_found: bool
) -> None:
    api.calls = [{"sid": LEG, "direction": direction, "date_created": format_datetime(made)}]

    found = await telephony.find_call(to=CONTACT, sender=TWILIO, since=MOMENT)

    assert found == (LEG if is_found else None)
    assert (api.form()["To"], api.form()["From"]) == (CONTACT, TWILIO)


async def test_a_leg_is_ended(api: TwilioApi, telephony: TwilioTelephony) -> None:
    await telephony.end_leg(LEG)

    assert api.requests[0][:2] == ("POST", f"{ROOT}/Calls/{LEG}.json")
    assert api.form() == {"Status": "completed"}


@pytest.mark.parametrize(
    ("status", "code", "is_over"), [(400, 21220, True), (404, 20404, True), (500, 20500, False)]
)
async def test_a_leg_that_is_over_is_no_error(
    api: TwilioApi, telephony: TwilioTelephony, status: int, code: int, is_over: bool
) -> None:
    api.refusals = [(status, {"code": code, "message": "no", "status": status})]
    if is_over:
        await telephony.end_leg(LEG)
    else:
        with pytest.raises(TelephonyError):
            await telephony.end_leg(LEG)


async def test_a_contact_comes_in_without_ending_the_call_when_they_leave(
    api: TwilioApi, telephony: TwilioTelephony
) -> None:
    assert (
        await telephony.add_contact(conference="User-1-2", to=CONTACT, sender=TWILIO, label="contact-1")
        == LEG
    )

    form = api.form()
    assert (form["To"], form["From"], form["Label"]) == (CONTACT, TWILIO, "contact-1")
    assert form["EndConferenceOnExit"] == form["StartConferenceOnEnter"] == "false"


async def test_a_participant_is_found_by_its_label(api: TwilioApi, telephony: TwilioTelephony) -> None:
    assert await telephony.leg_in_conference("User-1-2", "contact-1") is None
    api.labels.append("contact-1")
    assert await telephony.leg_in_conference("User-1-2", "contact-1") is not None


@pytest.mark.parametrize("on", [True, False])
async def test_the_caller_is_held_and_hears_why(api: TwilioApi, telephony: TwilioTelephony, on: bool) -> None:
    await telephony.hold(
        conference="User-1-2", label="caller", on=on, announcement="https://calls.example.org/hold"
    )

    method, path, _ = api.requests[-1]
    assert (method, path) == ("POST", f"{ROOT}/Conferences/{CONFERENCE}/Participants/caller.json")
    assert api.form()["Hold"] == str(on).lower()
    assert api.form()["HoldUrl"] == "https://calls.example.org/hold"


async def test_nobody_is_held_in_a_conference_that_is_over(
    api: TwilioApi, telephony: TwilioTelephony
) -> None:
    await telephony.hold(conference="User-9-9", label="caller", on=True, announcement="https://x.example")

    assert [method for method, _, _ in api.requests] == ["GET"]


async def test_one_participant_alone_is_spoken_to(api: TwilioApi, telephony: TwilioTelephony) -> None:
    url = "https://calls.example.org/whisper?step=1"
    assert await telephony.announce(conference="User-1-2", label="person", url=url)

    method, path, _ = api.requests[-1]
    assert (method, path) == ("POST", f"{ROOT}/Conferences/{CONFERENCE}/Participants/person.json")
    assert api.form() == {"AnnounceUrl": url, "AnnounceMethod": "POST"}
    assert not await telephony.announce(conference="User-9-9", label="person", url=url)


async def test_a_leg_is_transcribed_as_the_twiml_asks_for_it(
    api: TwilioApi, telephony: TwilioTelephony
) -> None:
    told = "https://calls.example.org/transcription"
    await telephony.start_transcription(
        LEG, name="callguard-2", language_code="es-US", hints="tarjeta,banco", callback=told
    )

    assert api.requests[0][:2] == ("POST", f"{ROOT}/Calls/{LEG}/Transcriptions.json")
    form = api.form()
    assert (form["Name"], form["Track"], form["LanguageCode"]) == ("callguard-2", "both_tracks", "es-US")
    assert (form["PartialResults"], form["ProfanityFilter"]) == ("true", "false")
    assert (form["StatusCallbackUrl"], form["Hints"]) == (told, "tarjeta,banco")


async def test_a_transcription_is_ended_by_its_sid_and_one_that_is_over_is_no_error(
    api: TwilioApi, telephony: TwilioTelephony
) -> None:
    session = "GT" + "5" * 32
    await telephony.stop_transcription(LEG, session)

    assert api.requests[0][:2] == ("POST", f"{ROOT}/Calls/{LEG}/Transcriptions/{session}.json")
    assert api.form() == {"Status": "stopped"}
    api.refusals = [(404, {"code": 20404, "message": "Not found", "status": 404})]
    await telephony.stop_transcription(LEG, session)
