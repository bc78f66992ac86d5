"""What fails in listening is noticed and told once: no start, an error, an early stop, silence."""

from collections.abc import AsyncIterator
from typing import cast
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from callguard.dashboard.source import DatabaseSnapshots
from callguard.db.pool import Database, Row
from callguard.domain.facts import TranscriptionChanged
from callguard.domain.listening import SILENT_AFTER_MS, Fault
from callguard.domain.transcript import Speaker
from callguard.intake import records
from callguard.intake.recorder import Recorder
from callguard.listening.afterwards import Seats
from callguard.listening.book import StreamFiguresBook
from callguard.listening.local import LocalTranscriber
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from callguard.local.twilio import (
    CallPlan,
    DialogueConversation,
    SpokenTurn,
    Transcribed,
    TranscriptionHabit,
)
from callguard.media.endpoint import AdmittedStream, StreamEnd
from callguard.media.messages import Track
from callguard.media.session import StreamFigures
from callguard.transcript import notices as stored
from tests.integration.eventually import eventually
from tests.integration.listening.hearing import Echoes, Facts, session_of, stream_of
from tests.integration.population import (
    Household,
    call_sid,
    hear,
    household,
    leg,
    open_call,
    rows,
    value,
    words,
)
from tests.integration.webhooks import SignedClient, new_call_sid, ringing

NOTICES = "SELECT kind, remedy, ended_at IS NULL AS open FROM notices ORDER BY began_at"


@pytest.fixture
async def home(database: Database) -> Household:
    return await household(database)


@pytest.fixture
async def call_id(database: Database, home: Household) -> UUID:
    return await open_call(database, home)


@pytest.fixture
async def stream(database: Database, home: Household, call_id: UUID) -> AdmittedStream:
    """The call's stream, admitted; its transcription has started."""
    stream = stream_of(1, tenant_id=home.tenant_id, call_id=call_id)
    async with database.tenant(home.tenant_id) as session:
        await session.value("streams.admit", home.tenant_id, call_id, uuid4(), stream.stream_sid)
    await records.record(database, TranscriptionChanged(call_sid=call_sid(1), state="started"))
    return stream


@pytest.fixture
async def local(stream: AdmittedStream) -> AsyncIterator[LocalTranscriber]:
    local = LocalTranscriber(cast("Recorder", Facts()), Echoes(), Seats(1), is_first=False)
    local.opened(stream, session_of(stream))
    yield local
    await local.closed(stream)


def spoke(ms: int) -> dict[Track, StreamFigures]:
    return {Track.INBOUND: StreamFigures(ms, 2 * ms, 0), Track.OUTBOUND: StreamFigures(0, 2 * ms, 0)}


async def notices(cluster: Cluster) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await rows(cluster, NOTICES)]


async def work_of(cluster: Cluster, kind: str) -> list[Row]:
    query = """SELECT state, extract(epoch FROM run_after - clock_timestamp())::float8 AS due FROM work
               WHERE kind = $1"""
    return await rows(cluster, query, kind)


@pytest.mark.promise("F16", "F27")
@pytest.mark.usefixtures("call_id")
async def test_each_call_is_looked_at_after_ten_seconds_of_the_databases_clock(cluster: Cluster) -> None:
    (work,) = await work_of(cluster, "watch_transcription")
    assert work["state"] == "pending"
    assert 5 < work["due"] <= 10


@pytest.mark.promise("F27")
@pytest.mark.parametrize("state", ["failed", "stopped"])
async def test_an_early_end_is_noticed_while_the_call_goes_on(
    state: str, stage: Stage, twilio: SignedClient, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "ENDING_SECONDS", 0.0)
    sid = new_call_sid()
    assert (await twilio.post("/incoming-call", ringing(sid))).status_code == 200
    event = {"failed": "transcription-error", "stopped": "transcription-stopped"}[state]
    for number, told in enumerate(("transcription-started", event, event), 1):
        form = {"CallSid": sid, "TranscriptionEvent": told, "SequenceId": str(number)}
        assert (await twilio.post("/transcription", form)).status_code == 204

    found = await eventually(lambda: notices(cluster), bool)
    assert found[0] == (f"transcription_{state}", None, True)
    (call,) = (await DatabaseSnapshots(stage.database)()).calls
    assert call.degraded is not None
    assert call.degraded.startswith("The transcription")


async def test_the_end_of_a_transcription_with_its_call_is_no_fault(
    stage: Stage, twilio: SignedClient, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "ENDING_SECONDS", 0.0)
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    await twilio.post("/call-status", {"CallSid": sid, "CallStatus": "completed"})
    stopped = {"CallSid": sid, "TranscriptionEvent": "transcription-stopped", "SequenceId": "2"}
    await twilio.post("/transcription", stopped)
    await eventually(
        lambda: work_of(cluster, "watch_transcription"), lambda found: [w["state"] for w in found] == ["done"]
    )
    assert await notices(cluster) == []
    assert stage.services is not None


async def test_a_start_that_comes_late_ends_the_fault(
    database: Database, home: Household, call_id: UUID, cluster: Cluster
) -> None:
    async with database.tenant(home.tenant_id) as session:
        await stored.declare(session, home.tenant_id, call_id, Fault.TRANSCRIPTION_MISSING)
    await records.record(database, TranscriptionChanged(call_sid=call_sid(1), state="started"))
    assert await notices(cluster) == [("transcription_missing", None, False)]


@pytest.mark.promise("F27")
async def test_speech_that_brings_no_words_is_noticed_and_heard_here_until_they_come(
    database: Database,
    home: Household,
    call_id: UUID,
    stream: AdmittedStream,
    local: LocalTranscriber,
    cluster: Cluster,
) -> None:
    book = StreamFiguresBook(database, local)
    await hear(database, home, call_id, words(1, 1, "hello"))
    await book.progress(stream, spoke(5000))
    await book.progress(stream, spoke(5000 + SILENT_AFTER_MS - 1))
    assert await notices(cluster) == []

    await book.progress(stream, spoke(5000 + SILENT_AFTER_MS))
    await book.progress(stream, spoke(6000 + SILENT_AFTER_MS))
    assert await notices(cluster) == [("transcription_silent", "local", True)]

    # What is heard here is no sign that the transcription works.
    await hear(database, home, call_id, words(1, 1, "hello", session=f"local-{stream.stream_sid}"))
    await book.progress(stream, spoke(7000 + SILENT_AFTER_MS))
    assert (await notices(cluster))[0][2] is True

    await hear(database, home, call_id, words(1, 2, "are you there"))
    await book.progress(stream, spoke(8000 + SILENT_AFTER_MS))
    assert await notices(cluster) == [("transcription_silent", "local", False)]


@pytest.mark.promise("F27")
async def test_a_call_that_nobody_can_hear_says_why(
    database: Database, stream: AdmittedStream, local: LocalTranscriber, cluster: Cluster
) -> None:
    busy = stream_of(9)
    local.opened(busy, session_of(busy))
    local.listen(busy, None)
    await StreamFiguresBook(database, local).progress(stream, spoke(SILENT_AFTER_MS))
    assert await notices(cluster) == [("transcription_silent", "at_capacity", True)]
    (call,) = (await DatabaseSnapshots(database)()).calls
    assert call.degraded is not None
    assert call.degraded.endswith("busy with other calls, so nobody hears the words.")

    await local.closed(busy)
    await StreamFiguresBook(database, local).progress(stream, spoke(SILENT_AFTER_MS))
    assert await notices(cluster) == [("transcription_silent", "local", True)]


async def test_local_recognition_as_the_first_source_tells_when_it_cannot_hear_a_call(
    database: Database, stream: AdmittedStream, cluster: Cluster
) -> None:
    local = LocalTranscriber(cast("Recorder", Facts()), Echoes(), Seats(0), is_first=True)
    local.opened(stream, session_of(stream))
    await StreamFiguresBook(database, local).progress(stream, spoke(1000))
    assert await notices(cluster) == [("unheard", "at_capacity", True)]


async def test_an_ended_call_is_not_degraded_any_more(
    database: Database, stream: AdmittedStream, local: LocalTranscriber, cluster: Cluster
) -> None:
    await records.record(database, leg(1, "completed", own=True))
    await StreamFiguresBook(database, local).progress(stream, spoke(SILENT_AFTER_MS))
    assert await notices(cluster) == []


@pytest.mark.parametrize("reason", list(StreamEnd))
async def test_the_end_of_a_stream_is_looked_into_however_it_came(
    reason: StreamEnd, database: Database, stream: AdmittedStream, local: LocalTranscriber, cluster: Cluster
) -> None:
    await StreamFiguresBook(database, local).ended(stream, reason)
    (work,) = await work_of(cluster, "watch_stream")
    assert 0 < work["due"] <= 2
    assert await value(cluster, "SELECT end_reason FROM media_streams") == reason


@pytest.mark.promise("F27")
async def test_a_fault_is_logged_once_and_without_anything_personal(
    database: Database, home: Household, call_id: UUID
) -> None:
    with capture_logs() as logged:
        for _ in range(3):
            async with database.tenant(home.tenant_id) as session:
                await stored.declare(session, home.tenant_id, call_id, Fault.TRANSCRIPTION_FAILED)
    assert [dict(entry) for entry in logged] == [
        {
            "event": "call_degraded",
            "log_level": "error",
            "call_id": str(call_id),
            "fault": "transcription_failed",
        }
    ]


@pytest.mark.promise("F27")
async def test_an_error_of_the_transcription_degrades_a_whole_call(stage: Stage, cluster: Cluster) -> None:
    record = await stage.stand_in.place_call(
        CallPlan(
            from_number="+12025550199",
            to_number=DEMO_FAMILY.twilio_number,
            conversation=DialogueConversation([SpokenTurn(Speaker.CALLER, "buy gift cards")]),
            transcription=TranscriptionHabit.FAILS,
        )
    )
    assert record.of(Transcribed) == ()
    assert [notice[0] for notice in await notices(cluster)] == ["transcription_failed"]
    (call,) = (await DatabaseSnapshots(stage.database)()).calls
    assert call.transcript == ()
    assert call.degraded is not None
