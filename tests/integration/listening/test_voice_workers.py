"""Processes that judge voices: killed, stopped, fed nonsense, left behind by a server that was killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from callguard.listening.voice_workers import VoiceNotJudged, VoiceWorkers
from callguard.voice.deepfake.port import Reason
from tests.integration.eventually import eventually
from tests.integration.listening.processes import children, is_alive
from tests.unit.voice.networks import calibrated, network
from tests.unit.voice.sounds import speech, tone

SPOKEN = (speech(4.0) * 32767).astype(np.int16).tobytes()
BEEP = (tone(4.0) * 32767).astype(np.int16).tobytes()


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(calibrated(network(tmp_path_factory.mktemp("model") / "net.onnx"), slope=0, offset=3))


@asynccontextmanager
async def working(detector: str, seconds: float = 20.0) -> AsyncIterator[VoiceWorkers]:
    workers = VoiceWorkers(detector, 1, seconds=seconds)
    try:
        yield workers
    finally:
        await workers.close()


async def test_windows_are_scored_behind_the_guard_and_no_process_stays(detector: str) -> None:
    async with working(detector) as workers:
        assert children() == []
        told = await workers.score([SPOKEN, BEEP])
        assert [each.score for each in told.scores] == [pytest.approx(0.953, abs=0.001), None]
        assert [each.reason for each in told.scores] == [None, Reason.TONES]
        assert told.model.startswith("onnx ")
        (process,) = children()
        assert os.getpriority(os.PRIO_PROCESS, process) == 10
    assert children() == []


async def test_a_killed_process_is_told_of_and_another_takes_its_place(detector: str) -> None:
    async with working(detector) as workers:
        await workers.score([SPOKEN])
        (process,) = children()
        os.kill(process, signal.SIGKILL)
        with pytest.raises(VoiceNotJudged) as lost:
            await workers.score([SPOKEN])
        assert lost.value.code == "VOICE_WORKER_DIED"
        assert (await workers.score([SPOKEN])).scores[0].score is not None
        assert children() != [process]


async def test_a_process_that_hangs_is_ended_and_replaced(detector: str) -> None:
    async with working(detector, seconds=3.0) as workers:
        await workers.score([SPOKEN])
        (process,) = children()
        os.kill(process, signal.SIGSTOP)
        with pytest.raises(VoiceNotJudged) as lost:
            await workers.score([SPOKEN])
        assert lost.value.code == "VOICE_WORKER_HUNG"
        assert children() == []
        assert (await workers.score([SPOKEN])).scores[0].score is not None


async def test_a_question_that_was_given_up_does_not_answer_the_next(detector: str) -> None:
    async with working(detector) as workers:
        await workers.score([SPOKEN])
        asking = asyncio.create_task(workers.score([SPOKEN, SPOKEN]))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert len((await workers.score([BEEP])).scores) == 1


async def test_a_detector_that_is_not_there_is_told_by_its_code() -> None:
    async with working("/nowhere/network.onnx") as workers:
        for _ in range(3):  # the process is well: it needs no rest
            with pytest.raises(VoiceNotJudged) as absent:
                await workers.score([SPOKEN])
            assert absent.value.code.startswith("DETECTOR_")


async def test_a_process_that_dies_again_and_again_rests(
    detector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    async with working(detector) as workers:
        codes = []
        for _ in range(4):
            with pytest.raises(VoiceNotJudged) as lost:
                await workers.score([SPOKEN])
            codes.append(lost.value.code)
        assert codes == ["VOICE_WORKER_DIED", "VOICE_WORKER_DIED", "VOICE_WORKER_RESTS", "VOICE_WORKER_RESTS"]


SERVER = """
import asyncio, sys, numpy as np
from callguard.listening.voice_workers import VoiceWorkers
async def main():
    workers = VoiceWorkers(sys.argv[1], 1)
    await workers.score([np.zeros(32000, np.int16).tobytes()])
    print("judged", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_a_server_that_is_killed_leaves_no_process_behind(detector: str) -> None:
    def serve() -> "subprocess.Popen[str]":
        return subprocess.Popen([sys.executable, "-c", SERVER, detector], stdout=subprocess.PIPE, text=True)

    with await asyncio.to_thread(serve) as server:
        assert server.stdout is not None
        assert await asyncio.to_thread(server.stdout.readline) == "judged\n"
        (orphan,) = children(server.pid)
        server.kill()

    async def alive() -> bool:
        return is_alive(orphan)

    await eventually(alive, lambda still: not still)
