import numpy as np
import pytest
from numpy.typing import NDArray

from callguard.domain.audio import MULAW_SILENCE, SAMPLE_RATE, mulaw_encode
from callguard.media.vad import VoiceActivity

SECOND = SAMPLE_RATE
SILENCE = bytes([MULAW_SILENCE]) * SECOND


def voice(seconds: float) -> bytes:
    """A vowel at 120 Hz with its formants, swelling four times a second as syllables do."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    signal = np.zeros_like(time)
    for harmonic in range(1, 28):
        hertz = 120.0 * harmonic
        loudness = sum(np.exp(-(((hertz - formant) / 150) ** 2)) for formant in (700, 1200, 2600))
        signal += (0.05 + loudness) * np.sin(2 * np.pi * hertz * time)
    return pcm(2500 * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time)) * signal)


def hiss(seconds: float, loudness: float) -> bytes:
    return pcm(np.random.default_rng(7).normal(0, loudness, int(seconds * SAMPLE_RATE)))


def pcm(signal: NDArray[np.float64]) -> bytes:
    return mulaw_encode(signal.clip(-32768, 32767).astype(np.int16))


def heard(audio: bytes, window: int = SECOND) -> int:
    detector = VoiceActivity()
    return sum(detector.feed(audio[start : start + window]) for start in range(0, len(audio), window))


def test_silence_and_a_quiet_line_hold_no_speech() -> None:
    assert heard(SILENCE * 10) == 0
    assert heard(hiss(10, loudness=40)) <= 200


def test_a_voice_is_heard_nearly_all_the_time_it_speaks() -> None:
    assert 4500 <= heard(voice(5)) <= 5000


def test_the_pauses_between_voices_do_not_count() -> None:
    spoken = heard(SILENCE + voice(2) + SILENCE * 3 + voice(2) + SILENCE)
    assert 3500 <= spoken <= 4600


def test_a_click_is_no_speech() -> None:
    click = bytearray(SILENCE)
    click[4000:4080] = bytes([0x80, 0x00]) * 40
    assert VoiceActivity().feed(bytes(click)) <= 100


@pytest.mark.parametrize("window", [160, 1600, 4000, 24_000])
def test_windows_of_any_length_hear_the_same(window: int) -> None:
    audio = SILENCE + voice(1.5) + SILENCE + hiss(0.5, loudness=40) + voice(1)
    assert heard(audio, window) == heard(audio)


def test_tracks_are_apart() -> None:
    speaking, silent = VoiceActivity(), VoiceActivity()
    assert speaking.feed(voice(1)) > 500
    assert silent.feed(SILENCE) == 0


@pytest.mark.parametrize("length", [0, 1, 159])
def test_less_than_a_frame_is_left_out(length: int) -> None:
    detector = VoiceActivity()
    detector.feed(voice(1))
    assert detector.feed(voice(1)[:length]) == 0
