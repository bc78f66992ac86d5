"""The caller's voice in a whole call: webhooks, media socket, processes, Postgres, verdict."""

import asyncio
import math
import os
import signal as signals
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import ANY

import pytest

from callguard.config import Settings
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage, in_process
from tests.integration.eventually import eventually
from tests.integration.listening.processes import children
from tests.integration.listening.voices import (
    KEYWORD,
    VoiceCall,
    always,
    judging,
    reading,
    readings,
    signal,
)
from tests.integration.population import rows, value
from tests.integration.webhooks import SignedClient
from tests.unit.voice.sounds import silence, speech, tone


@asynccontextmanager
async def house(settings: Settings) -> AsyncIterator[tuple[Stage, SignedClient]]:
    async with in_process(settings, speed=math.inf) as stage:
        assert stage.services is not None
        async with SignedClient(
            stage.services.settings.base_url, stage.services.keys.twilio_auth_token
        ) as twilio:
            yield stage, twilio
    assert children() == []


async def heard_ms(cluster: Cluster) -> object:
    return await value(cluster, "SELECT coalesce(max(caller_speech_ms), 0) FROM media_streams")


async def test_a_synthetic_voice_is_scored_after_the_keyword_and_shown_with_its_seconds(
    settings: Settings, cluster: Cluster, tmp_path: Path
) -> None:
    async with house(judging(settings, always(tmp_path, 0.98))) as (_, twilio):
        call = await VoiceCall(twilio).ring()
        async with call.streaming() as line:
            await line.hear(speech(13.0))
            await line.hear(speech(13.0, seed=3), "outbound")
            await call.say(KEYWORD)  # what was spoken before is still in the ring
            found = await reading(cluster, 10.0)
            assert (found["state"], found["score"]) == ("measured", pytest.approx(0.98, abs=0.002))
            assert found["low"] < found["score"] < found["high"]
            assert 10.0 <= found["speech_seconds"] <= 13.0
            assert found["model"].startswith("onnx ")
            told = await eventually(
                lambda: signal(cluster, "deepfake"),
                lambda told: float(str(told.get("speech_seconds") or 0)) >= 10,
            )
            assert (told["risk"], told["finding"], told["state"]) == (98, "synthetic", "measured")
            assert told["points"] > 0  # type: ignore[operator]  # a number in JSON
            assert "10 s of speech" in str(told["detail"])
            await line.end()


async def test_before_a_keyword_no_process_is_asked_and_nothing_is_stored(
    settings: Settings, cluster: Cluster, tmp_path: Path
) -> None:
    async with house(judging(settings, always(tmp_path, 0.98))) as (_, twilio):
        call = await VoiceCall(twilio).ring()
        async with call.streaming() as line:
            await line.hear(speech(12.0))
            await call.say("hello it is lovely weather today")
            await line.end()
        await eventually(lambda: heard_ms(cluster), bool)
        assert children() == []
    assert await readings(cluster) == []
    assert await rows(cluster, "SELECT id FROM work WHERE kind = 'analyse'") == []


async def test_local_always_judges_from_the_first_words_on(
    settings: Settings, cluster: Cluster, tmp_path: Path
) -> None:
    async with house(judging(settings, always(tmp_path, 0.97))) as (_, twilio):
        await rows(cluster, "UPDATE users SET analysis_policy = 'local_always'")
        call = await VoiceCall(twilio).ring()
        async with call.streaming() as line:
            await line.hear(speech(13.0))
            await reading(cluster, 10.0)
            standing = (
                "SELECT verdict, fraud_score, fraud_detected FROM fraud_analyses ORDER BY created_at DESC"
            )
            (verdict, *_) = await eventually(
                lambda: rows(cluster, standing), lambda seen: bool(seen) and seen[0]["verdict"] == "UNSURE"
            )
            assert (verdict["fraud_score"], verdict["fraud_detected"]) == (
                55.0,
                False,
            )  # alone, it alarms nobody


async def test_the_canarys_voice_is_nobodys(settings: Settings, cluster: Cluster, tmp_path: Path) -> None:
    async with house(judging(settings, always(tmp_path, 0.97))) as (_, twilio):
        call, other = await VoiceCall(twilio).ring(), await VoiceCall(twilio).ring("+12025550198")
        await rows(
            cluster, "UPDATE active_calls SET decision_reason = 'canary' WHERE call_sid = $1", call.sid
        )
        async with call.streaming() as line, other.streaming() as beside:
            await call.say(KEYWORD)
            await other.say(KEYWORD)
            await line.hear(speech(9.0))
            await beside.hear(speech(9.0))
            await reading(cluster)
            await line.end()
        assert {row["stream_sid"] for row in await readings(cluster)} == {beside.stream_sid}


@pytest.mark.parametrize(
    ("seconds", "sound", "state"),
    [(1.5, speech, "too little speech"), (9.0, tone, "unsuitable")],
)
async def test_what_is_no_speech_or_too_little_is_a_state(
    settings: Settings, cluster: Cluster, tmp_path: Path, seconds: float, sound: object, state: str
) -> None:
    async with house(judging(settings, always(tmp_path, 0.97))) as (_, twilio):
        call = await VoiceCall(twilio).ring()
        async with call.streaming() as line:
            await call.say(KEYWORD)
            await line.hear(silence(0.5))
            await line.hear(sound(seconds))  # type: ignore[operator]  # one of the sounds
            await line.hear(silence(0.5))
            await line.end()
        found = await reading(cluster)
        assert (found["state"], found["score"], found["low"], found["high"]) == (state, None, None, None)
        told = await eventually(lambda: signal(cluster, "deepfake"), lambda told: told.get("state") == state)
        assert (told["risk"], told["points"], told["speech_seconds"]) == (None, 0, None)


async def test_without_workers_voices_are_not_configured(settings: Settings, cluster: Cluster) -> None:
    async with house(settings.model_copy(update={"voice_workers": 0})) as (_, twilio):
        call = await VoiceCall(twilio).ring()
        async with call.streaming() as line:
            await line.hear(speech(9.0))
            await call.say(KEYWORD)
            told = await eventually(lambda: signal(cluster, "deepfake"), bool)
            assert (told["state"], told["detail"]) == ("not configured", ANY)
            assert (await signal(cluster, "known_voice"))["state"] == "not configured"
    assert await readings(cluster) == []


async def test_a_killed_process_costs_the_call_nothing(
    settings: Settings, cluster: Cluster, tmp_path: Path
) -> None:
    async with house(judging(settings, always(tmp_path, 0.9))) as (_, twilio):
        call = await VoiceCall(twilio).ring()
        async with call.streaming() as line:
            await call.say(KEYWORD)
            await line.hear(speech(5.0))
            await reading(cluster, 4.0)
            (process,) = children()
            os.kill(process, signals.SIGKILL)
            await line.hear(speech(9.0, seed=1))
            await reading(cluster, 8.0)
            assert children() != [process]
            await line.end()
        ended = "SELECT end_reason FROM media_streams"
        assert await eventually(lambda: value(cluster, ended), bool) == "stopped"


async def test_a_detector_that_fails_is_a_state_that_people_see(
    settings: Settings, cluster: Cluster, tmp_path: Path
) -> None:
    async with house(judging(settings, tmp_path / "nowhere.onnx")) as (_, twilio):
        call = await VoiceCall(twilio).ring()
        async with call.streaming() as line:
            await call.say(KEYWORD)
            await line.hear(speech(5.0))
            told = await eventually(
                lambda: signal(cluster, "deepfake"), lambda told: told.get("state") == "failed"
            )
            assert "failed" in str(told["detail"])


@pytest.mark.promise("F22")
async def test_every_call_is_looked_at_where_the_processes_are_slower_than_the_calls(
    settings: Settings, cluster: Cluster, tmp_path: Path
) -> None:
    """Twelve calls at once: there are 9 windows of each, and one process gets to 4 of them at the most."""
    spoken = speech(20.0)
    async with house(judging(settings, always(tmp_path, 0.9))) as (_, twilio):
        calls = [await VoiceCall(twilio).ring(f"+120255501{number:02}") for number in range(30, 42)]

        async def talk(call: VoiceCall) -> None:
            async with call.streaming() as line:
                await call.say(KEYWORD)
                await line.hear(spoken)
                await line.end()

        await asyncio.gather(*(talk(call) for call in calls))
        found = await eventually(lambda: readings(cluster), lambda seen: len(seen) == len(calls))
        assert {row["state"] for row in found} == {"measured"}
        assert await value(cluster, "SELECT count(*) FROM media_streams WHERE lost_ms = 0") == len(calls)
