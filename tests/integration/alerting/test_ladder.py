"""The ladder inside a call: whispers, holds, contacts brought in and the caller's leg ended, once each."""

import asyncio

import pytest

from callguard.dashboard.source import DatabaseSnapshots
from callguard.domain.ladder import Wording
from callguard.domain.ladder_texts import WHISPERS
from callguard.domain.reply_texts import Told, acknowledgement
from callguard.errors import DatabaseUnavailable
from callguard.intake.recorder import Recorder
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.simulation import Ring
from callguard.local.stage import Stage
from callguard.local.twilio import CallRecord, EndedBy
from tests.integration.alerting.alarm import ALARMING, ANNA, ended, reply, scam, scam_under_way, sent
from tests.integration.eventually import eventually
from tests.integration.intake.wishes import wish
from tests.integration.local.stand_in_bench import api_document
from tests.integration.population import rows, value
from tests.integration.webhooks import SignedClient, new_call_sid, ringing

STEPS = """SELECT s.step, s.wording, s.asked_by, s.state, e.name FROM call_steps s
           LEFT JOIN emergency_contacts e ON e.id = s.contact_id ORDER BY s.asked_at"""
DANGER, ALL_CLEAR, ON_HOLD = (
    WHISPERS[wording]["en"] for wording in (Wording.DANGER, Wording.ALL_CLEAR, Wording.ON_HOLD)
)
MARGARET = DEMO_FAMILY.phone_number


async def steps(cluster: Cluster) -> list[tuple[str, ...]]:
    """Each step as its name, who asked, and its state."""
    return [
        (":".join(filter(None, (row["step"], row["wording"]))), row["name"] or row["asked_by"], row["state"])
        for row in await rows(cluster, STEPS)
    ]


async def come_to(cluster: Cluster, *expected: tuple[str, ...]) -> None:
    await eventually(lambda: steps(cluster), lambda seen: seen == list(expected))


async def announced(stage: Stage) -> list[str]:
    return [announcement.text for announcement in stage.stand_in.announcements]


def who_heard(stage: Stage, record: CallRecord) -> dict[str, set[str]]:
    """The numbers of the telephones that each announcement was spoken to."""
    numbers = {leg.call_sid: leg.to_number for leg in record.legs}
    heard: dict[str, set[str]] = {}
    for announcement in stage.stand_in.announcements:
        heard.setdefault(announcement.text, set()).add(numbers[announcement.call_sid or ""])
    return heard


async def holds(stage: Stage) -> list[str]:
    return [
        request.params["Hold"][0].lower()
        for request in stage.stand_in.requests
        if request.path.endswith("/Participants/caller.json") and request.status == 200
    ]


async def test_a_whisper_reaches_the_person_alone_and_nobodys_words(stage: Stage, cluster: Cluster) -> None:
    await wish(cluster, "ladder_whisper = true")
    async with scam_under_way(stage) as call:
        await come_to(cluster, ("whisper:danger", "policy", "done"))
    record = await call

    assert await announced(stage) == [DANGER]
    assert who_heard(stage, record) == {DANGER: {MARGARET}}
    said = "SELECT count(*) FROM transcription_events WHERE text ILIKE '%callguard%'"
    assert await value(cluster, said) == 0
    assert list(stage.stand_in.debugger) == []
    for request in stage.stand_in.requests:
        api_document().check_request(request.method, request.path, request.params)


async def test_a_report_of_the_call_and_its_page_tell_what_was_done(stage: Stage, cluster: Cluster) -> None:
    await wish(cluster, "ladder_whisper = true")
    conversation = stage.simulator.dialogue(list(ALARMING), "en", stepwise=True)
    report = await stage.simulator.place("scam", conversation, Ring("+12025550199", "A"))

    (step,) = report.steps
    assert (step.step, step.wording, step.asked_by) == ("whisper", "danger", "policy")
    (call,) = (await DatabaseSnapshots(stage.database)()).calls
    assert [(shown.step, shown.wording, shown.contact_name) for shown in call.steps] == [
        ("whisper", "danger", None)
    ]


async def test_without_opting_in_nothing_is_done_on_the_line(stage: Stage, cluster: Cluster) -> None:
    async def nothing(_call_sid: str) -> None:
        assert await steps(cluster) == []

    record = await scam(stage, nothing)
    assert record.ended_by is not EndedBy.API
    assert await steps(cluster) == []
    assert await announced(stage) == []


@pytest.mark.parametrize("mishap", ["lose_reply", "refuse", "hang"])
async def test_a_whisper_is_spoken_once_whatever_becomes_of_the_request(
    mishap: str, stage: Stage, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callguard.telephony.http.REQUEST_SECONDS", 0.3)
    getattr(stage.stand_in.faults, mishap)("POST", r"/Participants/person\.json$")
    await wish(cluster, "ladder_whisper = true")
    async with scam_under_way(stage):
        await eventually(lambda: announced(stage), bool)
        await come_to(cluster, ("whisper:danger", "policy", "done"))
        done = "SELECT count(*) FROM work WHERE kind = 'take_step' AND state = 'done'"
        await eventually(lambda: value(cluster, done), lambda count: count == 1)
    assert await announced(stage) == [DANGER]


async def test_what_was_fetched_once_is_not_spoken_again(
    stage: Stage, twilio: SignedClient, cluster: Cluster
) -> None:
    await wish(cluster, "ladder_whisper = true")
    async with scam_under_way(stage):
        await come_to(cluster, ("whisper:danger", "policy", "done"))
        step = await value(cluster, "SELECT id FROM call_steps")
        path = f"/whisper?step={step}&wording=danger&language=en"
        again = await twilio.post(path, {"CallSid": "CA1"})
        forged = await twilio.post(path, {"CallSid": "CA1"}, signature="")
        unknown = await twilio.post(f"/whisper?step={DEMO_FAMILY.tenant_id}&wording=danger&language=en", {})
        malformed = await twilio.post("/whisper?step=x&wording=danger", {})
    assert (again.status_code, "<Say" in again.text) == (200, False)
    assert (unknown.status_code, "<Say" in unknown.text) == (200, False)
    assert (forged.status_code, malformed.status_code) == (403, 400)


async def test_safe_takes_a_whisper_back_once(stage: Stage, cluster: Cluster) -> None:
    await wish(cluster, "ladder_whisper = true")
    async with scam_under_way(stage) as call:
        await eventually(lambda: announced(stage), bool)
        for text in ("SAFE", "it's fine"):
            await reply(stage, ANNA, text)
        await come_to(cluster, ("whisper:danger", "policy", "done"), ("whisper:all_clear", "policy", "done"))
    assert await announced(stage) == [DANGER, ALL_CLEAR]
    assert who_heard(stage, await call)[ALL_CLEAR] == {MARGARET}


async def test_the_policy_holds_the_caller_and_three_minutes_end_it(stage: Stage, cluster: Cluster) -> None:
    await wish(cluster, "ladder_hold = true")
    async with scam_under_way(stage) as call:
        await come_to(cluster, ("hold", "policy", "done"), ("whisper:on_hold", "policy", "done"))
        assert await holds(stage) == ["true"]
        due = "SELECT extract(epoch FROM run_after - now())::int FROM work WHERE kind = 'undo_step'"
        assert 170 < int(str(await value(cluster, due))) <= 180

        await rows(cluster, "UPDATE call_steps SET asked_at = asked_at - interval '3 minutes'")
        await rows(cluster, "UPDATE work SET run_after = now() WHERE kind = 'undo_step'")
        await eventually(lambda: holds(stage), lambda seen: seen == ["true", "false"])
        await eventually(lambda: steps(cluster), lambda seen: ("hold", "policy", "undone") in seen)
    heard = who_heard(stage, await call)
    assert heard["Please hold the line for a moment."] == {DEMO_FAMILY.twilio_number}
    assert heard[ON_HOLD] == {MARGARET}


@pytest.mark.parametrize("way_back", ["resume", "HOLD", "safe"])
async def test_a_contacts_hold_is_taken_back_by_a_second_reply(
    way_back: str, stage: Stage, cluster: Cluster
) -> None:
    async with scam_under_way(stage):
        await reply(stage, ANNA, "hold")
        await eventually(lambda: steps(cluster), lambda seen: ("hold", "Anna", "done") in seen)
        await reply(stage, ANNA, way_back)
        await eventually(lambda: holds(stage), lambda seen: seen == ["true", "false"])
        await eventually(lambda: steps(cluster), lambda seen: ("hold", "Anna", "undone") in seen)
    told = Told.SAFE if way_back == "safe" else Told.RESUME
    assert acknowledgement(told, "en") in sent(stage, ANNA)


async def test_a_hold_whose_end_is_asked_for_while_twilio_is_silent_does_not_stay(
    stage: Stage, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply to the hold is lost, and the contact thinks better of it before it is asked for again."""
    monkeypatch.setattr("callguard.worker.FIRST_RETRY_SECONDS", 0.2)
    async with scam_under_way(stage):
        stage.stand_in.faults.lose_reply("POST", r"/Participants/caller\.json$")
        await reply(stage, ANNA, "hold")
        await eventually(lambda: holds(stage), bool)
        await reply(stage, ANNA, "resume")
        await eventually(lambda: holds(stage), lambda seen: seen[-1] == "false")
        idle = "SELECT count(*) FROM work WHERE kind LIKE '%_step' AND state <> 'done'"
        await eventually(lambda: value(cluster, idle), lambda count: count == 0)
        assert (await holds(stage))[-1] == "false"


async def test_a_hold_that_twilio_never_takes_fails_visibly_and_is_ended_all_the_same(
    stage: Stage, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callguard.worker.FIRST_RETRY_SECONDS", 0.01)
    await wish(cluster, "ladder_hold = true")
    stage.stand_in.faults.refuse("POST", r"/Participants/caller\.json$", times=6)
    async with scam_under_way(stage):
        await eventually(lambda: steps(cluster), lambda seen: seen == [("hold", "policy", "undone")])
        assert await holds(stage) == ["false"]
    assert await value(cluster, "SELECT error_code FROM call_steps") == "TELEPHONY"


async def test_a_person_who_is_not_in_the_conference_is_not_whispered_to(
    stage: Stage, cluster: Cluster
) -> None:
    await wish(cluster, "ladder_whisper = true")
    stage.stand_in.faults.refuse("POST", r"/Participants/person\.json$", status=404, code=20404, times=9)
    async with scam_under_way(stage):
        await come_to(cluster, ("whisper:danger", "policy", "failed"))
    assert await value(cluster, "SELECT error_code FROM call_steps") == "20404"


async def test_the_first_contact_is_brought_in_and_may_leave_again(stage: Stage, cluster: Cluster) -> None:
    await wish(cluster, "ladder_bring_in = true")
    async with scam_under_way(stage) as call:
        await come_to(cluster, ("bring_in", "Anna", "done"))
        invited = [
            request
            for request in stage.stand_in.requests
            if request.path.endswith("/Participants.json") and request.params.get("To") == (ANNA,)
        ]
        assert len(invited) == 1
        conference = await value(cluster, "SELECT conference_name FROM active_calls")
        _contact_hangs_up(stage, str(conference), invited[0].params["Label"][0])
        await come_to(cluster, ("bring_in", "Anna", "undone"))
        assert await value(cluster, "SELECT status FROM active_calls") == "active"
    assert (await call).ended_by is not EndedBy.API


def _contact_hangs_up(stage: Stage, conference: str, label: str) -> None:
    room = stage.stand_in._exchange.find_conference(conference)
    assert room is not None
    member = room.find(label)
    assert member is not None
    member.leg.hang_up(EndedBy.CALLEE)


async def test_above_90_the_call_ends_where_the_person_opted_in(stage: Stage, cluster: Cluster) -> None:
    await wish(cluster, "ladder_end = true, ladder_whisper = true")
    record = await scam(stage, lambda _: ended(cluster))

    assert record.ended_by is EndedBy.API
    assert ("end", "policy", "done") in await steps(cluster)
    assert len(sent(stage, ANNA)) == 1


async def test_hangup_is_a_step_of_the_contact_and_no_repetition_another(
    stage: Stage, cluster: Cluster
) -> None:
    async def twice(_call_sid: str) -> None:
        await asyncio.gather(reply(stage, ANNA, "HANGUP"), reply(stage, ANNA, "hang up!"))
        await ended(cluster)

    record = await scam(stage, twice)
    assert record.ended_by is EndedBy.API
    assert set(await steps(cluster)) <= {("end", "Anna", "done"), ("end", "Anna", "skipped")}


async def test_a_call_dialled_without_the_database_is_ended_but_not_held(
    stage: Stage, twilio: SignedClient, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = new_call_sid()  # lets the server learn the way to the person
    await twilio.post("/incoming-call", ringing(before))
    await twilio.post("/call-status", {"CallSid": before, "CallStatus": "completed"})

    async def away(_recorder: Recorder, _fact: object) -> None:
        raise DatabaseUnavailable("The database is away.")

    monkeypatch.setattr(Recorder, "arrive", away)
    await wish(cluster, "ladder_whisper = true, ladder_hold = true")

    async def meanwhile(_call_sid: str) -> None:
        await come_to(cluster, ("whisper:danger", "policy", "skipped"), ("hold", "policy", "skipped"))
        for text in ("HOLD", "JOIN"):
            await reply(stage, ANNA, text)
        assert sent(stage, ANNA).count(acknowledgement(Told.NOT_HERE, "en")) == 2
        await reply(stage, ANNA, "HANGUP")
        running = "SELECT count(*) FROM active_calls WHERE status = 'active'"
        await eventually(lambda: value(cluster, running), lambda count: count == 0)

    record = await scam(stage, meanwhile)
    assert record.ended_by is EndedBy.API
    assert {leg.status for leg in record.legs} == {"completed"}
    assert await holds(stage) == []
    assert await announced(stage) == []
    assert (await steps(cluster))[-1] == ("end", "Anna", "done")
