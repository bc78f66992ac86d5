"""Conferences: their events, and who may do what by REST."""

import asyncio
from typing import Any

import pytest
from starlette.responses import Response
from twilio.base.exceptions import TwilioRestException

from callguard.local.twilio import EndedBy, Handset, Outcome, TurnStarted
from tests.integration.local.stand_in_bench import (
    CALLER,
    CONTACT,
    PERSON,
    SHORT_PATIENCE,
    TWILIO,
    Bench,
    bench,
    dialogue,
    plan,
)


def told(b: Bench) -> list[str]:
    return [hook.params["StatusCallbackEvent"] for hook in b.receiver.of("/conference")]


async def under_way(b: Bench) -> Any:
    (conference,) = await b.client.conferences.list_async(friendly_name="Family", status="in-progress")
    return b.client.conferences(conference.sid)


async def test_its_events_come_in_order_and_say_who() -> None:
    async with bench() as b:
        record = await b.stand_in.place_call(plan())
        assert told(b) == [
            "participant-join",
            "participant-join",
            "conference-start",
            "participant-leave",
            "participant-leave",
            "conference-end",
        ]
        hooks = b.receiver.of("/conference")
        assert [hook.params["SequenceNumber"] for hook in hooks] == ["1", "2", "3", "4", "5", "6"]
        assert {hook.params["FriendlyName"] for hook in hooks} == {"Family"}
        joined, left, moderated, end = hooks[0], hooks[3], hooks[4], hooks[5]
        assert (joined.params["CallSid"], joined.params["ParticipantLabel"]) == (record.call_sid, "caller")
        assert joined.params["EndConferenceOnExit"] == joined.params["StartConferenceOnEnter"] == "true"
        assert (left.params["ReasonParticipantLeft"], left.params["ParticipantCallStatus"]) == (
            "participant_hung_up",
            "completed",
        )
        assert moderated.params["ReasonParticipantLeft"] == "moderator_ended_conference"
        assert end.params["ReasonConferenceEnded"] == "participant-with-end-conference-on-exit-left"
        assert end.params["CallSidEndingConference"] == record.call_sid


async def test_a_participants_leg_tells_its_progress() -> None:
    async with bench() as b:
        record = await b.stand_in.place_call(plan())
        hooks = b.receiver.of("/leg")
        assert [hook.params["CallStatus"] for hook in hooks] == [
            "initiated",
            "ringing",
            "in-progress",
            "completed",
        ]
        assert [hook.params["SequenceNumber"] for hook in hooks] == ["0", "1", "2", "3"]
        assert {hook.params["CallSid"] for hook in hooks} == {record.legs[1].call_sid}
        assert hooks[-1].params["CallDuration"].isdecimal()
        assert {hook.params["Direction"] for hook in hooks} == {"outbound-api"}


async def test_without_end_on_exit_the_person_hangs_up_alone() -> None:
    async with bench(speed=10) as b:
        b.answers(b.start(), b.conference("startConferenceOnEnter='true'"))
        record = await b.stand_in.place_call(plan())
        assert [leg.ended_by for leg in record.legs] == [EndedBy.CALLER, EndedBy.CALLEE]
        end = b.receiver.of("/conference", StatusCallbackEvent="conference-end")[0]
        assert end.params["ReasonConferenceEnded"] == "last-participant-left"


async def test_a_participant_is_found_by_label_or_sid_while_ringing_and_after() -> None:
    async with bench() as b:
        seen: list[tuple[str, str]] = []

        async def look(_: str, _turn: int) -> None:
            conference = await under_way(b)
            everyone = await conference.participants.list_async()
            seen.extend((each.label, each.status) for each in everyone)
            by_label = await conference.participants("caller").fetch_async()
            assert by_label.call_sid == everyone[0].call_sid
            assert (await conference.participants(everyone[1].call_sid).fetch_async()).label == "person 0"
            with pytest.raises(TwilioRestException) as refused:
                await conference.participants("nobody").fetch_async()
            assert (refused.value.status, refused.value.code) == (404, 20404)

        await b.stand_in.place_call(plan(conversation=dialogue("hello", after_turn=look)))
        assert seen == [("caller", "connected"), ("person 0", "connected")]


async def test_nobody_hears_who_is_muted_and_who_is_held_hears_nobody() -> None:
    async with bench() as b:

        async def act(_: str, turn: int) -> None:
            conference = await under_way(b)
            caller, person = conference.participants("caller"), conference.participants("person 0")
            if turn == 1:
                assert (await person.update_async(muted=True)).muted is True
            elif turn == 2:
                await person.update_async(muted=False)
                assert (await caller.update_async(hold=True)).hold is True
            elif turn == 4:
                await caller.update_async(hold=False)
            await b.receiver.wait_for("/conference")

        lines = ("one", "two muted", "three", "four held", "five", "six heard")
        await b.stand_in.place_call(plan(conversation=dialogue(*lines, after_turn=act)))
        heard = [text for track, text, final in b.transcripts() if final and track == "outbound_track"]
        said = [text for track, text, final in b.transcripts() if final and track == "inbound_track"]
        assert (heard, said) == (["six heard"], ["one", "three", "five"])
        events = [event for event in told(b) if "mute" in event or "hold" in event]
        assert events == ["participant-mute", "participant-unmute", "participant-hold", "participant-unhold"]


async def test_an_announcement_to_one_is_heard_by_that_one_alone() -> None:
    async with bench() as b:
        b.receiver.answer("/warn", "<Response><Say>be careful</Say></Response>")
        b.receiver.answer("/broken", Response(status_code=500))

        async def warn(_: str, turn: int) -> None:
            conference = await under_way(b)
            if turn == 1:
                await conference.participants("person 0").update_async(announce_url=f"{b.receiver.url}/warn")
                await b.receiver.wait_for("/conference", StatusCallbackEvent="announcement-end")
            elif turn == 2:
                await conference.update_async(announce_url=f"{b.receiver.url}/warn")
                await b.receiver.wait_for("/conference", 2, StatusCallbackEvent="announcement-end")
            else:
                await conference.update_async(announce_url=f"{b.receiver.url}/broken", announce_method="GET")
                await b.receiver.wait_for("/conference", StatusCallbackEvent="announcement-fail")

        record = await b.stand_in.place_call(
            plan(conversation=dialogue("one", "two", "three", after_turn=warn))
        )
        assert [(each.call_sid, each.text) for each in b.stand_in.announcements] == [
            (record.legs[1].call_sid, "be careful"),
            (None, "be careful"),
        ]
        heard = [text for track, text, final in b.transcripts() if final and track == "outbound_track"]
        assert heard == ["two", "be careful"]
        assert b.receiver.of("/broken")[0].method == "GET"


async def test_a_contact_is_brought_in_and_the_caller_is_kicked_out() -> None:
    async with bench() as b:
        b.answers(b.start(), b.conference("endConferenceOnExit='false'"), "<Say>good bye</Say>")

        async def act(_: str, turn: int) -> None:
            conference = await under_way(b)
            if turn == 1:
                await conference.participants.create_async(
                    from_=TWILIO, to=CONTACT, label="contact", end_conference_on_exit=True
                )
                await b.receiver.wait_for("/conference", 3, StatusCallbackEvent="participant-join")
            else:
                assert await conference.participants("caller").delete_async()

        record = await b.stand_in.place_call(
            plan(conversation=dialogue("one", "two", "three", after_turn=act))
        )
        assert len(record.of(TurnStarted)) == 2
        assert (record.outcome, record.ended_by) == (Outcome.COMPLETED, EndedBy.TWIML)
        assert ("outbound_track", "good bye", True) in b.transcripts()
        left = b.receiver.of(
            "/conference", ParticipantLabel="caller", StatusCallbackEvent="participant-leave"
        )
        assert left[0].params["ReasonParticipantLeft"] == "participant_updated_via_api"
        assert {leg.to_number for leg in record.legs} == {TWILIO, PERSON, CONTACT}


async def test_completing_a_conference_ends_every_leg_in_it() -> None:
    async with bench() as b:

        async def end(_: str, _turn: int) -> None:
            await (await under_way(b)).update_async(status="completed")

        record = await b.stand_in.place_call(plan(conversation=dialogue("one", "two", after_turn=end)))
        assert len(record.of(TurnStarted)) == 1
        ended = b.receiver.of("/conference", StatusCallbackEvent="conference-end")[0]
        assert ended.params["ReasonConferenceEnded"] == "conference-ended-via-api"
        conference = (await b.client.conferences.list_async())[0]
        assert (conference.status, conference.reason_conference_ended) == (
            "completed",
            "conference-ended-via-api",
        )


async def test_a_caller_who_gives_up_silences_the_telephone_that_rings() -> None:
    async with bench(speed=2) as b:
        call = asyncio.create_task(b.stand_in.place_call(plan()))
        hook = await b.receiver.wait_for("/leg", CallStatus="ringing")
        inbound = b.receiver.of("/voice")[0].params["CallSid"]
        await b.client.calls(inbound).update_async(status="completed")
        record = await call
        assert record.outcome is Outcome.NO_ANSWER
        assert b.receiver.of("/leg")[-1].params["CallStatus"] == "canceled"
        assert hook.params["CallSid"] == record.legs[1].call_sid


async def test_a_ringing_leg_is_canceled_by_rest() -> None:
    async with bench(speed=2) as b:
        call = asyncio.create_task(b.stand_in.place_call(plan(patience_seconds=SHORT_PATIENCE)))
        leg = (await b.receiver.wait_for("/leg", CallStatus="ringing")).params["CallSid"]
        await b.client.calls(leg).update_async(status="canceled")
        record = await call
        assert (record.outcome, record.legs[1].status) == (Outcome.NO_ANSWER, "canceled")
        with pytest.raises(TwilioRestException) as refused:
            await b.client.calls(leg).update_async(status="completed")
        assert (refused.value.status, refused.value.code) == (400, 21220)


async def test_a_conference_that_waits_for_its_moderator_does_not_start() -> None:
    async with bench() as b:
        b.answers(b.start(), b.conference("startConferenceOnEnter='false' endConferenceOnExit='true'"))
        b.invites(PERSON, start_conference_on_enter=False)
        record = await b.stand_in.place_call(plan(patience_seconds=SHORT_PATIENCE))
        assert record.outcome is Outcome.NO_ANSWER
        assert "conference-start" not in told(b)


async def test_a_call_made_by_rest_performs_its_twiml() -> None:
    async with bench() as b:
        b.receiver.answer("/alert", "<Response><Say>somebody may be deceiving your mother</Say></Response>")
        made = await b.client.calls.create_async(
            from_=TWILIO,
            to=CONTACT,
            url=f"{b.receiver.url}/alert",
            machine_detection="Enable",
            status_callback=f"{b.receiver.url}/leg",
        )
        assert (made.status, made.direction) == ("queued", "outbound-api")
        end = await b.receiver.wait_for("/leg", CallStatus="completed")
        assert end.params["CallSid"] == made.sid
        assert b.receiver.of("/alert")[0].params["AnsweredBy"] == "human"
        await b.stand_in.settled()
        fetched = await b.client.calls(made.sid).fetch_async()
        assert (fetched.status, fetched.answered_by) == ("completed", "human")
        assert fetched.start_time <= fetched.end_time


@pytest.mark.parametrize(("keys", "pressed"), [("", []), ("2", ["2"]), ("23", ["2", "3"])])
async def test_a_handset_presses_keys_when_it_is_asked(keys: str, pressed: list[str]) -> None:
    async with bench(Handset(CONTACT, keys=keys)) as b:
        gather = f"<Gather numDigits='1' action='{b.receiver.url}/keys'><Say>press a key</Say></Gather>"
        b.receiver.answer("/keys", f"<Response>{gather}</Response>")
        await b.client.calls.create_async(
            from_=TWILIO,
            to=CONTACT,
            twiml=f"<Response>{gather}</Response>",
            status_callback=f"{b.receiver.url}/leg",
        )
        await b.receiver.wait_for("/leg", CallStatus="completed")
        assert [hook.params["Digits"] for hook in b.receiver.of("/keys")] == pressed
        assert list(b.stand_in.debugger) == []


async def test_who_is_put_on_hold_alone_hears_its_announcement() -> None:
    async with bench() as b:
        b.receiver.answer("/hold", "<Response><Say>one moment</Say></Response>")

        async def hold(_: str, turn: int) -> None:
            caller = (await under_way(b)).participants("caller")
            if turn == 1:
                await caller.update_async(hold=True, hold_url=f"{b.receiver.url}/hold")
                await b.receiver.wait_for("/hold")
            else:
                await caller.update_async(hold=False, hold_url=f"{b.receiver.url}/hold")

        record = await b.stand_in.place_call(plan(conversation=dialogue("one", "two", after_turn=hold)))
        said = [(each.call_sid, each.text) for each in b.stand_in.announcements]
        assert said == [(record.call_sid, "one moment")]


async def test_twiml_in_the_request_is_performed_too() -> None:
    async with bench() as b:
        await b.client.calls.create_async(
            from_=TWILIO,
            to=CONTACT,
            twiml=f"<Response>{b.start()}<Say>hello there</Say></Response>",
            status_callback=f"{b.receiver.url}/leg",
        )
        await b.receiver.wait_for("/leg", CallStatus="completed")
        await b.stand_in.settled()
        assert ("outbound_track", "hello there", True) in b.transcripts()
        assert CALLER not in str(b.receiver.hooks)
