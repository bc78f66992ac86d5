"""Another sampling rate, of a whole recording and of a stream."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from callguard.voice.resampling import Resampler, resample

NOISE = np.random.default_rng(1).normal(0, 0.1, 6000).astype(np.float32)


def sine(rate: int, hertz: float) -> NDArray[np.float32]:
    return np.sin(2 * np.pi * hertz * np.arange(rate // 2) / rate).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("to", [8000, 16_000])
def test_what_both_rates_carry_stays(rate: int, to: int) -> None:
    resampled = resample(sine(rate, 1234), rate, to)

    assert resampled.dtype == np.float32
    assert len(resampled) == -(-(rate // 2) * to // rate)
    assert np.abs(resampled - sine(to, 1234)[: len(resampled)])[100:-100].max() < 3e-4


@pytest.mark.parametrize("rate", [16_000, 44_100, 192_000])
def test_what_the_new_rate_cannot_carry_goes(rate: int) -> None:
    assert np.abs(resample(sine(rate, 5000), rate, 8000)[200:-200]).max() < 1e-4


@given(
    rate=st.sampled_from([8000, 16_000, 44_100, 192_000, 6000]),
    sizes=st.lists(st.integers(0, 2000), min_size=1, max_size=8),
)
@settings(deadline=None, max_examples=25)
def test_a_stream_gives_the_same_however_it_is_cut(rate: int, sizes: list[int]) -> None:
    samples = NOISE[: sum(sizes)]
    resampler = Resampler(rate, 8000, samples.dtype)
    pieces = [
        resampler.feed(chunk) for chunk in np.split(samples, np.cumsum(sizes)[:-1].clip(0, len(samples)))
    ]
    streamed = np.concatenate([*pieces, resampler.flush()])

    assert np.allclose(streamed, resample(samples, rate, 8000), atol=1e-6)
