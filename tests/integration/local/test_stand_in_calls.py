"""Calls from outside: from the first webhook to the last callback."""

import asyncio
import json
from urllib.parse import unquote

import pytest
from starlette.responses import Response
from twilio.base.exceptions import TwilioRestException

from callguard.domain.transcript import Speaker
from callguard.local.twilio import (
    Connected,
    EndedBy,
    Handset,
    OnCall,
    Outcome,
    Ringing,
    Transcribed,
    TurnStarted,
)
from tests.integration.local.stand_in_bench import (
    CALLER,
    CONTACT,
    PERSON,
    SHORT_PATIENCE,
    TWILIO,
    Bench,
    Hook,
    bench,
    dialogue,
    plan,
)


async def test_a_dialogue_is_held_and_told() -> None:
    async with bench() as b:
        record = await b.stand_in.place_call(
            plan("good morning this is your bank", "which bank would that be")
        )
        assert (record.outcome, record.ended_by) == (Outcome.COMPLETED, EndedBy.CALLER)
        finals = [result[:2] for result in b.transcripts() if result[2]]
        assert finals == [
            ("inbound_track", "good morning this is your bank"),
            ("outbound_track", "which bank would that be"),
        ]
        assert [leg.direction for leg in record.legs] == ["inbound", "outbound-api"]
        assert [leg.status for leg in record.legs] == ["completed", "completed"]
        ended = b.receiver.of("/status")
        assert [(hook.params["CallStatus"], hook.params["CallSid"]) for hook in ended] == [
            ("completed", record.call_sid)
        ]
        assert ended[0].params["CallDuration"].isdecimal()
        assert len(b.stand_in.debugger) == 0


async def test_the_timeline_tells_turns_and_when_each_word_was_spoken() -> None:
    async with bench(speed=100) as b:
        record = await b.stand_in.place_call(plan("your account is blocked", "oh dear"))
        turns = record.of(TurnStarted)
        assert [(turn.turn, turn.speaker) for turn in turns] == [(1, Speaker.CALLER), (2, Speaker.CALLEE)]
        first = record.of(Transcribed)[0]
        assert [word.text for word in first.words] == ["your", "account", "is", "blocked"]
        assert first.words[0].start >= turns[0].at
        assert first.words[0].end - first.words[0].start == pytest.approx(0.004)
        assert first.words[-1].end <= turns[1].at
        assert record.timeline[0] == record.of(Ringing)[0]
        assert list(record.timeline) == sorted(record.timeline, key=lambda moment: moment.at)
        assert len(record.of(Connected)) == 1


async def test_the_voice_webhook_tells_what_twilio_tells() -> None:
    async with bench() as b:
        b.answers("<Reject/>")
        await b.stand_in.place_call(plan(stir="B"))
        hook = b.receiver.of("/voice")[0]
        assert hook.params["From"] == hook.params["Caller"] == CALLER
        assert hook.params["To"] == hook.params["Called"] == TWILIO
        assert (hook.params["CallStatus"], hook.params["Direction"]) == ("ringing", "inbound")
        assert hook.params["StirVerstat"] == "TN-Validation-Passed-B"
        assert "ForwardedFrom" not in hook.params
        token = json.loads(unquote(hook.params["CallToken"]))
        assert set(token) == {"parentCallInfoToken", "identityHeaderTokens"}
        assert hook.headers["user-agent"] == "TwilioProxy/1.1"
        assert hook.headers["i-twilio-idempotency-token"]


async def test_a_call_without_stir_has_no_token_and_a_forwarded_one_says_so() -> None:
    async with bench() as b:
        b.answers("<Reject/>")
        await b.stand_in.place_call(plan())
        await b.stand_in.place_call(plan(from_number="+266696687", forwarded_from=PERSON, stir="C"))
        plain, forwarded = b.receiver.of("/voice")
        assert (plain.params["StirVerstat"], "CallToken" in plain.params) == ("No-TN-Validation", False)
        assert forwarded.params["StirVerstat"] == "TN-Validation-Passed-C-Diverted"
        assert (forwarded.params["ForwardedFrom"], forwarded.params["From"]) == (PERSON, "+266696687")


async def test_a_number_that_asks_by_get_gets_signed_queries_and_no_token() -> None:
    async with bench(voice_method="GET") as b:
        b.answers("<Reject/>")
        await b.stand_in.place_call(plan(stir="A"))
        hook = b.receiver.of("/voice")[0]
        assert (hook.method, hook.params["From"], "CallToken" in hook.params) == ("GET", CALLER, False)


@pytest.mark.parametrize(("reason", "status"), [("busy", "busy"), ("rejected", "no-answer")])
async def test_a_rejected_call_is_never_answered(reason: str, status: str) -> None:
    async with bench() as b:
        b.answers(f"<Reject reason='{reason}'/>")
        record = await b.stand_in.place_call(plan())
        assert (record.outcome, record.legs[0].status) == (Outcome.REJECTED, status)
        assert b.receiver.of("/status")[0].params["CallStatus"] == status


async def test_an_unknown_number_fails() -> None:
    async with bench() as b:
        record = await b.stand_in.place_call(plan(to_number="+12025550199"))
        assert (record.outcome, b.receiver.hooks) == (Outcome.FAILED, [])


@pytest.mark.parametrize("broken", [Response(status_code=500), "no TwiML", "<!DOCTYPE x><Response/>"])
async def test_the_fallback_url_takes_over(broken: Response | str) -> None:
    async with bench() as b:
        await _set_number(b, voice_fallback_url="/fallback")
        b.receiver.answer("/voice", broken)
        b.receiver.answer("/fallback", f"<Response><Dial>{PERSON}</Dial></Response>")
        record = await b.stand_in.place_call(plan())
        assert record.outcome is Outcome.COMPLETED
        hook = b.receiver.of("/fallback")[0]
        assert hook.params["ErrorUrl"] == f"{b.receiver.url}/voice"
        assert hook.params["ErrorCode"] == str(b.stand_in.debugger.codes()[0])


async def test_without_a_fallback_the_call_fails() -> None:
    async with bench() as b:
        b.receiver.answer("/voice", Response(status_code=500))
        record = await b.stand_in.place_call(plan())
        assert (record.outcome, record.ended_by) == (Outcome.FAILED, EndedBy.CARRIER)
        assert b.stand_in.debugger.codes() == (11200,)


async def test_retries_carry_the_same_idempotency_token() -> None:
    async with bench() as b:
        await _set_number(b, voice_url="/voice#rc=2&rp=5xx")
        b.receiver.answer("/voice", Response(status_code=503))
        await b.stand_in.place_call(plan())
        await b.stand_in.place_call(plan())
        tokens = [hook.headers["i-twilio-idempotency-token"] for hook in b.receiver.of("/voice")]
        assert len(tokens) == 6
        assert len(set(tokens[:3])) == len(set(tokens[3:])) == 1
        assert tokens[0] != tokens[3]


@pytest.mark.promise("F2")
async def test_a_slow_receiver_meets_the_read_timeout_of_its_url() -> None:
    async with bench() as b:
        await _set_number(b, voice_url="/voice#rt=100&rc=1&rp=rt", voice_fallback_url="/fallback")
        released = asyncio.Event()

        async def never(_: Hook) -> Response:
            await released.wait()
            return Response(status_code=204)

        b.receiver.answer("/voice", never)
        b.receiver.answer("/fallback", "<Response><Reject/></Response>")
        record = await b.stand_in.place_call(plan())
        released.set()
        assert (record.outcome, len(b.receiver.of("/voice"))) == (Outcome.REJECTED, 2)


async def test_wrong_overrides_are_told_and_ignored() -> None:
    async with bench() as b:
        await _set_number(b, voice_url="/voice#rc=99")
        b.answers("<Reject/>")
        record = await b.stand_in.place_call(plan())
        assert (record.outcome, b.stand_in.debugger.codes()) == (Outcome.REJECTED, (11243,))


@pytest.mark.promise("F1")
async def test_a_dead_server_falls_back_after_a_refused_connection() -> None:
    async with bench() as b:
        await b.client.incoming_phone_numbers(next(iter(b.stand_in.numbers)).sid).update_async(
            voice_url="http://127.0.0.1:9/voice", voice_fallback_url=f"{b.receiver.url}/fallback"
        )
        b.receiver.answer("/fallback", "<Response><Reject/></Response>")
        record = await b.stand_in.place_call(plan())
        assert (record.outcome, b.stand_in.debugger.codes()) == (Outcome.REJECTED, (11205,))


@pytest.mark.parametrize(
    ("habit", "status"),
    [(OnCall.BUSY, "busy"), (OnCall.NO_ANSWER, "no-answer"), (OnCall.VOICEMAIL, "completed")],
)
async def test_nobody_comes(habit: OnCall, status: str) -> None:
    async with bench(Handset(PERSON, habit)) as b:
        record = await b.stand_in.place_call(plan(patience_seconds=SHORT_PATIENCE))
        assert (record.outcome, record.ended_by) == (Outcome.NO_ANSWER, EndedBy.CALLER)
        assert record.legs[1].status == status
        final = b.receiver.of("/leg")[-1]
        assert final.params["CallStatus"] == status


async def test_when_one_is_busy_the_next_is_reached() -> None:
    async with bench(Handset(PERSON, OnCall.BUSY), Handset(CONTACT)) as b:
        b.invites(PERSON, CONTACT)
        record = await b.stand_in.place_call(plan())
        assert record.outcome is Outcome.COMPLETED
        left = b.receiver.of("/conference", ReasonParticipantLeft="participant_add_failed")
        assert [hook.params["ParticipantCallStatus"] for hook in left] == ["busy"]


async def test_a_voicemail_greets_on_the_outbound_track() -> None:
    async with bench(Handset(PERSON, OnCall.VOICEMAIL, voicemail_greeting="please leave a message")) as b:
        b.invites(PERSON, machine_detection="Enable", amd_status_callback=f"{b.receiver.url}/detected")
        await b.stand_in.place_call(plan(patience_seconds=SHORT_PATIENCE))
        assert ("outbound_track", "please leave a message", True) in b.transcripts()
        assert b.receiver.of("/detected")[0].params["AnsweredBy"] == "machine_start"


async def test_a_line_that_forwards_back_rings_the_number_again() -> None:
    async with bench(Handset(PERSON, OnCall.FORWARDS_BACK, forwards_to=TWILIO)) as b:

        async def voice(hook: Hook) -> str:
            if "ForwardedFrom" in hook.params:
                return "<Response><Reject reason='busy'/></Response>"
            return f"<Response>{b.conference()}</Response>"

        b.receiver.answer("/voice", voice)
        record = await b.stand_in.place_call(plan(patience_seconds=SHORT_PATIENCE))
        first, again = b.receiver.of("/voice")
        assert again.params["ForwardedFrom"] == PERSON
        assert again.params["CallSid"] != first.params["CallSid"]
        assert [leg.status for leg in record.legs] == ["completed", "busy", "busy"]


async def test_a_loop_that_is_not_broken_ends_at_the_carriers_limit() -> None:
    async with bench(Handset(PERSON, OnCall.FORWARDS_BACK, forwards_to=TWILIO)) as b:
        b.answers(f"<Dial>{PERSON}</Dial>")
        record = await b.stand_in.place_call(plan(patience_seconds=SHORT_PATIENCE))
        assert len(b.receiver.of("/voice")) == 6
        assert record.outcome is Outcome.NO_ANSWER


async def test_the_person_bears_the_callers_number_by_token_alone() -> None:
    async with bench() as b:
        refusals: list[tuple[int, int]] = []

        async def invite(hook: Hook) -> Response:
            if hook.params["StatusCallbackEvent"] == "participant-join" and not refusals:
                token = b.receiver.of("/voice")[0].params["CallToken"]
                room = b.client.conferences("Family").participants
                wrong = ((CALLER, None), (TWILIO, token), (CALLER, "made up"), ("anonymous", token))
                for caller, given in wrong:
                    options = {"call_token": given} if given else {}
                    with pytest.raises(TwilioRestException) as refused:
                        await room.create_async(from_=caller, to=PERSON, **options)
                    refusals.append((refused.value.status, refused.value.code))
                await room.create_async(
                    from_=CALLER, to=PERSON, call_token=token, status_callback=f"{b.receiver.url}/leg"
                )
            return Response(status_code=204)

        b.receiver.answer("/conference", invite)
        record = await b.stand_in.place_call(plan(stir="A"))
        assert refusals == [(400, 21210), (400, 21210), (400, 21210), (400, 21212)]
        assert (record.outcome, record.legs[1].from_number) == (Outcome.COMPLETED, CALLER)


async def test_a_person_invited_before_the_caller_is_in() -> None:
    async with bench() as b:

        async def voice(_: Hook) -> str:
            await b.client.conferences("Family").participants.create_async(
                from_=TWILIO, to=PERSON, status_callback=f"{b.receiver.url}/leg"
            )
            return f"<Response>{b.start()}{b.conference()}</Response>"

        b.receiver.answer("/voice", voice)
        b.receiver.answer("/conference", Response(status_code=204))
        record = await b.stand_in.place_call(plan())
        assert record.outcome is Outcome.COMPLETED
        assert {leg.to_number for leg in record.legs} == {TWILIO, PERSON}
        assert b.receiver.of("/leg", CallStatus="completed")


async def test_a_number_is_dialled_and_the_action_takes_over() -> None:
    async with bench() as b:
        number = f"<Number statusCallback='/leg'>{PERSON}</Number>"
        b.answers(b.start(), f"<Dial action='/after'>{number}</Dial><Say>unreachable</Say>")
        b.receiver.answer("/after", "<Response><Say>the other side is gone</Say></Response>")

        async def end_child(call_sid: str, _turn: int) -> None:
            child = (await b.client.calls.list_async(parent_call_sid=call_sid))[0]
            await b.client.calls(child.sid).update_async(status="completed")

        record = await b.stand_in.place_call(plan(conversation=dialogue("hello", after_turn=end_child)))
        assert (record.outcome, record.legs[1].direction) == (Outcome.COMPLETED, "outbound-dial")
        assert record.legs[1].from_number == CALLER
        after = b.receiver.of("/after")[0]
        assert (after.params["DialCallStatus"], after.params["DialBridged"]) == ("completed", "true")
        assert after.params["DialCallSid"] == record.legs[1].call_sid
        assert ("outbound_track", "unreachable", True) not in b.transcripts()


async def test_a_busy_number_leads_to_the_next_verb() -> None:
    async with bench(Handset(PERSON, OnCall.BUSY)) as b:
        b.answers(b.start(), f"<Dial>{PERSON}</Dial><Say>nobody is at home</Say><Redirect>/more</Redirect>")
        b.receiver.answer("/more", "<Response><Say>good bye</Say><Hangup/><Say>never</Say></Response>")
        record = await b.stand_in.place_call(plan())
        assert record.ended_by is EndedBy.TWIML
        finals = [text for _, text, is_final in b.transcripts() if is_final]
        assert finals == ["nobody is at home", "good bye"]


async def test_wrong_twiml_is_told_by_the_debugger() -> None:
    async with bench() as b:
        b.answers("<Start><Transcription language='de' track='both'/></Start><Sing/><Hangup/>")
        await b.stand_in.place_call(plan())
        messages = [notification.message for notification in b.stand_in.debugger]
        assert messages == [
            "<Transcription> has no attribute language",
            "<Transcription>: track must be one of: inbound_track, outbound_track, both_tracks",
            "<Sing> is no verb of the stand-in",
        ]
        assert set(b.stand_in.debugger.codes()) == {12200}


async def test_a_call_is_redirected_by_rest_and_ended_by_rest() -> None:
    async with bench() as b:
        b.answers(b.start(), b.conference("endConferenceOnExit='false'"))

        async def act(call_sid: str, turn: int) -> None:
            if turn == 1:
                twiml = f"<Response><Say>please hold</Say><Pause length='5'/>{b.conference()}</Response>"
                await b.client.calls(call_sid).update_async(twiml=twiml)
                await b.receiver.wait_for("/conference", ReasonParticipantLeft="participant_updated_via_api")
            else:
                await b.client.calls(call_sid).update_async(status="completed")

        conversation = dialogue("one", "two", "three", after_turn=act)
        record = await b.stand_in.place_call(plan(conversation=conversation))
        assert record.ended_by is EndedBy.API
        assert len(record.of(TurnStarted)) == 2
        assert ("outbound_track", "please hold", True) in b.transcripts()


async def test_many_calls_at_once_keep_apart() -> None:
    async with bench() as b:
        calls = 60

        async def voice(hook: Hook) -> str:
            return f"<Response>{b.start()}{b.conference(name=hook.params['CallSid'])}</Response>"

        async def invite(hook: Hook) -> Response:
            is_caller = hook.params.get("ParticipantLabel") == "caller"
            if is_caller and hook.params["StatusCallbackEvent"] == "participant-join":
                room = b.client.conferences(hook.params["ConferenceSid"])
                await room.participants.create_async(from_=TWILIO, to=PERSON)
            return Response(status_code=204)

        b.receiver.answer("/voice", voice)
        b.receiver.answer("/conference", invite)
        limit = asyncio.Semaphore(16)

        async def place(which: int) -> str:
            async with limit:
                lines = [f"call {which} turn {turn} and a few more words" for turn in range(6)]
                record = await b.stand_in.place_call(plan(*lines, patience_seconds=300))
                assert record.outcome is Outcome.COMPLETED
                return record.call_sid

        sids = await asyncio.gather(*(place(which) for which in range(calls)))
        for which, sid in enumerate(sids):
            finals = [text for _, text, is_final in b.transcripts(CallSid=sid) if is_final]
            assert finals == [f"call {which} turn {turn} and a few more words" for turn in range(6)]
        await b.stand_in.settled()
        ours = [task for task in asyncio.all_tasks() if "local.twilio" in repr(task.get_coro())]
        assert ours == []


async def _set_number(b: Bench, **changes: str) -> None:
    absolute = {name: b.receiver.url + path for name, path in changes.items()}
    sid = next(iter(b.stand_in.numbers)).sid
    await b.client.incoming_phone_numbers(sid).update_async(**absolute)
