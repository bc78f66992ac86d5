"""F27: a transcription that fails or never starts is asked for once more before the call stays degraded."""

from collections.abc import Awaitable, Callable

import pytest

from callguard.db.pool import Database
from callguard.domain.facts import TranscriptionChanged
from callguard.domain.transcript import Speaker
from callguard.intake import records
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from callguard.local.twilio import (
    CallPlan,
    CallRecord,
    DialogueConversation,
    SpokenTurn,
    Transcribed,
    TranscriptionHabit,
)
from tests.integration.eventually import eventually
from tests.integration.local.stand_in_bench import api_document
from tests.integration.population import call_sid, household, open_call, rows, value

FIRST, SECOND = "hello is this margaret", "there is a warrant for your arrest"
HELD_BACK = "SELECT kind FROM notices WHERE ended_at IS NULL ORDER BY began_at"


async def call(
    stage: Stage, habit: TranscriptionHabit, between: Callable[[], Awaitable[object]]
) -> CallRecord:
    """Two sentences, and what happens between them."""

    async def after_turn(_call_sid: str, turn: int) -> None:
        if turn == 1:
            await between()

    turns = [SpokenTurn(Speaker.CALLER, text) for text in (FIRST, SECOND)]
    return await stage.stand_in.place_call(
        CallPlan(
            from_number="+12025550199",
            to_number=DEMO_FAMILY.twilio_number,
            conversation=DialogueConversation(turns, after_turn),
            transcription=habit,
        )
    )


def asked_again(stage: Stage) -> list[dict[str, tuple[str, ...]]]:
    return [
        dict(request.params)
        for request in stage.stand_in.requests
        if request.path.endswith("/Transcriptions.json")
    ]


async def faults(cluster: Cluster) -> list[str]:
    return [row["kind"] for row in await rows(cluster, HELD_BACK)]


@pytest.mark.promise("F27")
@pytest.mark.parametrize("habit", ["withheld-at-first", "fails-at-first"])
async def test_words_come_again_from_a_second_session(
    habit: str, stage: Stage, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callguard.intake.asking.STARTED_WITHIN_S", 0.2)
    state = "SELECT transcription_restarts = 1 AND transcription_state = 'started' FROM active_calls"

    async def runs_again() -> None:
        await eventually(lambda: value(cluster, state), bool)

    record = await call(stage, TranscriptionHabit(habit), runs_again)

    # A session that is asked for at once hears the first sentence as well.
    heard = [heard.text for heard in record.of(Transcribed) if heard.is_final]
    assert heard in ([SECOND], [FIRST, SECOND])
    (params,) = asked_again(stage)
    assert (params["Name"], params["Track"], params["PartialResults"]) == (
        ("callguard-2",),
        ("both_tracks",),
        ("true",),
    )
    assert params["LanguageCode"] == ("en-US",)
    assert "gift card" in params["Hints"][0]
    assert await faults(cluster) == []
    assert await value(cluster, "SELECT keywords FROM active_calls")
    for request in stage.stand_in.requests:
        api_document().check_request(request.method, request.path, request.params)


@pytest.mark.promise("F27")
async def test_it_is_asked_for_once_and_then_the_call_stays_degraded(
    stage: Stage, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callguard.listening.watch.STARTED_WITHIN_S", 0.2)

    async def given_up() -> None:
        done = "SELECT count(*) FROM work WHERE kind = 'watch_transcription' AND state = 'done'"
        await eventually(lambda: value(cluster, done), lambda count: int(str(count)) >= 2)
        assert "transcription_failed" in await faults(cluster)

    record = await call(stage, TranscriptionHabit.FAILS, given_up)
    assert record.of(Transcribed) == ()
    assert len(asked_again(stage)) == 1


async def test_a_refusal_is_not_repeated(stage: Stage, cluster: Cluster) -> None:
    """21220: the call is not in progress."""
    stage.stand_in.faults.refuse("POST", r"/Transcriptions\.json$", status=400, code=21220, times=9)

    async def asked() -> None:
        done = "SELECT count(*) FROM work WHERE kind = 'restart_transcription' AND state = 'done'"
        await eventually(lambda: value(cluster, done), lambda count: count == 1)
        assert await faults(cluster) == ["transcription_failed"]

    await call(stage, TranscriptionHabit.FAILS, asked)
    assert len(asked_again(stage)) == 1


async def test_late_events_of_the_first_session_say_nothing_of_the_second(
    database: Database, cluster: Cluster
) -> None:
    home = await household(database)
    call_id = await open_call(database, home)

    async def told(state: str, session: str) -> None:
        fact = TranscriptionChanged(call_sid=call_sid(1), state=state, transcription_sid=session)
        await records.record(database, fact)

    await told("started", "GT1")
    await told("failed", "GT1")
    async with database.tenant(home.tenant_id) as session:
        assert await session.run("calls.replace_transcription", call_id, 1)
        assert not await session.run("calls.replace_transcription", call_id, 1)
    for state in ("started", "stopped", "failed"):
        await told(state, "GT1")
    state = "SELECT transcription_state FROM active_calls"
    assert await value(cluster, state) == "waiting"
    await told("started", "GT2")
    await told("stopped", "GT1")
    assert await value(cluster, state) == "started"
    assert await faults(cluster) == []
    await told("stopped", "GT2")
    assert await value(cluster, state) == "stopped"
