"""Unknown callers who are asked who they are before the phone rings."""

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from callguard.domain.facts import CallerScreened
from callguard.domain.policy import MONITORED
from callguard.domain.transcript import Speaker
from callguard.intake import payloads, records
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from callguard.local.twilio import CallPlan, CallRecord, DialogueConversation, SpokenTurn
from tests.integration.intake.wishes import rule, wish
from tests.integration.population import rows
from tests.integration.webhooks import STRANGER, SignedClient, new_call_sid, ringing

SCREENS = "unknown_callers = 'screen'"
ANSWER = "this is the social security administration there is a warrant"
QUESTION = "Hello. Please say who you are and why you are calling."
TURNS = [SpokenTurn(Speaker.CALLEE, "hello"), SpokenTurn(Speaker.CALLER, "hi mom it is anna")]


async def call(stage: Stage, answers: list[str], *, caller: str = STRANGER, keys: str = "") -> CallRecord:
    record = await stage.stand_in.place_call(
        CallPlan(
            from_number=caller,
            to_number=DEMO_FAMILY.twilio_number,
            conversation=DialogueConversation(TURNS),
            stir="A",
            forwarded_from=DEMO_FAMILY.phone_number,
            answers=answers,
            keys=keys,
        )
    )
    await stage.simulator.settle(record.call_sid)
    return record


async def stored(cluster: Cluster) -> dict[str, Any]:
    (row,) = await rows(
        cluster,
        "SELECT decision, decision_reason, screening, announcement, keywords, screened_at, connected_at "
        "FROM active_calls",
    )
    return dict(row)


def dialled(stage: Stage) -> list[tuple[str, bool]]:
    return [
        (request.params["From"][0], "CallToken" in request.params)
        for request in stage.stand_in.requests
        if request.path.endswith("/Participants.json") and request.method == "POST"
    ]


async def words(cluster: Cluster) -> list[tuple[str, str]]:
    found = await rows(
        cluster,
        "SELECT speaker, text FROM transcription_events WHERE is_final ORDER BY spoken_at, sequence_number",
    )
    return [tuple(row) for row in found]


async def test_who_answers_is_put_through_bearing_their_number_and_their_words_are_matched(
    stage: Stage, cluster: Cluster
) -> None:
    await wish(cluster, SCREENS)
    await call(stage, [ANSWER])
    call_row = await stored(cluster)
    assert (call_row["decision"], call_row["decision_reason"], call_row["screening"]) == (
        "monitor",
        "unknown",
        "answered",
    )
    assert call_row["announcement"] == "listening.en"
    assert call_row["screened_at"] is not None
    assert call_row["connected_at"] is not None
    assert {"social security", "warrant*"} <= set(call_row["keywords"])
    assert dialled(stage) == [(STRANGER, True)]
    assert await words(cluster) == [("caller", ANSWER), *((turn.speaker, turn.text) for turn in TURNS)]
    assert list(stage.stand_in.debugger) == []


async def test_a_key_is_an_answer_without_words(stage: Stage, cluster: Cluster) -> None:
    await wish(cluster, SCREENS)
    await call(stage, [], keys="5")
    call_row = await stored(cluster)
    assert (call_row["decision"], call_row["screening"]) == ("monitor", "answered")
    assert [text for _, text in await words(cluster)] == [turn.text for turn in TURNS]


@pytest.mark.parametrize(("recorded", "decision"), [(False, "tell_unreachable"), (True, "voicemail")])
async def test_who_says_nothing_twice_is_not_put_through(
    stage: Stage, cluster: Cluster, recorded: bool, decision: str
) -> None:
    await wish(cluster, f"{SCREENS}, record_voicemail = {recorded}")
    await call(stage, [])
    call_row = await stored(cluster)
    assert (call_row["decision"], call_row["screening"]) == (decision, "silent")
    assert dialled(stage) == []
    assert await rows(cluster, "SELECT id FROM work WHERE kind = 'dial' AND state = 'pending'") == []


async def test_the_second_question_is_an_answers_second_chance(stage: Stage, cluster: Cluster) -> None:
    await wish(cluster, SCREENS)
    await call(stage, ["", "it is the plumber"])
    assert (await stored(cluster))["screening"] == "answered"
    assert len(dialled(stage)) == 1


@pytest.mark.parametrize(
    ("wishes", "rules", "changes"),
    [
        ("", {}, {"From": "911"}),
        ("", {STRANGER: "allow"}, {}),
        ("", {STRANGER: "allow"}, {"StirVerstat": "TN-Validation-Failed-A"}),
        (", paused_until = now() + interval '1 hour'", {}, {}),
    ],
)
async def test_who_is_never_screened(
    twilio: SignedClient, cluster: Cluster, wishes: str, rules: dict[str, str], changes: dict[str, str]
) -> None:
    await wish(cluster, SCREENS + wishes)
    for number, verdict in rules.items():
        await rule(cluster, number, verdict)
    reply = await twilio.post("/incoming-call", ringing(new_call_sid(), **changes))
    root = ET.fromstring(reply.text)
    assert root.find("Dial/Conference") is not None
    assert root.find("Gather") is None


@pytest.mark.parametrize("verstat", ["TN-Validation-Passed-A", "No-TN-Validation", "TN-Validation-Failed-C"])
async def test_who_is_on_no_list_is_asked_whatever_the_network_says(
    twilio: SignedClient, stage: Stage, cluster: Cluster, verstat: str
) -> None:
    await wish(cluster, SCREENS)
    sid = new_call_sid()
    for _ in range(2):  # a repeated webhook asks again
        root = ET.fromstring((await twilio.post("/incoming-call", ringing(sid, StirVerstat=verstat))).text)
        assert [verb.tag for verb in root] == ["Gather"]
        assert root.findtext("Gather/Say") == QUESTION
    assert (await stored(cluster))["decision"] == "screen"
    assert dialled(stage) == []


async def test_quiet_hours_come_before_the_question(twilio: SignedClient, cluster: Cluster) -> None:
    await wish(cluster, f"{SCREENS}, quiet_from = '00:00', quiet_until = '23:59:59.999999'")
    await twilio.post("/incoming-call", ringing(new_call_sid()))
    assert (await stored(cluster))["decision"] == "tell_later"


async def test_a_repeated_answer_has_one_effect_and_the_same_reply(
    twilio: SignedClient, stage: Stage, cluster: Cluster
) -> None:
    await wish(cluster, SCREENS)
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    form = ringing(sid, SpeechResult="it is the plumber", Confidence="0.9")
    replies = [await twilio.post("/screening-answer?ask=1&language=en", form) for _ in range(3)]
    conferences = [ET.fromstring(reply.text).findtext("Dial/Conference") for reply in replies]
    assert len(set(conferences)) == 1
    await stage.simulator.settle(sid)
    assert len(dialled(stage)) == 1
    assert await words(cluster) == [("caller", "it is the plumber")]


async def test_whatever_breaks_while_a_caller_answers_they_are_bridged(
    twilio: SignedClient, cluster: Cluster
) -> None:
    await wish(cluster, SCREENS)
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    await rows(cluster, "ALTER TABLE active_calls RENAME COLUMN screening TO gone")
    reply = await twilio.post(
        "/screening-answer?ask=2&language=en", ringing(sid, SpeechResult="it is the plumber")
    )
    root = ET.fromstring(reply.text)
    assert root.findtext("Dial/Number") == DEMO_FAMILY.phone_number
    assert root.find("Start/Transcription") is not None


async def test_an_answer_that_was_stored_too_late_to_be_followed_rings_nobody_twice(
    twilio: SignedClient, stage: Stage, cluster: Cluster
) -> None:
    await wish(cluster, f"{SCREENS}, offer_unmonitored = true")
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    fact = CallerScreened(call_sid=sid, said="the plumber", confidence=0.9, answered_at=datetime.now(UTC))
    await records.record(stage.database, fact)
    await records.record(stage.database, msgspec.structs.replace(fact, dialled_directly=True))
    assert (await stored(cluster))["screening"] == "answered"
    assert await rows(cluster, "SELECT id FROM work WHERE kind = 'dial'") == []


async def test_a_call_that_was_bridged_since_the_database_was_slow_is_no_screened_one(
    stage: Stage, cluster: Cluster
) -> None:
    await wish(cluster, SCREENS)
    sid = new_call_sid()
    fact = payloads.call_arrived(ringing(sid), datetime.now(UTC))
    await records.record(stage.database, fact)
    assert (await stored(cluster))["decision"] == "screen"
    done = msgspec.structs.replace(fact, dialled_directly=True, decision=MONITORED)
    await records.record(stage.database, done)
    assert (await stored(cluster))["decision"] == "monitor"
    assert await rows(cluster, "SELECT id FROM work WHERE kind = 'dial'") == []


async def test_an_answer_that_bridged_without_a_database_dials_nobody_when_it_is_told(
    twilio: SignedClient, stage: Stage, cluster: Cluster
) -> None:
    await wish(cluster, SCREENS)
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    fact = CallerScreened(
        call_sid=sid, said=None, confidence=None, answered_at=datetime.now(UTC), dialled_directly=True
    )
    await records.record(stage.database, fact)
    call_row = await stored(cluster)
    assert (call_row["decision"], call_row["screening"], call_row["announcement"]) == (
        "monitor",
        "silent",
        None,
    )
    assert await rows(cluster, "SELECT id FROM work WHERE kind = 'dial'") == []
