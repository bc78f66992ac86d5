from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from callguard.domain.facts import (
    CallArrived,
    ConferenceChanged,
    LegAnsweredBy,
    LegChanged,
    TranscriptionChanged,
    WordsHeard,
)
from callguard.domain.policy import Action, Consent, Decision, Policy, Reason
from callguard.errors import DatabaseError, DatabaseUnavailable, NumberUnknown, SpoolError
from callguard.intake.records import Arrival
from tests.unit.intake.intake_server import CALL, INCOMING, LEG, Server, intake_server, text_of
from tests.unit.intake.stored_routes import MARGARET, PIERRE, StoredRoutes, as_database


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with intake_server(tmp_path) as server:
        yield server


async def test_a_call_is_bridged_into_its_conference(server: Server) -> None:
    root = await server.ring()

    assert text_of(root, "Dial/Conference") == "User-1-2"
    assert [fact.call_sid for fact in server.recorder.arrivals] == [CALL]
    assert server.recorder.arrivals[0].dialled_directly is False


async def test_the_alias_is_the_same_door(server: Server) -> None:
    assert (await server.post("/voice/incoming", INCOMING)).status_code == 200
    assert len(server.recorder.arrivals) == 1


async def test_a_call_may_be_announced(server: Server) -> None:
    server.recorder.arrival = Arrival(PIERRE, "User-1-2", Consent.SPOKEN, looping=False)

    assert (await server.ring())[0].tag == "Say"


async def test_a_forwarding_loop_is_cut(server: Server) -> None:
    server.recorder.arrival = Arrival(MARGARET, "", Consent.OFF, looping=True)
    root = await server.ring()

    assert [(child.tag, child.get("reason")) for child in root] == [("Reject", "busy")]


async def test_a_number_of_nobody_is_rejected(server: Server) -> None:
    server.recorder.failure = NumberUnknown("Nobody has it.")
    root = await server.ring()

    assert [(child.tag, child.get("reason")) for child in root] == [("Reject", "rejected")]


@pytest.mark.promise("F4")
@pytest.mark.parametrize(
    "failure",
    [DatabaseUnavailable("Away."), DatabaseError("Refused."), TimeoutError(), RuntimeError("a bug")],
)
async def test_whatever_breaks_the_call_connects_and_is_kept_for_later(
    server: Server, failure: Exception
) -> None:
    await server.routes.refresh(as_database(StoredRoutes(MARGARET)))
    server.recorder.failure = failure

    root = await server.ring()

    assert text_of(root, "Dial/Number") == MARGARET.phone_number
    (kept,) = server.recorder.spooled
    assert isinstance(kept, CallArrived)
    assert kept.call_sid == CALL
    assert kept.dialled_directly
    assert kept.call_token is None


async def test_a_number_that_was_called_once_connects_when_the_database_goes_away(server: Server) -> None:
    await server.ring()
    server.recorder.failure = DatabaseUnavailable("Away.")

    assert text_of(await server.ring(), "Dial/Number") == MARGARET.phone_number


@pytest.mark.promise("F15")
async def test_the_call_connects_even_when_the_disk_is_full(server: Server) -> None:
    await server.routes.refresh(as_database(StoredRoutes(MARGARET)))
    server.recorder.failure, server.recorder.spool_failure = DatabaseUnavailable("Away."), SpoolError("Full.")

    assert text_of(await server.ring(), "Dial/Number") == MARGARET.phone_number


async def test_a_caller_is_told_when_nothing_is_known_of_the_number(server: Server) -> None:
    server.recorder.failure = DatabaseUnavailable("Away.")
    root = await server.ring()

    assert [child.tag for child in root] == ["Say", "Hangup"]
    assert server.recorder.spooled == []


@pytest.mark.parametrize("path", ["/transcription", "/voice/transcription"])
async def test_words_are_recorded(server: Server, path: str) -> None:
    form = {
        "CallSid": CALL,
        "TranscriptionEvent": "transcription-content",
        "SequenceId": "2",
        "Track": "inbound_track",
        "Final": "true",
        "TranscriptionData": '{"transcript": "hello"}',
    }

    assert (await server.post(path, form)).status_code == 204
    (fact,) = server.recorder.recorded
    assert isinstance(fact, WordsHeard)
    assert fact.text == "hello"


async def test_what_callguard_does_not_know_is_taken_and_not_recorded(server: Server) -> None:
    form = {"CallSid": CALL, "TranscriptionEvent": "transcription-summary"}

    assert (await server.post("/transcription", form)).status_code == 204
    assert (await server.post("/call-status", {"CallSid": CALL, "CallStatus": "new"})).status_code == 204
    assert server.recorder.recorded == []


async def test_states_legs_and_conferences_are_recorded(server: Server) -> None:
    await server.post("/transcription", {"CallSid": CALL, "TranscriptionEvent": "transcription-started"})
    await server.post("/call-status", {"CallSid": CALL, "CallStatus": "completed"})
    await server.post(f"/call-status?parent={CALL}", {"CallSid": LEG, "CallStatus": "busy"})
    await server.post(f"/conference-events?parent={CALL}", {"StatusCallbackEvent": "conference-end"})

    assert server.recorder.recorded == [
        TranscriptionChanged(call_sid=CALL, state="started"),
        LegChanged(call_sid=CALL, leg_sid=None, status="completed"),
        LegChanged(call_sid=CALL, leg_sid=LEG, status="busy"),
        ConferenceChanged(call_sid=CALL, event="conference-end", label=None),
    ]


async def test_who_answered_is_recorded(server: Server) -> None:
    form = {"CallSid": LEG, "AnsweredBy": "machine_start", "MachineDetectionDuration": "3000"}

    assert (await server.post(f"/answered-by?parent={CALL}", form)).status_code == 204
    assert server.recorder.recorded == [
        LegAnsweredBy(call_sid=CALL, leg_sid=LEG, answered_by="machine_start")
    ]


@pytest.mark.parametrize("action", list(Action))
async def test_each_decision_has_its_answer_with_the_database_and_without(
    server: Server, action: Action
) -> None:
    decision = Decision(action, Reason.UNKNOWN)
    server.recorder.arrival = Arrival(MARGARET, "User-1-2", Consent.OFF, looping=False, decision=decision)

    verbs = [child.tag for child in await server.ring()]

    assert (
        verbs
        == {
            Action.MONITOR: ["Start", "Start", "Dial"],
            Action.CONNECT: ["Dial"],
            Action.REJECT: ["Reject"],
            Action.TELL_UNREACHABLE: ["Say", "Hangup"],
            Action.TELL_LATER: ["Say", "Hangup"],
            Action.SCREEN: ["Gather"],
            Action.VOICEMAIL: ["Say", "Record", "Hangup"],
        }[action]
    )


async def test_a_blocked_caller_stays_out_while_the_database_is_away(server: Server) -> None:
    blocking = Policy(blocked=(INCOMING["From"],))
    route = msgspec.structs.replace(MARGARET, policy=blocking)
    await server.routes.refresh(as_database(StoredRoutes(route)))
    server.recorder.failure = DatabaseUnavailable("Away.")

    assert [child.tag for child in await server.ring()] == ["Reject"]
    (kept,) = server.recorder.spooled
    assert isinstance(kept, CallArrived)
    assert kept.decision == Decision(Action.REJECT, Reason.BLOCKED)


async def test_twilio_is_asked_to_repeat_what_could_not_be_kept(server: Server) -> None:
    server.recorder.spool_failure = SpoolError("Full.")
    reply = await server.post("/call-status", {"CallSid": CALL, "CallStatus": "completed"})

    assert reply.status_code == 503


@pytest.mark.parametrize(
    "path",
    [
        "/incoming-call",
        "/transcription",
        "/call-status",
        "/answered-by",
        "/conference-events",
        "/screening-answer",
        "/connection-choice",
        "/message-recorded",
    ],
)
async def test_a_webhook_without_its_call_is_refused(server: Server, path: str) -> None:
    assert (await server.post(path, {"CallStatus": "ringing"})).status_code == 400
