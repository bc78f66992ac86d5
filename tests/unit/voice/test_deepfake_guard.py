"""What is no speech gets a reason, never a number; what is speech reaches the detector."""

import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from callguard.domain.audio import mulaw_decode, mulaw_encode
from callguard.speech.wav import samples as wav_samples
from callguard.voice.deepfake.guard import guarded, refusal
from callguard.voice.deepfake.port import Reason, WindowScore

Samples = NDArray[np.float32]

LENGTH = 32_000
TIME = np.arange(LENGTH) / 8000
KEYPAD = list(product((697, 770, 852, 941), (1209, 1336, 1477, 1633)))
SPOKEN = sorted((Path(__file__).parents[3] / "callguard" / "local" / "audio").glob("*-caller.wav"))


def on_the_line(samples: NDArray[np.float64], dbfs: float = -20) -> Samples:
    """At that level, through 8-bit mu-law."""
    level = samples / np.sqrt(np.mean(samples**2)) * 10 ** (dbfs / 20)
    coded = mulaw_encode(np.rint(np.clip(level, -1, 1) * 32767).astype(np.int16))
    return (mulaw_decode(coded) / 32768).astype(np.float32)


def sine(*frequencies: float) -> NDArray[np.float64]:
    return sum((np.sin(2 * np.pi * f * TIME) for f in frequencies), np.zeros(LENGTH))


def note(frequency: float) -> NDArray[np.float64]:
    return sum((sine(frequency * h) / h for h in range(1, 8) if frequency * h < 3900), np.zeros(LENGTH))


def noise(seed: int = 1) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal(LENGTH)


def melody(seed: int, seconds: float, decay: float) -> NDArray[np.float64]:
    """Notes of a major scale, two voices, each struck and dying away."""
    chance, each = np.random.default_rng(seed), int(seconds * 8000)
    steps = np.array([0, 2, 4, 5, 7, 9, 11, 12])
    played = np.zeros(LENGTH)
    for start in range(0, LENGTH, each):
        end = min(start + each, LENGTH)
        struck = note(220 * 2 ** (chance.choice(steps) / 12)) + note(330 * 2 ** (chance.choice(steps) / 12))
        played[start:end] = struck[start:end] * np.exp(-decay * np.arange(end - start) / 8000)
    return played


@pytest.mark.parametrize("frequency", [120, 350, 440, 1004, 2100, 3000])
@pytest.mark.parametrize("dbfs", [-6, -20, -40])
def test_a_sine_is_tones_at_any_level(frequency: float, dbfs: float) -> None:
    assert refusal(on_the_line(sine(frequency), dbfs)) is Reason.TONES


@pytest.mark.parametrize("pair", KEYPAD)
def test_a_key_is_tones_held_or_repeated(pair: tuple[float, float]) -> None:
    repeated = sine(*pair) * (TIME % 0.2 < 0.1)
    assert refusal(on_the_line(sine(*pair))) is Reason.TONES
    assert refusal(on_the_line(repeated)) is Reason.TONES


def test_a_number_dialled_is_tones() -> None:
    keys = np.random.default_rng(2).integers(len(KEYPAD), size=32)
    dialled = np.choose((TIME / 0.125).astype(int) % 16, [sine(*KEYPAD[key]) for key in keys[:16]])
    assert refusal(on_the_line(dialled * (TIME % 0.125 < 0.07))) is Reason.TONES


@pytest.mark.parametrize("pair", [(350, 440), (440, 480), (480, 620)], ids=["dial", "ringing", "busy"])
def test_call_progress_is_tones(pair: tuple[float, float]) -> None:
    assert refusal(on_the_line(sine(*pair) * (TIME % 1 < 0.5))) is Reason.TONES


@pytest.mark.parametrize("root", [110.0, 175.0, 262.0, 330.0])
def test_a_chord_is_music(root: float) -> None:
    chord = note(root) + note(root * 1.26) + note(root * 1.5)
    assert refusal(on_the_line(chord)) is Reason.MUSIC


@pytest.mark.parametrize("seconds", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("decay", [0.0, 3.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_melodies_are_music(seconds: float, decay: float, seed: int) -> None:
    assert refusal(on_the_line(melody(seed, seconds, decay))) is Reason.MUSIC


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0], ids=["white", "pink", "brown"])
def test_steady_noise_is_noise(slope: float) -> None:
    bins = np.fft.rfft(noise())
    coloured = np.fft.irfft(bins / np.maximum(100, np.arange(len(bins))) ** slope)
    assert refusal(on_the_line(coloured)) is Reason.NOISE


@pytest.mark.parametrize("level", [0.0, 1e-5, 0.5])
def test_silence_is_silence_with_any_offset(level: float) -> None:
    assert refusal(np.full(LENGTH, level, np.float32)) is Reason.SILENCE


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_damage(wrong: float) -> None:
    samples = on_the_line(noise())
    samples[17] = wrong
    assert refusal(samples) is Reason.DAMAGED


@pytest.mark.parametrize("length", [0, 1, 1600, 23_999])
def test_a_window_under_three_seconds_is_not_enough(length: int) -> None:
    assert refusal(on_the_line(noise())[:length]) is Reason.NOT_ENOUGH_SPEECH


def spoken(path: Path) -> list[Samples]:
    """Whole windows of a packaged recording: the loudest stretches, where it is speech."""
    samples, rate = wav_samples(path.read_bytes())
    assert rate == 8000
    frames = samples[: len(samples) // 240 * 240].reshape(-1, 240)
    loud = frames[np.sqrt((frames**2).mean(axis=1)) > 0.01].ravel()
    return [loud[at : at + LENGTH].astype(np.float32) for at in range(0, len(loud) - LENGTH + 1, LENGTH)]


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: path.stem)
def test_speech_passes_with_noise_and_level_as_calls_have_them(path: Path) -> None:
    windows = spoken(path)
    assert windows
    for at, window in enumerate(windows):
        hiss = noise(at) * np.sqrt(np.mean(window**2)) * 10 ** (-12 / 20)
        assert refusal(window) is None
        assert refusal(on_the_line(window + hiss, -35)) is None


def test_speech_driven_into_the_stops_is_clipped() -> None:
    window = spoken(SPOKEN[0])[0]
    assert refusal(np.clip(window * 50, -0.9, 0.9)) is Reason.CLIPPED


@settings(max_examples=25, deadline=None)
@given(arrays.arrays(np.float32, st.integers(1, 60), elements=st.floats(width=32)), st.integers(1, 1200))
def test_any_array_gets_an_answer(pattern: Samples, times: int) -> None:
    assert refusal(np.tile(pattern, times)) in {None, *Reason}


@pytest.mark.parametrize("peak", [1e-38, 1e-20, 1e20, 3e38])
def test_levels_beyond_any_line_neither_overflow_nor_vanish(peak: float) -> None:
    samples = (noise() / 5 * peak).astype(np.float32)
    assert refusal(samples) is (Reason.NOISE if peak > 1 else Reason.SILENCE)


class Counting:
    """Scores a window by its length, and remembers nothing but how many it saw."""

    version = "counting 1"

    def __init__(self) -> None:
        self.seen = 0

    def score(self, windows: Sequence[Samples]) -> list[WindowScore]:
        self.seen += len(windows)
        return [WindowScore(len(window) / 100_000, None, len(window) / 8000) for window in windows]


def test_the_detector_sees_speech_alone_and_answers_keep_their_places() -> None:
    speech, inner = spoken(SPOKEN[0])[0], Counting()
    detector = guarded(inner)
    scores = detector.score([on_the_line(sine(440)), speech, np.zeros(LENGTH, np.float32), speech[:24_000]])
    assert detector.version == "counting 1"
    assert [(s.score, s.reason, s.speech_s) for s in scores] == [
        (None, Reason.TONES, 4.0),
        (0.32, None, 4.0),
        (None, Reason.SILENCE, 4.0),
        (0.24, None, 3.0),
    ]
    assert inner.seen == 2


def test_a_detector_is_not_asked_about_nothing() -> None:
    inner = Counting()
    assert guarded(inner).score([np.zeros(LENGTH, np.float32)])[0].reason is Reason.SILENCE
    assert inner.seen == 0


def test_a_window_costs_a_few_milliseconds() -> None:
    window = spoken(SPOKEN[0])[0]
    spent = []
    for _ in range(7):
        start = time.perf_counter()
        refusal(window)
        spent.append(time.perf_counter() - start)
    assert min(spent) < 0.010
