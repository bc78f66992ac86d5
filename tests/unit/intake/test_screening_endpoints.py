"""What a caller meets who is asked, offered a choice or leaves a message, with a database and without."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

import msgspec
import pytest

from callguard.domain.facts import (
    CallArrived,
    CallerScreened,
)
from callguard.domain.policy import MONITORED, Action, Consent, Decision, Policy, Reason
from callguard.errors import DatabaseUnavailable, SpoolError
from callguard.intake.screening import Screened
from tests.unit.intake.intake_server import CALL, INCOMING, Server, intake_server, text_of
from tests.unit.intake.stored_routes import MARGARET, StoredRoutes, as_database


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with intake_server(tmp_path) as server:
        yield server


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
