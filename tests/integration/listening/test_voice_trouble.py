"""What befalls the judging of voices: a database that is away, a process that hangs, a stream that breaks, a
server of somebody else's. The call's audio never waits for any of it.
"""

import math
import os
import signal as signals
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from callguard.config import Settings
from callguard.listening.voice_workers import VoiceWorkers
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage, in_process
from callguard.trust.passes import PassIssuer
from tests.integration.eventually import eventually
from tests.integration.listening.processes import children
from tests.integration.listening.voices import (
    KEYWORD,
    VoiceCall,
    VoiceLine,
    always,
    judging,
    reading,
    readings,
    signal,
)
from tests.integration.population import rows
from tests.integration.webhooks import STRANGER, SignedClient
from tests.integration.wire import Wire
from tests.stand_ins.voice_server import voice_server
from tests.unit.voice.sounds import speech

SPOKEN, MORE, PIECE = speech(6.0), speech(9.0, seed=1), speech(2.0, seed=2)


@asynccontextmanager
async def house(settings: Settings) -> AsyncIterator[tuple[Stage, SignedClient]]:
    async with in_process(settings, speed=math.inf) as stage:
        assert stage.services is not None
        base_url, token = stage.services.settings.base_url, stage.services.keys.twilio_auth_token
        async with SignedClient(base_url, token) as twilio:
            yield stage, twilio


async def test_what_a_voice_tells_while_the_database_is_away_is_told_when_it_is_back(
    settings: Settings, cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ""

    async def printed() -> str:
        nonlocal said
        said += capsys.readouterr().out
        return said

    async with Wire(cluster.app_dsn) as wire:
        wired = judging(settings, always(tmp_path, 0.9), database_app_url=SecretStr(wire.dsn))
        async with house(wired) as (_, twilio):
            call = await VoiceCall(twilio).ring()
            async with call.streaming() as line:
                await call.say(KEYWORD)
                await line.hear(SPOKEN)
                await reading(cluster, 4.0)
                await wire.cut()
                await line.hear(MORE)
                await eventually(printed, lambda text: "voice_waits_for_the_database" in text)
                await wire.mend()
                await reading(cluster, 10.0)
                await line.end()
    await printed()
    assert "background_task_raised" not in said
    assert STRANGER not in said
    assert KEYWORD not in said


async def test_a_process_that_hangs_holds_up_no_audio(
    settings: Settings, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = VoiceWorkers.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "seconds", 4.0)
    async with house(judging(settings, always(tmp_path, 0.9))) as (_, twilio):
        call = await VoiceCall(twilio).ring()
        async with call.streaming() as line:
            await call.say(KEYWORD)
            await line.hear(SPOKEN)
            await reading(cluster, 4.0)
            (process,) = children()
            os.kill(process, signals.SIGSTOP)
            begun = time.monotonic()
            await line.hear(MORE)
            await line.end()  # answered by the server: it has read all of it
            assert time.monotonic() - begun < 4.0
            await reading(cluster, 8.0)
            assert process not in children()


@pytest.mark.promise("F26")
async def test_a_call_keeps_its_score_where_its_stream_breaks_and_is_started_again(
    settings: Settings, cluster: Cluster, tmp_path: Path
) -> None:
    async with house(judging(settings, always(tmp_path, 0.95))) as (stage, twilio):
        assert stage.services is not None
        call = await VoiceCall(twilio).ring()
        async with call.streaming() as line:
            await call.say(KEYWORD)
            await line.hear(MORE)
            await reading(cluster, 8.0)
        again = PassIssuer(stage.services.keys.derive("stream passes")).issue(call.sid, uuid4(), time.time())
        async with call.streaming(again, number=1) as line:
            await line.hear(speech(2.0))
            await line.end()
        found = await eventually(lambda: readings(cluster), lambda seen: len(seen) == 2)
        assert {row["state"] for row in found} == {"measured", "too little speech"}
        await eventually(lambda: signal(cluster, "deepfake"), lambda told: told.get("state") == "measured")


async def test_a_server_of_somebody_elses_is_asked_after_a_keyword_and_not_before(
    settings: Settings, cluster: Cluster, tmp_path: Path
) -> None:
    async with voice_server() as server:
        remote = {"deepfake_api_url": server.url, "deepfake_api_key": SecretStr(server.key)}
        async with house(judging(settings, always(tmp_path, 0.9), **remote)) as (_, twilio):
            await rows(cluster, "UPDATE users SET analysis_policy = 'always'")
            call = await VoiceCall(twilio).ring()
            async with call.streaming() as line:
                await line.hear(SPOKEN)
                before = await reading(cluster, 4.0)
                assert (before["score"], server.requests) == (pytest.approx(0.9, abs=0.01), [])
                await call.say(KEYWORD)

                async def asked() -> int:
                    await line.hear(PIECE)
                    return len(server.requests)

                await eventually(asked, bool)
                assert server.requests[0] == {"audio": "FileField"}
                await eventually(
                    lambda: _spoken_on(cluster, line), lambda model: model == "remote stand-in 1"
                )
                server.manner = "failing"
                before_failing = len(server.requests)
                await eventually(asked, lambda count: count > before_failing)
                # The process's score stands in.
                await eventually(lambda: _spoken_on(cluster, line), lambda model: model.startswith("onnx "))
                await line.end()


async def _spoken_on(cluster: Cluster, line: VoiceLine) -> str:
    """Whose score the newest reading has, after some more speech."""
    await line.hear(PIECE)
    return str((await readings(cluster))[0]["model"])
