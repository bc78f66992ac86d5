"""Formants against Praat's on recorded people, and on vowels of known resonances."""

import numpy as np
import parselmouth
import pytest
from parselmouth.praat import call

from callguard.voice.dsp.formants import CEILING_HZ, burg, formant_track, resonances
from callguard.voice.dsp.frames import frame_count, hop_samples
from callguard.voice.dsp.pitch import pitch_track
from tests.unit.voice.dsp.voices import HUMANS, VOWELS, Sound, human, noise, spoken


def sounds() -> dict[str, tuple[Sound, int]]:
    """Recorded people, and a voice of more than a telephone's band."""
    return {name: human(name) for name in HUMANS} | {"wide band": (spoken(140, "ae", 44_100), 44_100)}


@pytest.mark.parametrize("name", [*HUMANS, "wide band"])
def test_on_the_same_frames_they_are_praats(name: str) -> None:
    samples, rate = sounds()[name]
    ceiling = min(CEILING_HZ, rate / 2)
    formants = call(
        parselmouth.Sound(samples, rate),
        "To Formant (burg)",
        0.01,
        4 if rate == 8000 else 5,
        ceiling,
        0.025,
        50,
    )
    times = formants.xs()
    first, offset = divmod(round(times[0] * rate - 0.5), hop_samples(rate))  # lays our frames on theirs
    voiced = ~np.isnan(pitch_track(samples[offset:], rate).f0)
    voiced[first + len(times) :] = False
    ours = formant_track(samples[offset:], rate, voiced)[voiced]
    theirs = np.array(
        [
            [formants.get_value_at_time(number, times[frame - first]) for number in range(1, 5)]
            for frame in np.flatnonzero(voiced)
        ]
    )

    assert np.nanmedian(ours, axis=0) == pytest.approx(np.nanmedian(theirs, axis=0), rel=0.005)
    assert np.all(np.nanmedian(np.abs(ours / theirs - 1), axis=0) < 0.002)
    assert np.mean(np.isnan(ours) == np.isnan(theirs)) > 0.99


@pytest.mark.parametrize(("rate", "formants"), [(8000, 3), (16_000, 4), (44_100, 4)])
@pytest.mark.parametrize("vowel", VOWELS)
def test_a_vowels_resonances_are_found(vowel: str, rate: int, formants: int) -> None:
    """Within 5 %, or 30 Hz where a formant lies between two harmonics."""
    samples = spoken(110, vowel, rate, 0.4)
    found = formant_track(samples, rate, np.ones(frame_count(len(samples), rate), bool))[10:-10]
    known = np.array(VOWELS[vowel])

    apart = np.abs(np.median(found, axis=0) - known)[:formants]
    assert np.all(apart < np.maximum(0.05 * known[:formants], 30))


def test_burg_finds_the_process_that_made_the_noise() -> None:
    known = np.array([1.0, -1.8, 1.5, -0.6])
    source = np.random.default_rng(3).normal(size=20_000)
    made: Sound = np.zeros(len(source))
    for n in range(3, len(source)):
        made[n] = source[n] - known[1:] @ made[n - 3 : n][::-1]

    assert burg(made[None, 1000:], 3)[0] == pytest.approx(known, abs=0.02)


def test_poles_near_nothing_and_near_the_top_are_no_formants() -> None:
    def polynomial(*hertz: float) -> Sound:
        poles = 0.97 * np.exp(2j * np.pi * np.array(hertz) / 8000)
        made = np.poly(np.concatenate([poles, poles.conj()]))
        return made.real.astype(np.float64)

    predictors = np.array([polynomial(20, 700, 2100), polynomial(500, 1500, 3990)])

    found = resonances(predictors, 8000)
    assert found[:, :2] == pytest.approx(np.array([[700, 2100], [500, 1500]]))
    assert np.isnan(found[:, 2:]).all()


def test_only_marked_frames_are_measured() -> None:
    samples = np.concatenate([spoken(120, rate=8000, seconds=0.3), np.zeros(2400)])
    where = np.arange(frame_count(len(samples), 8000)) % 2 == 0

    found = formant_track(samples, 8000, where)
    assert np.isnan(found[~where]).all()
    assert np.isnan(found[-10:]).all()  # silence has none
    assert np.isfinite(found[4:24:2, 0]).all()
    assert np.isnan(formant_track(noise(0.2, 8000), 8000, np.zeros(21, bool))).all()
