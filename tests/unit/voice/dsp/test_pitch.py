"""Pitch against Praat's on recorded people, and on sounds whose pitch is known."""

from dataclasses import dataclass

import numpy as np
import parselmouth
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parselmouth.praat import call

from callguard.voice.dsp.frames import frame_count, hop_samples
from callguard.voice.dsp.pitch import CEILING_HZ, FLOOR_HZ, pitch_track, speakers_ceiling
from tests.unit.voice.dsp.voices import HUMANS, Sound, human, noise, spoken, tone

RATE = 16_000


@dataclass(frozen=True)
class Pair:
    """Two pitch tracks of one sound on the very same frames, in Hz, NaN where unvoiced."""

    ours: Sound
    praats: Sound

    @property
    def both(self) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        return ~np.isnan(self.ours) & ~np.isnan(self.praats)


@pytest.fixture(scope="module", params=HUMANS)
def pair(request: pytest.FixtureRequest) -> Pair:
    """Praat centres its frames on the sound: ours are laid on them by leaving out a few samples."""
    samples, rate = human(request.param)
    pitch = call(
        parselmouth.Sound(samples, rate),
        *("To Pitch (ac)", 0.01, FLOOR_HZ, 15, "no", 0.03, 0.45, 0.01, 0.35, 0.14, CEILING_HZ),
    )
    theirs = pitch.selected_array["frequency"]
    first, offset = divmod(round(pitch.xs()[0] * rate - 0.5), hop_samples(rate))
    ours = pitch_track(samples[offset:], rate).f0[first : first + len(theirs)]
    return Pair(ours, np.where(theirs > 0, theirs, np.nan))


def test_the_same_frames_are_voiced(pair: Pair) -> None:
    agree = np.isnan(pair.ours) == np.isnan(pair.praats)

    assert pair.both.sum() > 100
    assert agree.mean() > 0.99


def test_the_median_is_the_same(pair: Pair) -> None:
    assert np.nanmedian(pair.ours) == pytest.approx(np.nanmedian(pair.praats), rel=0.005)


def test_the_frames_are_the_same(pair: Pair) -> None:
    apart = np.abs(pair.ours[pair.both] / pair.praats[pair.both] - 1)

    assert np.median(apart) < 0.0005
    assert np.mean(apart > 0.05) < 0.01  # another octave, where two candidates weigh the same


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
@pytest.mark.parametrize("f0", [80.0, 123.4, 210.0, 390.0])
def test_a_vowels_pitch_is_found_to_a_thousandth(f0: float, rate: int) -> None:
    track = pitch_track(spoken(f0, rate=rate, seconds=0.5), rate)
    middle = track.f0[8:-8]

    assert middle == pytest.approx(f0, rel=1e-3)
    assert np.all(track.periodicity[8:-8] > 0.98)


def test_a_telephone_line_without_the_fundamental() -> None:
    heard = sum(tone(110 * harmonic, 0.5, 8000, 0.1) for harmonic in range(3, 29))

    assert pitch_track(np.asarray(heard), 8000).f0[5:-5] == pytest.approx(110, rel=1e-3)


def test_a_glide_is_followed() -> None:
    times = np.arange(RATE) / RATE
    glide = np.sin(2 * np.pi * (100 * times + 50 * times**2))
    f0 = pitch_track(glide, RATE).f0[5:-5]

    assert f0 == pytest.approx(100 + 100 * 0.01 * np.arange(5, 5 + len(f0)), rel=0.005)


def test_noise_and_silence_have_no_pitch() -> None:
    assert np.isnan(pitch_track(noise(1), RATE).f0).mean() > 0.95
    assert np.isnan(pitch_track(np.zeros(RATE), RATE).f0).all()


def test_the_room_after_the_voice_has_none() -> None:
    """A hum 40 dB below the voice is no voice."""
    sound = np.concatenate([spoken(120), tone(100, 1.0, RATE, 0.003)])

    assert np.isnan(pitch_track(sound, RATE).f0[105:]).all()


@settings(max_examples=25)
@given(st.floats(1e-3, 10), st.floats(-0.5, 0.5))
def test_neither_level_nor_offset_matter(gain: float, offset: float) -> None:
    sound = np.concatenate([spoken(150, seconds=0.3), noise(0.1)])
    plain, changed = pitch_track(sound, RATE), pitch_track(gain * sound + offset, RATE)

    np.testing.assert_allclose(changed.f0, plain.f0, rtol=1e-5)
    np.testing.assert_allclose(changed.periodicity, plain.periodicity, rtol=1e-5)


@given(st.integers(1, 4000), st.sampled_from([8000, 16_000, 48_000]))
@settings(max_examples=25)
def test_there_is_a_value_for_each_frame(length: int, rate: int) -> None:
    track = pitch_track(np.sin(np.arange(length) * 0.1), rate)

    assert len(track.f0) == len(track.periodicity) == frame_count(length, rate)
    voiced = track.f0[~np.isnan(track.f0)]
    assert np.all((voiced >= FLOOR_HZ * 0.98) & (voiced <= CEILING_HZ * 1.02))


def test_a_speakers_ceiling_leaves_the_octave_above_out() -> None:
    man = np.array([95.0] * 50 + [110.0] * 40 + [380.0] * 10)

    assert 150 < speakers_ceiling(man) < 230
    assert speakers_ceiling(np.array([420.0])) == CEILING_HZ
