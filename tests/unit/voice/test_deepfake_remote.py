"""A voice server as a detector, over real HTTP: what is sent, what comes back, and what when nothing does."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

from callguard.domain.breaker import FIRST_REST_SECONDS, JITTER, OPENS_AFTER
from callguard.errors import DetectorError
from callguard.voice.deepfake.port import Reason, WindowScore
from callguard.voice.deepfake.remote import RemoteDetector, Samples
from tests.stand_ins.voice_server import Manner, VoiceServer, voice_server
from tests.unit.voice.networks import wave

LOW, HIGH = wave(300), wave(3600)
FAILURES: dict[Manner, str] = {
    "failing": "DETECTOR_REFUSED",
    "busy": "DETECTOR_REFUSED",
    "dropping": "DETECTOR_UNREACHABLE",
    "babbling": "DETECTOR_STRANGE",
    "out_of_range": "DETECTOR_STRANGE",
    "endless": "DETECTOR_STRANGE",
}


class Clock:
    """Stands still until it is set forward."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Local:
    """The detector at home: always 0.42."""

    version = "local 1"

    def score(self, windows: Sequence[Samples]) -> list[WindowScore]:
        return [WindowScore(0.42, None, len(window) / 8000) for window in windows]


@pytest.fixture
async def server() -> AsyncIterator[VoiceServer]:
    async with voice_server() as running:
        yield running


def values(scores: Sequence[WindowScore]) -> list[float | None]:
    return [score.score for score in scores]


async def test_each_window_gets_its_own_answer_in_its_place(server: VoiceServer) -> None:
    detector = RemoteDetector(server.url, server.key)
    scores = await detector.judge([LOW, HIGH, LOW, HIGH, HIGH, LOW])
    low, high = (float(1 - np.cos(2 * np.pi * f / 8000)) / 2 for f in (300, 3600))
    assert values(scores) == pytest.approx([low, high, low, high, high, low], abs=1e-3)
    assert {score.speech_s for score in scores} == {4.0}
    assert detector.version == "remote stand-in 1"


async def test_nothing_but_the_voice_is_sent(server: VoiceServer) -> None:
    await RemoteDetector(server.url, server.key).judge([LOW])
    assert server.requests == [{"audio": "FileField"}]


async def test_no_window_is_no_question(server: VoiceServer) -> None:
    assert await RemoteDetector(server.url, server.key).judge([]) == []
    assert server.requests == []


async def test_it_serves_who_has_no_event_loop(server: VoiceServer) -> None:
    detector = RemoteDetector(server.url, server.key)
    (score,) = await asyncio.to_thread(detector.score, [HIGH])
    assert score.score is not None


@pytest.mark.parametrize("seconds", [0.5, 1.5])
async def test_too_little_speech_for_the_server_is_a_state(server: VoiceServer, seconds: float) -> None:
    (score,) = await RemoteDetector(server.url, server.key).judge([wave(300, seconds)])
    assert (score.score, score.reason) == (None, Reason.NOT_ENOUGH_SPEECH)


@pytest.mark.parametrize("manner", FAILURES)
async def test_without_a_fallback_a_failure_is_said(server: VoiceServer, manner: Manner) -> None:
    server.manner = manner
    with pytest.raises(DetectorError) as caught:
        await RemoteDetector(server.url, server.key).judge([LOW, HIGH])
    assert caught.value.code == FAILURES[manner]
    assert "Welcome" not in caught.value.message


@pytest.mark.parametrize("manner", FAILURES)
async def test_with_one_it_judges_all_windows(server: VoiceServer, manner: Manner) -> None:
    server.manner = manner
    detector = RemoteDetector(server.url, server.key, Local())
    assert values(await detector.judge([LOW, HIGH])) == [0.42, 0.42]
    assert detector.version == "local 1"
    server.manner = "well"
    assert manner == "busy" or values(await detector.judge([LOW])) != [0.42]


async def test_a_server_that_does_not_answer_is_not_waited_for(server: VoiceServer) -> None:
    server.manner = "stalling"
    detector = RemoteDetector(server.url, server.key, Local(), seconds=0.1)
    async with asyncio.timeout(2):
        assert values(await detector.judge([LOW, HIGH])) == [0.42, 0.42]


async def test_a_wrong_key_is_told_without_the_key(server: VoiceServer) -> None:
    with pytest.raises(DetectorError) as caught:
        await RemoteDetector(server.url, "some other").judge([LOW])
    assert caught.value.code == "DETECTOR_UNAUTHORISED"
    assert "some other" not in caught.value.message


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://"])
async def test_where_nobody_listens_is_told(url: str) -> None:
    with pytest.raises(DetectorError) as caught:
        await RemoteDetector(url).judge([LOW])
    assert caught.value.code == "DETECTOR_UNREACHABLE"


async def test_a_server_that_keeps_failing_is_left_alone_and_tried_again(server: VoiceServer) -> None:
    clock = Clock()
    detector = RemoteDetector(server.url, server.key, Local(), clock=clock)
    server.manner = "failing"
    for _ in range(OPENS_AFTER):
        await detector.judge([LOW])
    asked = len(server.requests)
    server.manner = "well"
    assert values(await detector.judge([LOW])) == [0.42]
    assert len(server.requests) == asked, "it rests"
    clock.now += FIRST_REST_SECONDS * (1 + JITTER) + 1
    assert values(await detector.judge([LOW])) != [0.42]
    assert values(await detector.judge([LOW])) != [0.42], "it is closed again"


@pytest.mark.parametrize(
    ("asked", "rest"), [("30", 30.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0), ("nan", 0.0)]
)
async def test_a_busy_server_says_for_how_long(server: VoiceServer, asked: str, rest: float) -> None:
    clock = Clock()
    detector = RemoteDetector(server.url, server.key, Local(), clock=clock)
    server.manner, server.retry_after = "busy", asked
    await detector.judge([LOW])
    server.manner = "well"
    assert (values(await detector.judge([LOW])) == [0.42]) == (rest > 0)
    clock.now += rest * (1 + JITTER) + 1
    assert values(await detector.judge([LOW])) != [0.42]
