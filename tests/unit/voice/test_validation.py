"""What is found wrong with recordings, and what mending does about it."""

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from callguard.voice.codecs import from_pcm, to_pcm
from callguard.voice.files import opened
from callguard.voice.levels import gain, levels
from callguard.voice.mending import mended, mending
from callguard.voice.validation import Measured, Severity, findings, measured
from tests.unit.voice.sounds import RATE, hiss, silence, speech, tone
from tests.unit.voice.wav_files import float_wav, wav

PAUSE = hiss(1.2, 0.0005)
CLEAR = np.concatenate([PAUSE, speech(2.5), PAUSE, speech(2.5, 1), PAUSE])
PRESSED = (0.9 * np.sign(CLEAR) * (np.abs(CLEAR) / np.abs(CLEAR).max()) ** 0.45).astype(np.float32)
LOUDEST = np.quantile(np.abs(CLEAR), 0.995).astype(np.float32)


def of(content: bytes, suffix: str = ".wav") -> Measured:
    with opened(io.BytesIO(content)) as file:
        return measured(file, suffix, file.blocks())


def codes(content: bytes, suffix: str = ".wav") -> list[str]:
    return [finding.code for finding in findings(of(content, suffix))]


def fixed(content: bytes) -> tuple[NDArray[np.float32], int, tuple[str, ...]]:
    how = mending(of(content))
    assert how is not None
    with opened(io.BytesIO(content)) as file:
        return np.concatenate(list(mended(file.blocks(), file.facts.rate, how))), how.rate, how.steps


def test_a_clear_recording_has_nothing_wrong_with_it() -> None:
    seen = of(wav(CLEAR))

    assert findings(seen) == []
    assert mending(seen) is None
    assert seen.duration_s == pytest.approx(len(CLEAR) / RATE)
    assert seen.speech_s == pytest.approx(5, abs=0.3)
    assert seen.speech_span_s == pytest.approx((1.2, 7.4), abs=0.2)
    assert seen.mix == pytest.approx(1)
    assert (seen.damaged_packets, seen.not_numbers) == (0, 0)


@pytest.mark.parametrize(
    ("samples", "code"),
    [
        (gain(CLEAR, -25), "LEVEL_LOW"),
        (PRESSED, "LEVEL_HIGH"),
        (CLEAR + np.float32(0.03), "DC_OFFSET"),
        (CLEAR + hiss(8.6, 0.025), "NOISY"),
        (CLEAR + hiss(8.6, 0.045), "NOISY"),
        (np.concatenate([silence(20), CLEAR]), "MOSTLY_SILENT"),
        (np.stack([CLEAR, np.roll(CLEAR, 16_000)], axis=1), "CHANNELS_DIFFER"),
        (CLEAR.clip(-LOUDEST, LOUDEST), "CLIPPED"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_makes_a_score_worse_is_a_warning(samples: NDArray[Any], code: str) -> None:
    found = findings(of(wav(samples)))

    assert [(finding.code, finding.severity) for finding in found] == [(code, Severity.WARNING)]
    assert all(finding.seen and finding.todo.endswith(".") for finding in found)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (speech(0.5), ["AUDIO_TOO_SHORT", "SPEECH_TOO_SHORT"]),
        (np.concatenate([speech(2), PAUSE]), ["SPEECH_TOO_SHORT"]),
        (silence(5), ["AUDIO_NO_SPEECH"]),
        (np.stack([CLEAR, -CLEAR], axis=1), ["CHANNELS_CANCEL", "AUDIO_NO_SPEECH"]),
        (CLEAR.clip(-0.15, 0.15), ["CLIPPED"]),
        (CLEAR + hiss(8.6, 0.09), ["NOISY"]),
        (tone(6), ["NOISY"]),
        (hiss(6, 0.1), ["NOISY"]),
    ],
)
def test_what_makes_a_score_worthless_is_an_error(samples: NDArray[Any], expected: list[str]) -> None:
    found = findings(of(wav(samples)))

    assert [finding.code for finding in found if finding.severity is Severity.ERROR] == expected
    assert mending(of(wav(samples))) is None


def test_names_rates_and_equal_channels_are_told_as_well() -> None:
    assert codes(wav(CLEAR), ".MP3") == ["WRONG_EXTENSION"]
    assert codes(wav(CLEAR), "") == []
    assert codes(wav(np.stack([CLEAR, CLEAR], axis=1))) == ["CHANNELS_SAME"]
    assert codes(wav(np.repeat(CLEAR, 6), 48_000)) == ["RATE_HIGH"]
    assert codes(wav(CLEAR[::2], 4000)) == ["RATE_LOW"]


def test_a_torn_file_and_samples_that_are_no_numbers_are_errors() -> None:
    odd = CLEAR.copy()
    odd[5000:5007] = np.nan

    assert codes(wav(CLEAR)[:120_000]) == ["AUDIO_TRUNCATED"]
    assert codes(float_wav(odd)) == ["AUDIO_NOT_NUMBERS"]


def test_everything_that_can_be_mended_is_and_is_told() -> None:
    long = np.concatenate([silence(6), gain(CLEAR, -28), silence(9)]) + np.float32(0.05)
    samples, rate, steps = fixed(wav(np.stack([long, np.roll(long, 3 * 8000)], axis=1)))

    assert rate == RATE
    assert [step.split()[0] for step in steps] == ["mixed", "removed", "changed", "cut", "cut"]
    after = levels(samples, rate)
    assert after.active_dbfs == pytest.approx(-28, abs=2)  # the peaks don't allow more
    assert after.dc_offset == pytest.approx(0, abs=0.001)
    assert len(samples) / rate < 14
    assert codes(wav(samples, rate)) == []


def test_a_peak_is_not_driven_over_full_scale() -> None:
    quiet = gain(CLEAR, -30)
    quiet[100] = 0.5
    samples, _, steps = fixed(wav(quiet))

    assert steps == ("changed the level by +5.0 dB",)
    assert np.abs(samples).max() == pytest.approx(10 ** (-1 / 20), abs=0.01)


@pytest.mark.parametrize(("rate", "kept"), [(44_100, 16_000), (16_000, 16_000), (11_025, 8000), (6000, 6000)])
def test_the_rate_is_one_that_detectors_take_and_never_more_than_was_recorded(rate: int, kept: int) -> None:
    voice = gain(from_pcm(to_pcm(speech(9)))[: rate * 6], -30)
    samples, mended_rate, _ = fixed(wav(voice, rate))

    assert mended_rate == kept
    assert len(samples) == pytest.approx(len(voice) * kept / rate, abs=1)


def test_a_torn_file_becomes_a_whole_one() -> None:
    samples, rate, steps = fixed(wav(CLEAR)[:120_000])

    assert steps == ("wrote what there is as a whole WAV file",)
    assert np.allclose(samples, CLEAR[: len(samples)], atol=1e-4)
    assert (len(samples), rate) == ((120_000 - 44) // 2, RATE)
