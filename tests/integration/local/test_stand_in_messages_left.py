"""Callers who are asked something, or leave a message, and phones that screen: as Twilio does it."""

import io
import wave

import pytest
from starlette.responses import Response
from twilio.rest import Client

from callguard.domain.audio import mulaw_decode
from callguard.local.twilio import EndedBy, Handset, OnCall, Outcome
from callguard.telephony.http import TwilioTransport
from tests.integration.local.stand_in_bench import ACCOUNT, PERSON, SHORT_PATIENCE, Hook, bench, plan

MESSAGE = bytes(range(256)) * 63
RECORD = (
    "<Record maxLength='120' timeout='5' action='/taken' recordingStatusCallback='/recorded' "
    "recordingStatusCallbackEvent='completed absent'/><Redirect>/nothing</Redirect>"
)


@pytest.mark.parametrize(
    ("asked", "answers", "keys", "told"),
    [
        ("input='speech dtmf'", ["it is the plumber"], "", {"SpeechResult": "it is the plumber"}),
        ("input='speech dtmf'", ["it is the plumber"], "5", {"Digits": "5"}),
        ("input='speech dtmf' actionOnEmptyResult='true'", [], "", {"Digits": ""}),
        ("actionOnEmptyResult='true'", ["nobody listens for words"], "", {"Digits": ""}),
        ("input='speech' actionOnEmptyResult='true'", [], "5", {"Digits": ""}),
    ],
)
async def test_a_caller_is_asked(asked: str, answers: list[str], keys: str, told: dict[str, str]) -> None:
    async with bench() as b:
        b.answers(f"<Gather numDigits='1' action='/answered' {asked}><Say>Who is it?</Say></Gather>")
        b.receiver.answer("/answered", "<Response><Hangup/></Response>")
        await b.stand_in.place_call(plan(answers=answers, keys=keys))
        (hook,) = b.receiver.of("/answered")
        assert told.items() <= dict(hook.params).items()
        assert ("Confidence" in hook.params) == ("SpeechResult" in told)
        assert len(b.stand_in.debugger) == 0


async def test_without_an_answer_the_document_goes_on() -> None:
    async with bench() as b:
        b.answers("<Gather input='speech dtmf' action='/answered'/><Redirect>/next</Redirect>")
        b.receiver.answer("/next", "<Response><Hangup/></Response>")
        await b.stand_in.place_call(plan(answers=[""]))
        assert b.receiver.of("/answered") == []
        assert len(b.receiver.of("/next")) == 1


@pytest.mark.parametrize("waits", [True, False])
async def test_a_message_is_recorded_told_and_to_be_had_until_it_is_deleted(waits: bool) -> None:
    async with bench() as b:
        b.answers(RECORD)
        b.receiver.answer("/taken", "<Response><Hangup/></Response>")
        record = await b.stand_in.place_call(plan(message=MESSAGE, waits_after_message=waits))
        assert record.ended_by is (EndedBy.TWIML if waits else EndedBy.CALLER)
        (taken,), (recorded,) = b.receiver.of("/taken"), b.receiver.of("/recorded")
        assert taken.params["Digits"] == ("" if waits else "hangup")
        sid = taken.params["RecordingSid"]
        assert taken.params["RecordingDuration"] == "2"
        assert recorded.params["RecordingSid"] == sid
        assert recorded.params["CallSid"] == record.call_sid
        assert (recorded.params["RecordingStatus"], recorded.params["RecordingSource"]) == (
            "completed",
            "RecordVerb",
        )
        assert recorded.params["RecordingUrl"].endswith(f"/Recordings/{sid}")
        assert b.receiver.of("/nothing") == []

        transport = TwilioTransport(b.stand_in.url)
        client = Client(ACCOUNT.sid, ACCOUNT.auth_token, http_client=transport)
        try:
            found = await client.recordings(sid).fetch_async()
            assert (found.duration, found.source, found.call_sid) == ("2", "RecordVerb", record.call_sid)
            path = f"/2010-04-01/Accounts/{ACCOUNT.sid}/Recordings/{sid}.wav"
            login = (ACCOUNT.sid, ACCOUNT.auth_token)
            status, content = await transport.download(path, login)
            with wave.open(io.BytesIO(content)) as sound:
                assert (status, sound.getframerate(), sound.getnchannels()) == (200, 8000, 1)
                assert sound.readframes(99999) == mulaw_decode(MESSAGE).tobytes()
            assert (await transport.download(path, (ACCOUNT.sid, "guessed")))[0] == 401
            await client.recordings(sid).delete_async()
            assert (await transport.download(path, login))[0] == 404
        finally:
            await transport.close()


async def test_who_says_nothing_is_not_recorded() -> None:
    async with bench() as b:
        b.answers(RECORD)
        b.receiver.answer("/nothing", "<Response><Hangup/></Response>")
        await b.stand_in.place_call(plan())
        assert b.receiver.of("/taken") == []
        assert [hook.params["RecordingStatus"] for hook in b.receiver.of("/recorded")] == ["absent"]
        assert len(b.receiver.of("/nothing")) == 1
        assert len(b.stand_in.recordings) == 0


@pytest.mark.parametrize(
    ("told", "takes", "outcome"),
    [
        (True, True, Outcome.COMPLETED),
        (True, False, Outcome.NO_ANSWER),
        (False, True, Outcome.NO_ANSWER),
    ],
)
async def test_a_phone_that_screens_fetches_the_person_for_who_is_announced(
    told: bool, takes: bool, outcome: Outcome
) -> None:
    async with bench(Handset(PERSON, OnCall.SCREENS, takes_screened_calls=takes)) as b:

        async def transcribed(hook: Hook) -> Response:
            if told and hook.params.get("Final") == "true" and "reason" in hook.params["TranscriptionData"]:
                conference = b.receiver.of("/conference")[0].params["ConferenceSid"]
                participant = b.client.conferences(conference).participants("person 0")
                await participant.update_async(announce_url=f"{b.receiver.url}/who")
            return Response(status_code=204)

        b.receiver.answer("/transcription", transcribed)
        b.receiver.answer("/who", "<Response><Pause length='1'/><Say>The plumber</Say></Response>")
        record = await b.stand_in.place_call(plan(patience_seconds=SHORT_PATIENCE))
        assert record.outcome is outcome
        assert ("outbound_track", Handset(PERSON).screening_words, True) in b.transcripts()
