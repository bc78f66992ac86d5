from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, cast
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from twilio.request_validator import RequestValidator

from callguard.domain.facts import (
    AnyFact,
    CallArrived,
    CallerScreened,
    ConferenceChanged,
    LegAnsweredBy,
    LegChanged,
    TranscriptionChanged,
    WordsHeard,
)
from callguard.domain.policy import MONITORED, Action, Consent, Decision, Policy, Reason
from callguard.errors import CallguardError, DatabaseError, DatabaseUnavailable, NumberUnknown, SpoolError
from callguard.intake.endpoints import Intake
from callguard.intake.recorder import Recorder
from callguard.intake.records import Arrival
from callguard.intake.routes import RouteBook
from callguard.intake.screening import Screened
from callguard.intake.signature import SignatureGate
from callguard.intake.twiml import Twiml
from callguard.trust.passes import PassIssuer
from callguard.trust.sealing import Sealer
from tests.unit.intake.stored_routes import MARGARET, PIERRE, StoredRoutes, as_database

BASE = "https://calls.example.org"
TOKEN = "0123456789abcdef0123456789abcdef"
CALL = "CA0123456789abcdef0123456789abcdef"
LEG = "CAfedcba9876543210fedcba9876543210"
INCOMING = {
    "CallSid": CALL,
    "From": "+12025550143",
    "To": MARGARET.twilio_number,
    "CallStatus": "ringing",
    "CallToken": "%7B%22parentCallInfoToken%22%3A%22a%22%7D",
}


class RecorderInMemory:
    """What a recorder was told, and the ways in which it can fail."""

    def __init__(self) -> None:
        self.arrivals: list[CallArrived] = []
        self.recorded: list[AnyFact] = []
        self.spooled: list[AnyFact] = []
        self.arrival = Arrival(MARGARET, "User-1-2", Consent.OFF, looping=False)
        self.screening = Screened("User-1-2", "fr", Consent.OFF, MONITORED)
        self.failure: Exception | None = None
        self.spool_failure: CallguardError | None = None

    async def arrive(self, fact: CallArrived) -> Arrival:
        if self.failure is not None:
            raise self.failure
        self.arrivals.append(fact)
        return self.arrival

    async def screened(self, fact: CallerScreened) -> Screened:
        if self.failure is not None:
            raise self.failure
        self.recorded.append(fact)
        return self.screening

    async def record(self, fact: AnyFact) -> None:
        if self.spool_failure is not None:
            raise self.spool_failure
        self.recorded.append(fact)

    async def spool(self, fact: AnyFact) -> None:
        if self.spool_failure is not None:
            raise self.spool_failure
        self.spooled.append(fact)


class Server:
    """The webhooks over HTTP, signed as Twilio signs them."""

    def __init__(self, recorder: RecorderInMemory, client: httpx.AsyncClient, routes: RouteBook) -> None:
        self.recorder = recorder
        self.routes = routes
        self._client = client

    async def post(self, path: str, form: dict[str, str]) -> httpx.Response:
        signature = RequestValidator(TOKEN).compute_signature(BASE + path, form)
        return await self._client.post(path, data=form, headers={"x-twilio-signature": signature})

    async def ring(self, **changes: str) -> Element:
        reply = await self.post("/incoming-call", INCOMING | changes)
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/xml")
        return ET.fromstring(reply.content)


@asynccontextmanager
async def _server(folder: Path) -> AsyncIterator[Server]:
    recorder, routes = RecorderInMemory(), RouteBook(folder / "routes.sealed", Sealer(bytes(32)))
    intake = Intake(cast("Recorder", recorder), routes, Twiml(BASE, PassIssuer(b"k" * 32), {}))
    app = Starlette(routes=intake.http_routes(SignatureGate([TOKEN], BASE)))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://10.0.0.7:8000"
    ) as client:
        yield Server(recorder, client, routes)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with _server(tmp_path) as server:
        yield server


def text_of(root: Element, path: str) -> str | None:
    element = root.find(path)
    return None if element is None else element.text


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


@pytest.mark.parametrize("wishes", ["screen", "voicemail"])
async def test_without_a_database_an_unknown_caller_is_bridged_and_listened_to(
    server: Server, wishes: Literal["screen", "voicemail"]
) -> None:
    policy = Policy(unknown_callers=wishes, record_voicemail=True)
    await server.routes.refresh(as_database(StoredRoutes(msgspec.structs.replace(MARGARET, policy=policy))))
    server.recorder.failure = DatabaseUnavailable("Away.")

    assert [child.tag for child in await server.ring()] == ["Start", "Start", "Dial"]
    (kept,) = server.recorder.spooled
    assert isinstance(kept, CallArrived)
    assert kept.decision == MONITORED


async def test_a_blocked_caller_may_leave_a_message_without_a_database(server: Server) -> None:
    policy = Policy(blocked=(INCOMING["From"],), blocked_callers="voicemail", record_voicemail=True)
    await server.routes.refresh(as_database(StoredRoutes(msgspec.structs.replace(MARGARET, policy=policy))))
    server.recorder.failure = DatabaseUnavailable("Away.")

    assert [child.tag for child in await server.ring()] == ["Say", "Record", "Hangup"]


async def answered(server: Server, ask: int, **answer: str) -> Element:
    reply = await server.post(f"/screening-answer?ask={ask}&language=fr", INCOMING | answer)
    assert reply.status_code == 200
    return ET.fromstring(reply.content)


async def test_who_says_nothing_is_asked_once_more_without_a_look_at_the_database(server: Server) -> None:
    server.recorder.failure = DatabaseUnavailable("Away.")
    root = await answered(server, 1)

    assert "pas entendu" in (text_of(root, "Gather/Say") or "")
    assert "ask=2" in root[0].attrib["action"]


async def test_an_answer_is_recorded_and_the_caller_bridged(server: Server) -> None:
    root = await answered(server, 1, SpeechResult="It is Anna.", Confidence="0.9")

    assert text_of(root, "Dial/Conference") == "User-1-2"
    (fact,) = server.recorder.recorded
    assert isinstance(fact, CallerScreened)
    assert (fact.said, fact.dialled_directly) == ("It is Anna.", False)


async def test_silence_after_the_second_question_goes_where_the_person_wants(server: Server) -> None:
    decision = Decision(Action.VOICEMAIL, Reason.UNKNOWN)
    server.recorder.screening = Screened("User-1-2", "fr", Consent.OFF, decision)

    assert [child.tag for child in await answered(server, 2)] == ["Say", "Record", "Hangup"]


@pytest.mark.parametrize("failure", [DatabaseUnavailable("Away."), RuntimeError("a bug")])
@pytest.mark.parametrize("said", ["It is Anna.", ""])
@pytest.mark.parametrize("spool_failure", [None, SpoolError("Full.")])
async def test_whatever_breaks_while_screening_the_caller_is_bridged(
    server: Server, failure: Exception, said: str, spool_failure: SpoolError | None
) -> None:
    await server.routes.refresh(as_database(StoredRoutes(MARGARET)))
    server.recorder.failure, server.recorder.spool_failure = failure, spool_failure
    root = await answered(server, 2, SpeechResult=said)

    assert text_of(root, "Dial/Number") == MARGARET.phone_number
    assert root.find("Start/Transcription") is not None
    for kept in server.recorder.spooled:
        assert isinstance(kept, CallerScreened)
        assert kept.dialled_directly


async def test_a_screened_caller_is_told_when_nothing_at_all_is_known(server: Server) -> None:
    server.recorder.failure = DatabaseUnavailable("Away.")

    assert [child.tag for child in await answered(server, 2)] == ["Say", "Hangup"]


@pytest.mark.parametrize("spool_failure", [None, SpoolError("Full.")])
@pytest.mark.parametrize(("key", "verbs"), [("9", ["Dial"]), ("1", ["Start", "Start", "Dial"])])
async def test_a_choice_needs_nothing_but_its_signed_address(
    server: Server, key: str, verbs: list[str], spool_failure: SpoolError | None
) -> None:
    server.recorder.spool_failure = spool_failure
    path = "/connection-choice?conference=User-1-2&language=de"
    root = ET.fromstring((await server.post(path, INCOMING | {"Digits": key})).content)

    assert [child.tag for child in root] == verbs
    assert text_of(root, "Dial/Conference") == "User-1-2"


async def test_a_message_that_could_not_be_kept_is_told_again(server: Server) -> None:
    form = {"CallSid": CALL, "RecordingSid": "RE" + "0" * 32, "RecordingStatus": "completed"}
    assert (await server.post("/message-recorded", form)).status_code == 204
    assert (await server.post("/message-recorded", form | {"RecordingStatus": "absent"})).status_code == 204
    assert len(server.recorder.recorded) == 1
    server.recorder.spool_failure = SpoolError("Full.")
    assert (await server.post("/message-recorded", form)).status_code == 503


async def test_who_left_a_message_is_thanked(server: Server) -> None:
    reply = await server.post("/message-taken?language=de", {"CallSid": CALL})
    assert "Vielen Dank" in reply.text


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
