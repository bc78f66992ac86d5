"""All features at once: the same voice at any rate, and an answer or a clear error for odd sounds."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from callguard.errors import AudioError
from callguard.voice.dsp.features import VoiceFeatures, features
from tests.unit.voice.dsp.voices import HUMANS, Sound, human, noise, spoken, tone

SEED_NAMES = {
    *("duration_sec", "sample_rate", "spectral_centroid", "spectral_rolloff", "spectral_flatness"),
    *("spectral_flux", "band_energy_ratio_low", "band_energy_ratio_high", "crest_factor", "clipping_rate"),
    *("hnr_db", "jitter_percent", "shimmer_percent", "phase_coherence", "formant_frequencies"),
}
OF_A_VOICE = ("f0_hz", "f0_low_hz", "f0_high_hz", "hnr_db", "jitter_percent", "shimmer_percent")


def told(measured: VoiceFeatures) -> dict[str, object]:
    values: dict[str, object] = json.loads(json.dumps(measured.document(), allow_nan=False))["dsp_features"]
    return values


@pytest.mark.parametrize(("name", "low", "high"), [(HUMANS[0], 160, 260), (HUMANS[1], 85, 125)])
def test_a_recorded_person(name: str, low: float, high: float) -> None:
    """A woman's and a man's voice on a telephone line, within what voices are."""
    measured = features(*human(name))
    formants = [formant for formant in measured.formant_frequencies if formant is not None]

    assert measured.f0_hz is not None
    assert low < measured.f0_hz < high
    assert measured.hnr_db is not None
    assert 5 < measured.hnr_db < 20
    assert len(formants) == 4
    assert formants == sorted(formants)
    assert 350 < formants[0] < 700 < formants[1] < 1800 < formants[2] < 2800
    assert set(told(measured)) >= SEED_NAMES


def test_the_document_has_tracks_of_one_length() -> None:
    half = np.concatenate([np.zeros(4000), spoken(120, rate=8000, seconds=0.5)])
    document = features(half, 8000).document()
    lengths = {name: len(track) for name, track in document["tracks"].items()}

    assert set(lengths.values()) == {101}
    assert document["tracks"]["time_s"][:3] == [0.0, 0.01, 0.02]
    assert {len(frame) for frame in document["tracks"]["formants_hz"]} == {4}
    for name in ("level_dbfs", "spectral_flux", "phase_coherence", "f0_hz", "hnr_db"):
        track = document["tracks"][name]
        assert track[20] is None
        assert isinstance(track[80], float)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_a_voice_is_the_same_at_any_rate(rate: int) -> None:
    measured = features(spoken(120, "ae", rate), rate)

    assert measured.f0_hz == pytest.approx(120, rel=0.002)
    assert measured.voiced_ratio > 0.9
    assert measured.jitter_percent is not None
    assert measured.jitter_percent < 0.3
    assert measured.formant_frequencies[0] == pytest.approx(660, rel=0.05)
    assert measured.formant_frequencies[1] == pytest.approx(1720, rel=0.05)
    assert measured.duration_sec == pytest.approx(1.0)


def test_silence_has_levels_alone() -> None:
    measured = features(np.zeros(16_000), 16_000)
    defined = {name for name, value in told(measured).items() if value not in (None, [None] * 4)}

    assert defined == {"duration_sec", "sample_rate", "clipping_rate", "voiced_ratio"}
    assert measured.voiced_ratio == 0


def test_noise_has_no_voice() -> None:
    measured = features(noise(1.0), 16_000)

    assert measured.spectral_centroid is not None
    assert measured.voiced_ratio < 0.03
    assert {name for name in OF_A_VOICE if getattr(measured, name) is not None} == set()


def test_the_room_does_not_count() -> None:
    """A second of hiss, 50 dB below a second of voice, leaves the spectrum's values as they are."""
    voice = spoken(120) + noise(1.0, level=0.0005)
    alone, together = (
        features(np.concatenate([voice, room]), 16_000) for room in (voice[:1600], noise(2.0, level=0.0005))
    )

    assert together.spectral_centroid == pytest.approx(alone.spectral_centroid, rel=0.03)
    assert together.spectral_flatness is not None
    assert together.spectral_flatness < 0.005  # of the hiss: 0.5


def test_a_fifth_of_a_second_is_enough_for_pitch() -> None:
    measured = features(spoken(120, seconds=0.2), 16_000)

    assert measured.f0_hz == pytest.approx(120, rel=0.01)


def test_a_few_cycles_are_too_few_for_jitter() -> None:
    sound = np.concatenate([np.zeros(1600), spoken(90, seconds=0.1), np.zeros(1600)])
    measured = features(sound, 16_000)

    assert measured.f0_hz == pytest.approx(90, rel=0.01)
    assert measured.jitter_percent is None


def test_clipped_tops_are_counted() -> None:
    clipped = np.clip(3 * spoken(120), -0.5, 0.5)

    assert features(clipped, 16_000).clipping_rate == pytest.approx(np.mean(np.abs(clipped) == 0.5), rel=0.1)
    assert features(spoken(120), 16_000).clipping_rate == 0


def test_an_offset_is_no_sound() -> None:
    plain, moved = features(spoken(120), 16_000), features(spoken(120) + 0.3, 16_000)

    assert moved.spectral_centroid == pytest.approx(plain.spectral_centroid)
    assert moved.level_dbfs == pytest.approx(plain.level_dbfs)


@pytest.mark.parametrize(
    ("samples", "rate", "code"),
    [
        (np.zeros(0), 8000, "AUDIO_TOO_SHORT"),
        (np.zeros(500), 8000, "AUDIO_TOO_SHORT"),
        (np.full(8000, np.nan), 8000, "AUDIO_DAMAGED"),
        (np.append(tone(200, rate=8000), np.inf), 8000, "AUDIO_DAMAGED"),
        (np.zeros(8000), 1000, "AUDIO_UNSUPPORTED"),
        (np.zeros(800_000), 800_000, "AUDIO_UNSUPPORTED"),
    ],
)
def test_what_can_not_be_measured_is_refused(samples: Sound, rate: int, code: str) -> None:
    with pytest.raises(AudioError) as refused:
        features(samples, rate)

    assert refused.value.code == code


@settings(max_examples=30)
@given(
    arrays.arrays(np.float32, st.integers(800, 6000), elements=st.floats(-1, 1, width=32)),
    st.sampled_from([4000, 8000, 11_025, 16_000]),
)
def test_any_samples_give_finite_values(
    samples: "np.ndarray[tuple[int], np.dtype[np.float32]]", rate: int
) -> None:
    if len(samples) < 0.1 * rate:
        samples = np.tile(samples, 3)
    measured = features(samples, rate)

    assert told(measured)["sample_rate"] == rate
    assert 0 <= measured.voiced_ratio <= 1
    assert 0 <= measured.clipping_rate <= 1
