"""Levels of sounds whose levels are known."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from callguard.domain.audio import mulaw_decode, mulaw_encode
from callguard.voice.codecs import from_pcm, to_pcm
from callguard.voice.levels import QUIETEST_DBFS, LevelMeter, gain, levels
from tests.unit.voice.sounds import RATE, hiss, silence, speech, tone

SPOKEN = speech(4)


def p56(samples: NDArray[np.float32], rate: int) -> float:
    """ITU-T P.56 method B to the letter, sample by sample."""
    decay, hangover = np.exp(-1 / (rate * 0.03)), round(0.2 * rate)
    thresholds = 2.0 ** np.arange(-15, 0)
    counts, hang = np.zeros(15), np.full(15, hangover)
    once = twice = 0.0
    for size in np.abs(samples.astype(float)):
        once = decay * once + (1 - decay) * size
        twice = decay * twice + (1 - decay) * once
        above = twice >= thresholds
        hang = np.where(above, 0, hang + 1)
        counts += hang <= hangover
    energy = float(np.sum(samples.astype(float) ** 2))
    with np.errstate(divide="ignore"):
        active = 10 * np.log10(energy / counts)
    margins = active - 20 * np.log10(thresholds)
    at = int(np.argmax(margins < 15.9))
    part = (margins[at - 1] - 15.9) / (margins[at - 1] - margins[at])
    return float(active[at - 1] + part * (active[at] - active[at - 1]))


def test_a_tone_has_its_levels() -> None:
    measured = levels(tone(2, amplitude=0.5), RATE)

    assert measured.peak_dbfs == pytest.approx(-6.02, abs=0.01)
    assert measured.rms_dbfs == pytest.approx(-9.03, abs=0.01)
    assert measured.active_dbfs == pytest.approx(-9.03, abs=0.1)
    assert measured.dc_offset == pytest.approx(0, abs=1e-4)
    assert (measured.clipped_share, measured.silence_share) == (0, 0)


@pytest.mark.parametrize("level", [-45, -20, -8])
@pytest.mark.parametrize("noise", [0.0001, 0.01])
def test_the_active_level_is_that_of_p56(level: float, noise: float) -> None:
    called = np.concatenate([silence(1), SPOKEN[:16_000], silence(1.5)]) + hiss(4.5, noise)
    called = gain(called, level + 20)

    assert levels(called, RATE).active_dbfs == pytest.approx(p56(called, RATE), abs=0.1)


def test_pauses_lower_the_rms_and_hardly_the_active_level() -> None:
    alone, paused = levels(SPOKEN, RATE), levels(np.concatenate([SPOKEN, silence(8)]), RATE)

    assert alone.active_dbfs is not None
    assert paused.rms_dbfs == pytest.approx(alone.rms_dbfs - 4.77, abs=0.01)
    assert paused.active_dbfs == pytest.approx(alone.active_dbfs, abs=0.3)
    assert paused.silence_share == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize("snr", [5, 20, 40])
def test_the_noise_floor_is_seen_in_the_pauses(snr: float) -> None:
    noise = 0.1 * 10 ** (-snr / 20)
    measured = levels(np.concatenate([SPOKEN, silence(2)]) + hiss(6, noise), RATE)

    assert measured.noise_dbfs == pytest.approx(-20 - snr, abs=1)
    assert measured.snr_db == pytest.approx(snr, abs=2)


@pytest.mark.parametrize("share", [0.002, 0.02, 0.1])
@pytest.mark.parametrize("db", [0, -12])
def test_clipping_is_seen_wherever_the_peak_lies(share: float, db: float) -> None:
    limit = np.quantile(np.abs(SPOKEN), 1 - share)
    clipped = gain((SPOKEN / limit).clip(-1, 1).astype(np.float32), db)

    assert levels(from_pcm(to_pcm(clipped)), RATE).clipped_share == pytest.approx(share, rel=0.35)


@pytest.mark.parametrize("samples", [SPOKEN, silence(1), hiss(2, 0.1)])
def test_what_is_not_clipped_is_not_told_so_not_even_in_mulaw(samples: NDArray[np.float32]) -> None:
    coded = from_pcm(mulaw_decode(mulaw_encode(to_pcm(samples))))

    assert levels(from_pcm(to_pcm(samples)), RATE).clipped_share == 0
    assert levels(coded, RATE).clipped_share < 0.002


@pytest.mark.parametrize("hertz", [50, 440, 997])
def test_a_tone_is_not_clipped(hertz: float) -> None:
    assert levels(from_pcm(to_pcm(tone(2, hertz))), RATE).clipped_share == 0


def test_a_constant_is_an_offset() -> None:
    assert levels(SPOKEN + np.float32(0.05), RATE).dc_offset == pytest.approx(0.05, abs=0.001)


@pytest.mark.parametrize("samples", [silence(0), silence(0.001), silence(3)])
def test_silence_has_no_active_level(samples: NDArray[np.float32]) -> None:
    measured = levels(samples, RATE)

    assert measured.active_dbfs is None
    assert measured.snr_db is None
    assert (measured.peak_dbfs, measured.rms_dbfs, measured.noise_dbfs) == (QUIETEST_DBFS,) * 3
    assert measured.silence_share == 1


@given(sizes=st.lists(st.integers(0, 9000), min_size=1, max_size=6), rate=st.sampled_from([8000, 11_025]))
@settings(deadline=None, max_examples=25)
def test_a_stream_has_the_levels_of_the_whole(sizes: list[int], rate: int) -> None:
    samples = (2 * SPOKEN[: sum(sizes)]).clip(-0.2, 0.2)
    meter = LevelMeter(rate)
    for chunk in np.split(samples, np.cumsum(sizes)[:-1].clip(0, len(samples))):
        meter.feed(chunk)

    whole = levels(samples, rate)
    assert astuple(meter.levels()) == tuple(
        one if one is None else pytest.approx(one, rel=1e-5, abs=1e-9) for one in astuple(whole)
    )
