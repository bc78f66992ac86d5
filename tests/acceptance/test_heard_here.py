"""Whole calls on real audio of which Twilio tells no words: this house hears them itself."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from callguard.config import Settings
from callguard.dashboard.snapshot import LiveCall
from callguard.dashboard.source import DatabaseSnapshots
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.recordings import Scenario, load_mulaw, scenarios
from callguard.local.stage import Stage, in_process
from callguard.local.twilio import AudioConversation, CallPlan, TranscriptionHabit
from tests.integration.eventually import eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(110)]

SCAM: Scenario = next(scenario for scenario in scenarios() if scenario.expected == "alert")


def plan(habit: TranscriptionHabit = TranscriptionHabit.WORKS) -> CallPlan:
    return CallPlan(
        from_number=SCAM.from_number,
        to_number=DEMO_FAMILY.twilio_number,
        conversation=AudioConversation(caller=load_mulaw(SCAM.caller), callee=load_mulaw(SCAM.callee)),
        forwarded_from=DEMO_FAMILY.phone_number,
        transcription=habit,
    )


async def seen(stage: Stage) -> LiveCall | None:
    calls = (await DatabaseSnapshots(stage.database)()).calls
    return calls[0] if calls else None


async def alerted_during_the_call(stage: Stage, habit: TranscriptionHabit) -> LiveCall:
    """Plays the scam; gives the call as it stood when everybody had been told."""
    calling = asyncio.create_task(stage.stand_in.place_call(plan(habit)))
    told = await eventually(
        lambda: seen(stage),
        lambda call: (
            call is not None and {a.status for a in call.alerts if a.level == "danger"} == {"delivered"}
        ),
        60,
    )
    await calling
    assert told is not None
    return told


async def sessions_of(cluster: Cluster) -> set[str]:
    """The transcriptions that words came from, by the beginning of their SIDs."""
    connection = await asyncpg.connect(cluster.owner_dsn)
    try:
        rows = await connection.fetch(
            "SELECT DISTINCT left(transcription_sid, 8) AS sid FROM transcription_events"
        )
    finally:
        await connection.close()
    return {row["sid"] for row in rows}


def audio_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix in {".wav", ".ulaw", ".raw", ".pcm", ".flac"}]


@pytest.mark.promise("F27")
async def test_a_transcription_that_never_starts_is_noticed_and_the_scam_alerts_all_the_same(
    settings: Settings, cluster: Cluster
) -> None:
    async with in_process(settings, speed=1.0) as stage:
        call = await alerted_during_the_call(stage, TranscriptionHabit.WITHHELD)

        assert call.degraded == (
            "The transcription did not start; callguard's own speech recognition listens instead."
        )
        assert (call.verdict, call.ended_at) == ("SCAM", None)
        assert "arrest warrant" in call.keywords
        assert await sessions_of(cluster) == {"local-MZ"}
    assert audio_files(settings.data_dir) == []


async def test_with_local_recognition_first_twilio_is_asked_for_no_words(
    settings: Settings, cluster: Cluster
) -> None:
    settings = settings.model_copy(update={"transcription": "local"})
    async with in_process(settings, speed=1.0) as stage:
        call = await alerted_during_the_call(stage, TranscriptionHabit.WORKS)

        assert call.degraded is None
        assert call.verdict == "SCAM"
        assert {utterance.speaker for utterance in call.transcript} == {"caller", "callee"}
        assert await sessions_of(cluster) == {"local-MZ"}
        assert list(stage.stand_in.debugger) == []
    assert audio_files(settings.data_dir) == []


@pytest.mark.promise("F27")
async def test_a_transcription_that_falls_silent_is_noticed_by_the_speech_it_does_not_tell(
    settings: Settings, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callguard.domain.listening.SILENT_AFTER_MS", 2000)
    async with in_process(settings, speed=1.0) as stage:
        call = await alerted_during_the_call(stage, TranscriptionHabit.DEAF)

        assert call.degraded is not None
        assert call.degraded.startswith("The transcription hears nothing although the caller speaks;")
        assert call.verdict == "SCAM"
        assert await sessions_of(cluster) == {"local-MZ"}
