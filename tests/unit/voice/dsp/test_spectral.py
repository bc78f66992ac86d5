"""The spectrum's features against librosa's, on recorded people, and on sounds whose values are known."""

import math
from itertools import pairwise

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callguard.voice.dsp import energy, spectral
from callguard.voice.dsp.frames import BLOCK, frame_blocks, frame_count, hop_samples
from callguard.voice.dsp.phase import phase_coherence
from tests.unit.voice.dsp.voices import HUMANS, Sound, human, noise, spoken, tone

RATE = 8000
CLOSE = 1e-6  # relative: both work in double precision


@pytest.fixture(params=HUMANS)
def recorded(request: pytest.FixtureRequest) -> Sound:
    return human(request.param)[0]


def spectra(samples: Sound, rate: int = RATE) -> "np.ndarray[tuple[int, int], np.dtype[np.complex128]]":
    return np.concatenate(
        [spectral.complex_spectra(f) for f in frame_blocks(samples, rate, spectral.window_samples(rate))]
    )


def reference(samples: Sound) -> Sound:
    """Magnitudes by librosa, shape (bins, frames), on the same frames."""
    stft = librosa.stft(
        samples, n_fft=spectral.window_samples(RATE), hop_length=hop_samples(RATE), dtype=np.complex128
    )
    magnitudes: Sound = np.abs(stft)
    return magnitudes


def same(ours: Sound, theirs: Sound, within: float = CLOSE) -> None:
    """Equal where we tell something; ours may be undefined where the sound is digital silence."""
    told = ~np.isnan(ours)
    assert told.sum() > 100
    np.testing.assert_allclose(ours[told], theirs[told], rtol=within)


def test_the_frames_are_librosas(recorded: Sound) -> None:
    ours = np.abs(spectra(recorded)).T

    np.testing.assert_allclose(ours, reference(recorded), rtol=CLOSE, atol=1e-9)


def test_centroid_and_rolloff(recorded: Sound) -> None:
    magnitudes, frequencies = np.abs(spectra(recorded)), spectral.bin_frequencies(RATE)
    theirs = reference(recorded)

    same(spectral.centroid(magnitudes, frequencies), librosa.feature.spectral_centroid(S=theirs, sr=RATE)[0])
    rolloff = librosa.feature.spectral_rolloff(S=theirs, sr=RATE, roll_percent=0.85)[0]
    agree = np.isclose(spectral.rolloff(magnitudes, frequencies), rolloff)
    assert (
        agree[~np.isnan(spectral.rolloff(magnitudes, frequencies))].mean() > 0.999
    )  # one bin, at equal sums


def test_flatness_and_level(recorded: Sound) -> None:
    powers = np.abs(spectra(recorded)) ** 2
    width = spectral.window_samples(RATE)
    frames = np.concatenate(list(frame_blocks(recorded, RATE, width)))

    same(spectral.flatness(powers), librosa.feature.spectral_flatness(S=reference(recorded))[0])
    theirs = librosa.feature.rms(y=recorded, frame_length=width, hop_length=hop_samples(RATE))[0]
    np.testing.assert_allclose(energy.rms(frames), theirs, rtol=1e-5, atol=1e-9)


def test_flux_and_band_energies(recorded: Sound) -> None:
    magnitudes, frequencies = np.abs(spectra(recorded)), spectral.bin_frequencies(RATE)
    theirs = reference(recorded)
    unit = librosa.util.normalize(theirs, norm=2, axis=0)
    low = librosa.fft_frequencies(sr=RATE, n_fft=spectral.window_samples(RATE)) < 1000

    same(spectral.flux(magnitudes), np.linalg.norm(np.diff(unit, axis=1), axis=0))
    shares = (theirs[low] ** 2).sum(axis=0) / np.maximum((theirs**2).sum(axis=0), 1e-300)
    same(spectral.band_share(magnitudes**2, frequencies, *spectral.LOW_BAND_HZ), shares)


@pytest.mark.parametrize("hertz", [500.0, 1000.0, 3000.0])
def test_a_tones_spectrum_is_the_tone(hertz: float) -> None:
    magnitudes = np.abs(spectra(tone(hertz, rate=RATE)))[5:-5]
    frequencies = spectral.bin_frequencies(RATE)

    assert spectral.centroid(magnitudes, frequencies) == pytest.approx(hertz, rel=1e-3)
    assert spectral.rolloff(magnitudes, frequencies) == pytest.approx(hertz, abs=RATE / 256)
    assert np.all(spectral.flatness(magnitudes**2) < 1e-6)
    assert np.all(spectral.flux(magnitudes) < 0.01)


def test_white_noise_is_flat_and_its_centre_is_half_of_the_band() -> None:
    magnitudes = np.abs(spectra(noise(2, RATE)))

    assert np.mean(spectral.centroid(magnitudes, spectral.bin_frequencies(RATE))) == pytest.approx(2000, 0.02)
    assert np.mean(spectral.flatness(magnitudes**2)) == pytest.approx(math.exp(-np.euler_gamma), 0.03)


def test_silence_has_no_spectrum() -> None:
    magnitudes = np.abs(spectra(np.zeros(RATE)))
    frequencies = spectral.bin_frequencies(RATE)

    for track in (
        spectral.centroid(magnitudes, frequencies),
        spectral.rolloff(magnitudes, frequencies),
        spectral.flatness(magnitudes**2),
        spectral.flux(magnitudes),
        energy.decibels(np.zeros(3)),
    ):
        assert np.isnan(track).all()


def test_phases_cohere_in_steady_tones_and_not_in_noise() -> None:
    chord = tone(440, rate=RATE) + tone(1230, rate=RATE)
    steady = phase_coherence(spectra(chord))[5:-5]
    voice = phase_coherence(spectra(spoken(120, rate=RATE)))[5:-5]
    hiss = phase_coherence(spectra(noise(1, RATE)))

    assert np.all(steady > 0.99)
    assert np.all(voice > 0.85)
    assert np.mean(hiss) < 0.35


def test_levels() -> None:
    sine = tone(440, rate=RATE, level=0.25)

    assert energy.crest_factor(sine) == pytest.approx(20 * math.log10(math.sqrt(2)), abs=0.01)
    assert energy.crest_factor(np.sign(sine + 1e-9)) == pytest.approx(0)
    assert energy.crest_factor(np.zeros(9)) is None
    assert energy.decibels(np.array([0.1])) == pytest.approx(-20)


@settings(max_examples=30)
@given(st.integers(0, 3 * BLOCK * 80), st.sampled_from([8000, 16000, 44100]), st.integers(0, 2))
def test_blocks_are_the_frames_in_order(length: int, rate: int, overlap: int) -> None:
    ramp = np.arange(1.0, length + 1)
    blocks = list(frame_blocks(ramp, rate, 64, overlap=overlap))
    centres = np.concatenate([block[overlap:, 32] for block in blocks])

    assert len(centres) == frame_count(length, rate)
    inside = np.arange(len(centres)) * hop_samples(rate)
    np.testing.assert_array_equal(centres, np.where(inside < length, inside + 1.0, 0))
    for before, after in pairwise(blocks):
        np.testing.assert_array_equal(before[len(before) - overlap :], after[:overlap])
