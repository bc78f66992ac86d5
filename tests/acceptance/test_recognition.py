"""The demo's calls through the real recogniser: the words that matter come back, where they are spoken."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from callguard.domain.audio import FRAME_BYTES, mulaw_decode
from callguard.domain.words import contains, normalise
from callguard.local.recordings import load_mulaw, scenarios
from callguard.speech.port import Recognised
from callguard.speech.recogniser import WhisperFactory

pytestmark = pytest.mark.acceptance

SCENARIOS = {scenario.name: scenario for scenario in scenarios()}
DEADLINE_S = 60

KEYWORDS = {
    "scam": ("arrest warrant", "social security number", "do not tell anyone", "gift cards", "police"),
    "harmless-family": ("lunch on sunday", "go to the bank on saturday", "nothing to worry about"),
    "cloned-relative": ("stay on the line", "next available representative"),
    "harmless-human": ("enter your conference number", "one other participant", "when the leader arrives"),
}


@pytest.fixture
async def whisper() -> AsyncIterator[WhisperFactory]:
    factory = WhisperFactory()
    await factory.warm()
    yield factory
    factory.close()


async def finals(whisper: WhisperFactory, recording: Path) -> list[Recognised]:
    """What a track's recogniser tells, fed frame by frame as fast as it takes them."""
    told: list[Recognised] = []

    async def tell(result: Recognised) -> None:
        told.append(result)

    track = whisper.open("en-US", tell)
    mulaw = load_mulaw(recording)
    for at in range(0, len(mulaw), FRAME_BYTES):
        track.feed(mulaw[at : at + FRAME_BYTES])
        await asyncio.sleep(0)
    await asyncio.wait_for(track.close(), DEADLINE_S)
    return [result for result in told if result.is_final]


@pytest.mark.parametrize("name", KEYWORDS)
async def test_the_callers_key_phrases_come_back(whisper: WhisperFactory, name: str) -> None:
    results = await finals(whisper, SCENARIOS[name].caller)
    words = normalise(" ".join(result.text for result in results))
    assert [phrase for phrase in KEYWORDS[name] if not contains(words, phrase)] == []


@pytest.mark.parametrize("name", SCENARIOS)
async def test_words_lie_where_their_speaker_speaks_and_nowhere_else(
    whisper: WhisperFactory, name: str
) -> None:
    for recording in (SCENARIOS[name].caller, SCENARIOS[name].callee):
        spoken = mulaw_decode(load_mulaw(recording)) != 0
        results = await finals(whisper, recording)
        words = [word for result in results for word in result.words]
        assert bool(words) == np.any(spoken)
        for word in words:
            assert 0 <= word.start_ms <= word.end_ms <= len(spoken) / 8
            middle = (word.start_ms + word.end_ms) * 4
            assert np.any(spoken[max(0, middle - 2400) : middle + 2400]), "a word in the other one's turn"
        starts = [word.start_ms for word in words]
        assert starts == sorted(starts)
        for result in results:
            assert result.text.split() == [word.text for word in result.words]


async def test_the_warrant_is_found_where_it_is_spoken(whisper: WhisperFactory) -> None:
    results = await finals(whisper, SCENARIOS["scam"].caller)
    word = next(word for result in results for word in result.words if normalise(word.text) == "warrant")
    assert 4300 < word.start_ms < word.end_ms < 5800


async def test_a_silent_callee_says_nothing(whisper: WhisperFactory) -> None:
    told: list[Recognised] = []

    async def tell(result: Recognised) -> None:
        told.append(result)

    track = whisper.open("en", tell)
    silent = load_mulaw(SCENARIOS["scam"].callee)[: 7 * 8000]
    track.feed(silent)
    await asyncio.wait_for(track.close(), DEADLINE_S)
    assert told == []
