"""Windows of active speech, from a recording and from a stream."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from callguard.domain.audio import SAMPLE_RATE
from callguard.voice.activity import SpeechTape, Window, speech_windows
from callguard.voice.resampling import resample
from tests.unit.voice.sounds import hiss, silence, speech

SPOKEN = speech(10.5)


def told(windows: list[Window]) -> list[tuple[bytes, float, float, float]]:
    return [(w.samples.tobytes(), w.start_s, w.end_s, w.speech_s) for w in windows]


def streamed(samples: NDArray[np.float32], sizes: list[int]) -> list[Window]:
    tape, windows, at = SpeechTape(), [], 0
    while at < len(samples):
        size = sizes[0]
        sizes = [*sizes[1:], size]
        windows += tape.feed(samples[at : at + size])
        at += size
    return windows + tape.flush()


def test_windows_hold_four_seconds_of_speech_and_begin_every_two() -> None:
    windows = speech_windows(SPOKEN)

    assert [window.speech_s for window in windows] == [4.0] * 4
    assert all(w.samples.dtype == np.float32 and w.samples.shape == (32_000,) for w in windows)
    assert np.allclose(np.diff([w.start_s for w in windows]), 2, atol=0.2)
    assert np.array_equal(windows[0].samples[16_000:], windows[1].samples[:16_000])


def test_pauses_are_left_out_and_the_times_are_the_recordings() -> None:
    windows = speech_windows(np.concatenate([silence(2), speech(2), silence(5), speech(2.2), silence(1)]))

    (window,) = windows
    assert window.start_s == pytest.approx(2, abs=0.2)
    assert window.end_s == pytest.approx(11, abs=0.3)
    assert 3.8 <= window.speech_s <= 4.0
    assert np.sqrt(np.mean(window.samples**2)) > 0.9 * np.sqrt(np.mean(speech(4) ** 2))


def test_short_pauses_stay_inside_speech() -> None:
    with_pauses = SPOKEN.copy()
    for at in range(SAMPLE_RATE, len(with_pauses), SAMPLE_RATE):
        with_pauses[at : at + 1200] = 0

    assert len(speech_windows(with_pauses)) == 4


@pytest.mark.parametrize(
    ("seconds", "lengths"), [(2.5, []), (3.5, [3.5]), (4.9, [4.0]), (5.5, [4.0, 3.5]), (6.1, [4.0, 4.0])]
)
def test_the_last_window_is_shorter_if_it_holds_enough(seconds: float, lengths: list[float]) -> None:
    assert [w.speech_s for w in speech_windows(speech(seconds))] == pytest.approx(lengths, abs=0.15)


@pytest.mark.parametrize(
    "samples", [silence(10), hiss(10, 0.001), np.full(80_000, np.nan, np.float32), silence(0), silence(0.01)]
)
def test_where_nobody_speaks_there_are_no_windows(samples: NDArray[np.float32]) -> None:
    assert speech_windows(samples) == []


def test_clicks_are_no_speech() -> None:
    clicks = silence(30)
    for at in range(0, len(clicks), 4000):
        clicks[at : at + 160] = 0.9 * (-1.0) ** np.arange(160)
    tape = SpeechTape()
    tape.feed(clicks)

    assert tape.speech_seconds == 0


def test_what_is_no_number_is_silence_and_what_is_too_loud_is_clipped() -> None:
    odd = SPOKEN.copy()
    odd[1000:1010] = np.nan
    odd[2000:2010], odd[2010:2020], odd[2020:2030] = np.inf, -np.inf, 7
    first = speech_windows(odd)[0]

    assert np.isfinite(first.samples).all()
    assert np.abs(first.samples).max() == 1


def test_the_speech_is_known_a_moment_after_it_is_spoken() -> None:
    tape, windows, at = SpeechTape(), list[Window](), 0
    while not windows:
        windows = tape.feed(SPOKEN[at : at + 80])
        at += 80

    assert at / SAMPLE_RATE - windows[0].end_s <= 0.3


def test_other_rates_give_windows_at_8_khz() -> None:
    windows = speech_windows(resample(SPOKEN, SAMPLE_RATE, 44_100), 44_100)

    assert [w.samples.shape for w in windows] == [(32_000,)] * 4


@given(sizes=st.lists(st.integers(1, 30_000), min_size=1, max_size=5), seed=st.integers(0, 20))
@settings(max_examples=25, deadline=None)
def test_a_stream_gives_the_recordings_windows_however_it_is_cut(sizes: list[int], seed: int) -> None:
    sizes = [*sizes, 5000]  # not all of them tiny
    rng = np.random.default_rng(seed)
    parts = [SPOKEN[rng.integers(0, 40_000) :][: rng.integers(1000, 40_000)] for _ in range(3)]
    pauses = [hiss(float(rng.uniform(0, 1)), 0.003, seed) for _ in range(3)]
    samples = np.concatenate([sound for pair in zip(parts, pauses, strict=True) for sound in pair])

    assert told(streamed(samples, sizes)) == told(speech_windows(samples))


def test_a_stream_of_minutes_leaves_no_more_behind_than_one_of_seconds() -> None:
    second, tape = SPOKEN[:8000].copy(), SpeechTape()
    tracemalloc.start()
    try:
        held = []
        for at in range(300):
            tape.feed(second)
            if at in {10, 299}:
                held.append(tracemalloc.get_traced_memory()[0])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert tape.speech_seconds > 250
    assert held[1] < held[0] + 200_000
    assert peak < 2_000_000


def test_a_long_recording_is_taken_in_blocks_with_the_same_result() -> None:
    samples = np.tile(np.concatenate([speech(5), silence(1.003)]), 25)

    assert told(speech_windows(samples)) == told(streamed(samples, [4001]))


@pytest.mark.parametrize("wrong", [{"hop_s": 5}, {"hop_s": 0}, {"least_s": 4.5}, {"least_s": 0}])
def test_windows_that_overlook_speech_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="window"):
        SpeechTape(**wrong)
