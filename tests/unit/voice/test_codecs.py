"""A-law against other implementations, and 16-bit samples there and back."""

import importlib
import warnings
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.voice.codecs import ALAW_SILENCE, alaw_decode, alaw_encode, from_pcm, to_pcm

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = bytes(range(256))


@pytest.fixture(scope="module")
def audioop() -> Any:
    """Python's own G.711, which left the standard library with 3.13."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return importlib.import_module("audioop")
        except ImportError:
            return pytest.skip("this Python has no audioop")


def test_encodes_every_sample_as_another_implementation_does(audioop: Any) -> None:
    assert alaw_encode(EVERY_SAMPLE) == audioop.lin2alaw(EVERY_SAMPLE.tobytes(), 2)


def test_decodes_every_code_as_another_implementation_does(audioop: Any) -> None:
    assert alaw_decode(EVERY_CODE).tobytes() == audioop.alaw2lin(EVERY_CODE, 2)


def test_decodes_every_code_as_ffmpeg_does() -> None:
    decoder: Any = av.CodecContext.create("pcm_alaw", "r")
    decoder.sample_rate, decoder.layout = 8000, "mono"
    (frame,) = decoder.decode(av.Packet(EVERY_CODE))

    assert alaw_decode(EVERY_CODE).tolist() == frame.to_ndarray()[0].tolist()


def test_the_error_is_half_a_step_at_most() -> None:
    decoded = alaw_decode(alaw_encode(EVERY_SAMPLE)).astype(int)
    step = np.maximum(16, 2.0 ** (np.floor(np.log2(np.maximum(1, np.abs(decoded)))) - 4))

    assert (np.abs(decoded - EVERY_SAMPLE) <= step / 2).sum() >= 65536 - 512  # all but the clipped ones
    assert alaw_encode(alaw_decode(EVERY_CODE)) == EVERY_CODE
    assert alaw_encode(np.zeros(1, np.int16)) == bytes([ALAW_SILENCE])


def test_pcm_there_and_back_is_the_same() -> None:
    assert np.array_equal(to_pcm(from_pcm(EVERY_SAMPLE)), EVERY_SAMPLE)


@given(st.lists(st.floats(width=32), max_size=20))
def test_any_number_becomes_a_16_bit_sample(numbers: list[float]) -> None:
    samples = np.array(numbers, np.float32)
    pcm = to_pcm(samples)

    assert np.all(pcm[np.isnan(samples)] == 0)
    assert np.all(pcm[samples >= 1] == 32767)
    assert np.all(pcm[samples <= -1] == -32768)
