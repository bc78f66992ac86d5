"""Cycles, jitter, shimmer and HNR against Praat's, and on voices of known irregularity."""

import math
from dataclasses import dataclass

import numpy as np
import parselmouth
import pytest
from parselmouth.praat import call

from callguard.voice.dsp import perturbation
from callguard.voice.dsp.frames import hop_samples
from callguard.voice.dsp.pitch import CEILING_HZ, FLOOR_HZ, PitchTrack, pitch_track
from tests.unit.voice.dsp.voices import HUMANS, VOWELS, Sound, human, pulses, spoken, vowel

LIMITS = (0, 0, 0.0001, 0.02, 1.3)
RATE = 16_000


@dataclass(frozen=True)
class Reference:
    """What Praat measures of a sound, on frames that ours lie on as well."""

    samples: Sound
    rate: int
    times: Sound
    jitter: float
    shimmer: float
    hnr_db: float

    @property
    def pitch(self) -> PitchTrack:
        return pitch_track(self.samples, self.rate)


def praat(samples: Sound, rate: int) -> Reference:
    sound = parselmouth.Sound(samples, rate)
    pitch = call(sound, "To Pitch (ac)", 0.01, FLOOR_HZ, 15, "no", 0.03, 0.45, 0.01, 0.35, 0.14, CEILING_HZ)
    points = call([sound, pitch], "To PointProcess (cc)")
    report = call([sound, pitch, points], "Voice report", 0, 0, FLOOR_HZ, CEILING_HZ, 1.3, 1.6, 0.03, 0.45)
    hnr = next(line for line in report.splitlines() if "harmonics-to-noise" in line)
    offset = round(pitch.xs()[0] * rate - 0.5) % hop_samples(rate)
    count = call(points, "Get number of points")
    times = np.array([call(points, "Get time from index", index + 1) for index in range(count)])
    return Reference(
        samples[offset:],
        rate,
        times - (offset + 0.5) / rate,
        call(points, "Get jitter (local)", *LIMITS),
        call([sound, points], "Get shimmer (local)", *LIMITS, 1.6),
        float(hnr.split(":")[1].split()[0]),
    )


@pytest.fixture(scope="module", params=HUMANS)
def reference(request: pytest.FixtureRequest) -> Reference:
    return praat(*human(request.param))


def test_of_the_same_cycles_jitter_and_shimmer_are_the_same(reference: Reference) -> None:
    shimmer = perturbation.shimmer(reference.samples, reference.rate, reference.times)

    assert perturbation.jitter(reference.times) == pytest.approx(reference.jitter, rel=0.002)
    assert shimmer == pytest.approx(reference.shimmer, rel=0.002)


def test_the_cycles_found_give_the_same_jitter_and_shimmer(reference: Reference) -> None:
    times = perturbation.pulses(reference.samples, reference.rate, reference.pitch.f0)

    assert len(times) == pytest.approx(len(reference.times), rel=0.03)
    assert perturbation.jitter(times) == pytest.approx(reference.jitter, rel=0.1)
    shimmer = perturbation.shimmer(reference.samples, reference.rate, times)
    assert shimmer == pytest.approx(reference.shimmer, rel=0.03)


def test_the_harmonics_to_noise_ratio_is_the_same(reference: Reference) -> None:
    hnr = np.nanmean(perturbation.hnr_track(reference.pitch.periodicity))

    assert hnr == pytest.approx(reference.hnr_db, abs=0.1)


def _irregular(f0: float, jitter: float = 0.0, shimmer: float = 0.0) -> tuple[Sound, float, float]:
    """Two seconds of a vowel whose periods and amplitudes scatter; and what its jitter and shimmer are."""
    random = np.random.default_rng(11)
    times = 0.02 + np.cumsum((1 + random.normal(0, jitter, 1000)) / f0)
    times = times[times < 1.97]
    sizes = 1 + random.normal(0, shimmer, len(times))
    periods = np.diff(times)
    samples = vowel(pulses(times, sizes, RATE, 2.0), VOWELS["a"], RATE)
    return (
        samples,
        np.abs(np.diff(periods)).mean() / periods.mean(),
        np.abs(np.diff(sizes)).mean() / sizes.mean(),
    )


def _measured(samples: Sound) -> tuple[float, float]:
    times = perturbation.pulses(samples, RATE, pitch_track(samples, RATE).f0)
    jitter, shimmer = perturbation.jitter(times), perturbation.shimmer(samples, RATE, times)
    assert jitter is not None
    assert shimmer is not None
    return jitter, shimmer


def test_a_regular_voice_has_neither() -> None:
    jitter, shimmer = _measured(spoken(120, seconds=2.0))

    assert jitter < 0.001
    assert shimmer < 0.005


@pytest.mark.parametrize(("f0", "scatter"), [(100, 0.01), (100, 0.02), (170, 0.01)])
def test_jitter_of_scattered_periods(f0: float, scatter: float) -> None:
    samples, known, _ = _irregular(f0, jitter=scatter)

    assert _measured(samples)[0] == pytest.approx(known, rel=0.15)


@pytest.mark.parametrize(("f0", "scatter"), [(100, 0.03), (100, 0.08), (130, 0.05)])
def test_shimmer_of_scattered_amplitudes(f0: float, scatter: float) -> None:
    """A cycle rings on into the next one, which blurs its amplitude: Praat says the same."""
    samples, _, known = _irregular(f0, shimmer=scatter)

    assert _measured(samples)[1] == pytest.approx(known, rel=0.25)


@pytest.mark.parametrize("known", [5, 10, 15, 20])
@pytest.mark.parametrize("f0", [130, 210])
def test_hnr_of_a_vowel_in_noise(f0: float, known: float) -> None:
    voice = spoken(f0, seconds=1.0)
    hiss = np.random.default_rng(5).normal(size=len(voice))
    hiss *= math.sqrt(np.mean(voice**2) / np.mean(hiss**2)) * 10 ** (-known / 20)
    periodicity = pitch_track(voice + hiss, RATE).periodicity[8:-8]

    assert np.nanmean(perturbation.hnr_track(periodicity)) == pytest.approx(known, abs=0.7)


def test_nothing_comes_of_too_few_cycles() -> None:
    nothing = np.array([])

    assert len(perturbation.pulses(np.zeros(1000), RATE, np.full(7, np.nan))) == 0
    assert perturbation.jitter(nothing) is perturbation.jitter(np.array([0.1, 0.11])) is None
    assert perturbation.shimmer(np.ones(1600), RATE, np.array([0.02, 0.03, 0.04])) is None


def test_gaps_between_stretches_are_no_periods() -> None:
    stretch = np.arange(10) * 0.01

    assert perturbation.jitter(np.concatenate([stretch, 5 + stretch])) == pytest.approx(0, abs=1e-9)
