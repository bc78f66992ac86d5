"""What the telephony does for voicemail and for phones that screen their calls."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer

from callguard.errors import TelephonyError, TelephonyUnreachable
from callguard.telephony import http
from callguard.telephony.twilio import TwilioTelephony
from tests.unit.telephony.twilio_api import ACCOUNT, CONFERENCE, LEG, TwilioApi

ROOT = f"/2010-04-01/Accounts/{ACCOUNT}"
RECORDING = "RE" + "5" * 32
SPOKEN = "https://calls.example.org/who-calls?parent=CA1"


@pytest.fixture
def api() -> TwilioApi:
    return TwilioApi()


@pytest.fixture
async def telephony(api: TwilioApi) -> AsyncIterator[TwilioTelephony]:
    async with TestServer(api.app()) as server:
        base_url = str(server.make_url("")).rstrip("/")
        telephony = TwilioTelephony(account_sid=ACCOUNT, auth_token="an auth token", base_url=base_url)
        yield telephony
        await telephony.close()


@pytest.mark.parametrize(
    ("ends", "announcement", "form"),
    [
        (
            False,
            SPOKEN,
            {"EndConferenceOnExit": "false", "AnnounceUrl": SPOKEN, "AnnounceMethod": "POST"},
        ),
        (True, None, {"EndConferenceOnExit": "true"}),
    ],
)
async def test_one_participant_is_changed_and_spoken_to_in_one_request(
    api: TwilioApi, telephony: TwilioTelephony, ends: bool, announcement: str | None, form: dict[str, str]
) -> None:
    await telephony.change_participant(
        conference="User-1-2", call_sid=LEG, ends_conference=ends, announcement=announcement
    )

    method, path, _ = api.requests[-1]
    assert (method, path) == ("POST", f"{ROOT}/Conferences/{CONFERENCE}/Participants/{LEG}.json")
    assert api.form() == form


async def test_a_participant_who_left_is_no_error(api: TwilioApi, telephony: TwilioTelephony) -> None:
    api.takes_part = False
    await telephony.change_participant(
        conference="User-1-2", call_sid=LEG, ends_conference=True, announcement=None
    )
    await telephony.change_participant(
        conference="User-9-9", call_sid=LEG, ends_conference=True, announcement=None
    )


async def test_a_participant_that_can_not_be_changed_is(api: TwilioApi, telephony: TwilioTelephony) -> None:
    api.refusals = [(500, {"code": 20500, "message": "no", "status": 500})] * 2
    with pytest.raises(TelephonyError):
        await telephony.change_participant(
            conference="User-1-2", call_sid=LEG, ends_conference=True, announcement=None
        )


async def test_a_recording_is_fetched_byte_by_byte(api: TwilioApi, telephony: TwilioTelephony) -> None:
    api.recordings[RECORDING] = bytes(range(256)) * 10

    assert await telephony.recording(RECORDING) == api.recordings[RECORDING]
    assert api.requests[-1][:2] == ("GET", f"{ROOT}/Recordings/{RECORDING}.wav")
    assert len(api.credentials) == 1
    assert all(given.startswith("Basic ") for given in api.credentials)


async def test_there_is_none(api: TwilioApi, telephony: TwilioTelephony) -> None:
    assert await telephony.recording(RECORDING) is None
    await telephony.delete_recording(RECORDING)
    assert api.requests[-1][:2] == ("DELETE", f"{ROOT}/Recordings/{RECORDING}.json")


async def test_a_recording_is_deleted(api: TwilioApi, telephony: TwilioTelephony) -> None:
    api.recordings[RECORDING] = b"RIFF"
    await telephony.delete_recording(RECORDING)
    api.refusals = [(500, {"code": 20500, "message": "no", "status": 500})]
    with pytest.raises(TelephonyError):
        await telephony.delete_recording(RECORDING)


async def test_a_refusal_and_silence_are_told_apart(
    api: TwilioApi, telephony: TwilioTelephony, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.recordings[RECORDING] = b"RIFF"
    api.refusals = [(503, "busy")]
    with pytest.raises(TelephonyError) as refused:
        await telephony.recording(RECORDING)
    assert refused.value.status == 503
    monkeypatch.setattr(http, "DOWNLOAD_SECONDS", 0)
    with pytest.raises(TelephonyUnreachable):
        await telephony.recording(RECORDING)


async def test_no_more_is_taken_than_a_message_can_be(
    api: TwilioApi, telephony: TwilioTelephony, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 1000)
    api.recordings[RECORDING] = b"x" * 5000

    assert await telephony.recording(RECORDING) == b"x" * 1000
