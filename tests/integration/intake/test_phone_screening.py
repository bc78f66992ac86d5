"""A person whose phone screens its calls: its robot is told who is calling, and the call is not lost."""

from typing import Any

import pytest

from callguard.db.pool import Database
from callguard.domain.call_screening import PERSON_WITHIN_S
from callguard.domain.facts import ConferenceChanged, LegAnsweredBy
from callguard.domain.transcript import Speaker
from callguard.intake import records
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.simulation import CallReport, Ring
from callguard.local.stage import Stage
from callguard.local.twilio import Handset, OnCall
from tests.integration.eventually import eventually
from tests.integration.intake.wishes import SECOND, ways, wish
from tests.integration.population import arrival, call_sid, household, leg, rows, words
from tests.integration.webhooks import SignedClient, heard, new_call_sid, ringing

HOME = DEMO_FAMILY.phone_number
RING = Ring("+12025550199", "A")
TURNS = [
    (Speaker.CALLEE, "hello"),
    (Speaker.CALLER, "hi mom it is anna are you coming to lunch on sunday"),
]
SAID = "callee: hello\ncaller: hi mom it is anna are you coming to lunch on sunday"
ROBOT = "Hi, if you record your name and reason for calling, I'll see if this person is available."


async def call(stage: Stage) -> CallReport:
    return await stage.simulator.place("call", stage.simulator.dialogue(TURNS, "en", stepwise=True), RING)


def put(stage: Stage, number: str, **habits: Any) -> None:
    stage.stand_in.phone_book.put(Handset(number, **habits))


def dialled(stage: Stage) -> list[str]:
    return [
        request.params["To"][0]
        for request in stage.stand_in.requests
        if request.path.endswith("/Participants.json") and request.method == "POST"
    ]


async def legs(cluster: Cluster) -> list[tuple[Any, ...]]:
    found = await rows(
        cluster,
        "SELECT address, given_up, robot_at IS NOT NULL, person_at IS NOT NULL FROM call_legs "
        "ORDER BY attempt",
    )
    return [tuple(row) for row in found]


async def test_the_robot_is_told_who_calls_and_its_words_are_nobodys(stage: Stage, cluster: Cluster) -> None:
    put(stage, HOME, on_call=OnCall.SCREENS)
    report = await call(stage)
    assert report.transcript == SAID
    assert report.keywords == []
    assert dialled(stage) == [HOME]
    assert await legs(cluster) == [(HOME, None, True, True)]
    told = {announcement.text for announcement in stage.stand_in.announcements}
    assert told == {"A call for Margaret, through callguard, from +1 202-555-0199."}
    (stored,) = await rows(cluster, "SELECT connected_at FROM active_calls")
    assert stored["connected_at"] is not None
    assert list(stage.stand_in.debugger) == []


@pytest.mark.promise("F25")
async def test_a_robot_that_hangs_up_leaves_the_caller_for_the_next_way(
    stage: Stage, cluster: Cluster
) -> None:
    await ways(cluster, ("same_number", None), ("second_number", SECOND))
    put(stage, HOME, on_call=OnCall.SCREENS, takes_screened_calls=False)
    put(stage, SECOND)
    report = await call(stage)
    assert report.transcript == SAID
    assert dialled(stage) == [HOME, SECOND]


@pytest.mark.parametrize("recorded", [False, True])
async def test_a_robot_that_hangs_up_on_the_last_way_leaves_a_message_or_a_word(
    stage: Stage, cluster: Cluster, recorded: bool
) -> None:
    await wish(cluster, f"record_voicemail = {recorded}, voicemail_unreachable = true")
    put(stage, HOME, on_call=OnCall.SCREENS, takes_screened_calls=False)
    await call(stage)
    (told,) = [request.params["Twiml"][0] for request in stage.stand_in.requests if "Twiml" in request.params]
    assert ("<Record" in told) == recorded


@pytest.fixture
async def answered(database: Database) -> Database:
    """Call 1, whose person's leg was answered a moment ago."""
    await records.arrive(database, arrival(await household(database), 1))
    await records.record(database, leg(1, "in-progress"))
    return database


LEG = leg(1, "in-progress").leg_sid or ""


async def hear(database: Database, sequence: int, text: str, *, final: bool = True) -> None:
    await records.record(database, words(1, sequence, text, caller=False, final=final))


async def connected(cluster: Cluster) -> bool:
    (row,) = await rows(cluster, "SELECT connected_at IS NOT NULL FROM active_calls")
    return bool(row[0])


async def texts(cluster: Cluster) -> list[str]:
    """What anybody said; of nobody's words only that a result came is kept."""
    said = "SELECT text FROM transcription_events WHERE text <> '' ORDER BY 1"
    return [row["text"] for row in await rows(cluster, said)]


async def test_growing_words_of_a_robot_undo_what_was_thought_of_it(
    answered: Database, cluster: Cluster
) -> None:
    assert await connected(cluster)
    await hear(answered, 1, "Hi", final=False)
    await hear(answered, 2, "Hi if you record your", final=False)
    await hear(answered, 3, ROBOT)
    await hear(answered, 3, ROBOT)
    assert await texts(cluster) == []
    assert not await connected(cluster)
    # Late events about the leg change nothing of that.
    joined = ConferenceChanged(call_sid=call_sid(1), event="participant-join", label="person", leg_sid=LEG)
    await records.record(answered, joined)
    await records.record(answered, leg(1, "in-progress"))
    await hear(answered, 4, "hello who is", final=False)
    assert not await connected(cluster)
    await hear(answered, 5, "hello who is there")
    assert await connected(cluster)
    assert await texts(cluster) == ["hello who is there"]
    turns = await rows(cluster, "SELECT count(*) FROM work WHERE kind = 'answer_phone'")
    assert turns[0][0] == 1  # the person's turn overtook the robot's


async def test_the_person_has_a_while_to_come(answered: Database, cluster: Cluster) -> None:
    await rows(cluster, "UPDATE work SET run_after = now() + interval '10 minutes' WHERE kind = 'dial'")
    await hear(answered, 1, ROBOT)
    (waits,) = await rows(
        cluster,
        "SELECT extract(epoch FROM run_after - clock_timestamp()) AS seconds, payload FROM work "
        "WHERE kind = 'dial' AND state = 'pending'",
    )
    assert 0 < waits["seconds"] <= PERSON_WITHIN_S
    assert "token" in waits["payload"]


async def test_a_robot_that_keeps_the_person_away_is_given_up(
    twilio: SignedClient, stage: Stage, cluster: Cluster
) -> None:
    await ways(cluster, ("same_number", None), ("second_number", SECOND))
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    await stage.simulator.settle(sid)
    await twilio.post("/transcription", heard(sid, 1, ROBOT, track="outbound_track"))
    await rows(cluster, f"UPDATE call_legs SET robot_at = now() - interval '{PERSON_WITHIN_S} seconds'")
    await rows(cluster, "UPDATE work SET run_after = clock_timestamp() WHERE kind = 'dial'")

    async def tried() -> list[str]:
        return dialled(stage)

    await eventually(tried, lambda numbers: numbers[-1:] == [SECOND])
    assert (await legs(cluster))[0] == (HOME, "screening", True, False)


async def test_a_machine_verdict_does_not_end_a_phone_that_screens(
    answered: Database, cluster: Cluster
) -> None:
    verdict = LegAnsweredBy(call_sid=call_sid(1), leg_sid=LEG, answered_by="machine_start")
    await records.record(answered, verdict)
    assert [given_up for _, given_up, _, _ in await legs(cluster)] == ["machine"]
    await hear(answered, 1, ROBOT)
    await records.record(answered, verdict)
    assert [tuple(leg)[1:] for leg in await legs(cluster)] == [(None, True, False)]


@pytest.mark.parametrize("caller", [False, True])
async def test_such_words_are_a_speakers_own_later_in_a_call_and_from_the_caller(
    answered: Database, cluster: Cluster, caller: bool
) -> None:
    if not caller:
        await rows(cluster, "UPDATE active_calls SET connected_at = now() - interval '5 minutes'")
    await records.record(answered, words(1, 1, ROBOT, caller=caller))
    assert await texts(cluster) == [ROBOT]
    assert await connected(cluster)


async def test_who_calls_is_told_of_a_stored_call_alone(twilio: SignedClient) -> None:
    assert (await twilio.post(f"/who-calls?parent={new_call_sid()}", {"CallSid": "CF1"})).status_code == 404
    assert (await twilio.post("/who-calls", {"CallSid": "CF1"})).status_code == 400
