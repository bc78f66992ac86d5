"""What a made-up telephone line does to a voice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from callguard.domain.audio import mulaw_decode, mulaw_encode
from callguard.errors import AudioError
from callguard.voice.codecs import alaw_decode, alaw_encode, to_pcm
from callguard.voice.levels import levels
from callguard.voice.line_codecs import Codec, Coding, available, coded
from callguard.voice.telephone import (
    Line,
    Loss,
    any_line,
    at_level,
    band_limited,
    overdriven,
    through,
    with_loss,
    with_noise,
)
from tests.unit.voice.sounds import RATE, hiss, silence, speech, tone

SPOKEN = speech(3)


def rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_same_seed_gives_the_same_line() -> None:
    line = any_line(rng(5))

    assert line == any_line(rng(5))
    assert line != any_line(rng(6))
    assert np.array_equal(through(SPOKEN, line, rng()), through(SPOKEN, line, rng()))


@pytest.mark.parametrize(("hertz", "passes"), [(100, 0), (400, 1), (1000, 1), (3300, 1), (3600, 0)])
def test_the_band_passes_and_nothing_else(hertz: float, passes: float) -> None:
    sound = tone(1, hertz)
    heard = band_limited(sound, 300, 3400)[800:-800]

    assert np.std(heard) == pytest.approx(passes * np.std(sound), abs=0.002)


@pytest.mark.parametrize("snr", [0, 10, 30])
@pytest.mark.parametrize("tilt", [0, -6])
def test_noise_is_as_loud_as_asked(snr: float, tilt: float) -> None:
    noise = with_noise(SPOKEN, snr, rng(), tilt_db=tilt) - SPOKEN
    active = levels(SPOKEN, RATE).active_dbfs
    assert active is not None

    assert levels(noise, RATE).rms_dbfs == pytest.approx(active - snr, abs=0.1)
    assert np.corrcoef(noise[1:], noise[:-1])[0, 1] == pytest.approx(0.9 if tilt else 0, abs=0.1)


def test_the_level_is_the_active_one() -> None:
    paused = np.concatenate([SPOKEN, silence(6)])

    assert levels(at_level(paused, -33), RATE).active_dbfs == pytest.approx(-33, abs=0.1)


def test_an_overdriven_voice_is_clipped() -> None:
    assert levels(SPOKEN, RATE).clipped_share == 0
    assert levels(overdriven(SPOKEN, 10), RATE).clipped_share > 0.01


@pytest.mark.parametrize(("share", "burst"), [(0.05, 1), (0.1, 3), (0.3, 2)])
def test_as_many_packets_are_lost_as_asked(share: float, burst: float) -> None:
    heard = with_loss(np.ones(160 * 20_000, np.float32), Loss(share, burst, concealed=False), rng())
    lost = heard.reshape(-1, 160)[:, 0] == 0
    bursts = np.count_nonzero(lost[1:] & ~lost[:-1])

    assert lost.mean() == pytest.approx(share, rel=0.1)
    assert lost.sum() / bursts == pytest.approx(burst, rel=0.1)


def test_a_concealed_packet_repeats_what_was_heard() -> None:
    loss = Loss(0.2, 2)
    lost = with_loss(np.ones_like(SPOKEN), Loss(0.2, 2, concealed=False), rng()).reshape(-1, 160)[:, 0] == 0
    heard, spoken = with_loss(SPOKEN, loss, rng()).reshape(-1, 160), SPOKEN.reshape(-1, 160)
    first = 1 + int(np.argmax(lost[1:] & ~lost[:-1]))

    assert np.array_equal(heard[~lost], spoken[~lost])
    assert np.allclose(heard[first], spoken[first - 1] * 2 / 3)


@pytest.mark.parametrize("wrong", [Loss(1.0), Loss(-0.1), Loss(0.1, 0.5)])
def test_a_loss_that_cannot_be_is_refused(wrong: Loss) -> None:
    with pytest.raises(ValueError, match="loss"):
        with_loss(SPOKEN, wrong, rng())


@pytest.mark.parametrize("alaw", [False, True])
def test_g711_comes_last(alaw: bool) -> None:
    pcm = to_pcm(through(SPOKEN, Line(snr_db=20, alaw=alaw), rng()))
    again = alaw_decode(alaw_encode(pcm)) if alaw else mulaw_decode(mulaw_encode(pcm))

    assert np.array_equal(again, pcm)


@pytest.mark.parametrize(
    "coding", sorted(available()), ids=lambda coding: f"{coding.codec}-{coding.bit_rate}"
)
def test_a_codec_keeps_the_voice_and_changes_its_samples(coding: Coding) -> None:
    heard = coded(SPOKEN, coding)
    spectrum = np.fft.rfft(SPOKEN, 1 << 16)
    likeness = np.fft.irfft(np.fft.rfft(heard, 1 << 16) * np.conj(spectrum))
    late = int(np.argmax(likeness))

    assert heard.shape == SPOKEN.shape
    assert heard.dtype == np.float32
    assert 0 <= late <= 64
    assert 0.6 < likeness[late] / (np.linalg.norm(heard) * np.linalg.norm(SPOKEN)) < 0.9999


def test_the_codecs_of_the_wheels_are_there() -> None:
    assert {coding.codec for coding in available()} >= {
        Codec.AMR,
        Codec.G726,
        Codec.G723_1,
        Codec.OPUS,
        Codec.MP3,
    }


def test_a_codec_that_is_not_there_is_an_error() -> None:
    missing = [codec for codec in Codec if codec not in {coding.codec for coding in available()}]
    for codec in missing:
        with pytest.raises(AudioError, match=f"no encoder for {codec}"):
            coded(SPOKEN, Coding(codec, 8000))


@given(seed=st.integers(0, 10_000), samples=st.integers(0, 4000))
@settings(deadline=None, max_examples=25)
def test_any_sound_comes_out_of_any_line_as_long_as_it_was(seed: int, samples: int) -> None:
    sounds: list[NDArray[np.float32]] = [
        SPOKEN,
        hiss(1, 0.5),
        silence(1),
        tone(1),
        np.full(8000, np.nan, np.float32),
    ]
    sound = sounds[seed % len(sounds)][:samples]
    heard = through(sound, any_line(rng(seed)), rng(seed))

    assert heard.shape == sound.shape
    assert heard.dtype == np.float32
    assert np.abs(heard).max(initial=0) <= 1
