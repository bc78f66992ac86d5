from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from callguard.domain.audio import (
    FRAME_BYTES,
    FRAME_MS,
    MULAW_SILENCE,
    SAMPLE_RATE,
    mulaw_decode,
    mulaw_encode,
)

NEGATIVE_ZERO = 0x7F
samples_16_bit = st_numpy.arrays(np.int16, st.integers(0, 400))


@dataclass(frozen=True)
class Code:
    """A row of ITU-T G.711, table 2a, at 16 bits: magnitudes from `least` to below `limit` become `value`."""

    value: int
    least: int
    limit: int

    @classmethod
    def of(cls, code: int) -> "Code":
        segment, step = (code ^ 0xFF) >> 4 & 0b111, (code ^ 0xFF) & 0b1111
        value = ((2 * step + 33 << segment) - 33) * 4
        half_a_step = 4 << segment
        is_last = (segment, step) == (7, 15)
        return cls(value, max(0, value - half_a_step), 32769 if is_last else value + half_a_step)


def is_negative(code: int) -> bool:
    return code < 0x80


def test_every_code_decodes_to_the_value_of_the_standard() -> None:
    expected = [-Code.of(code).value if is_negative(code) else Code.of(code).value for code in range(256)]
    assert mulaw_decode(bytes(range(256))).tolist() == expected


def test_every_code_survives_a_round_trip_but_the_negative_zero() -> None:
    expected = bytearray(range(256))
    expected[NEGATIVE_ZERO] = MULAW_SILENCE
    assert mulaw_encode(mulaw_decode(bytes(range(256)))) == bytes(expected)


def test_every_sample_takes_the_code_whose_interval_it_lies_in() -> None:
    rows = [Code.of(code) for code in range(256)]
    samples = np.arange(-32768, 32768)
    for sample, code in zip(samples.tolist(), mulaw_encode(samples.astype(np.int16)), strict=True):
        assert rows[code].least <= abs(sample) < rows[code].limit
        assert is_negative(code) == (sample < 0)


@pytest.mark.parametrize(("sample", "code"), [(3, 0xFF), (4, 0xFE), (-3, 0x7F), (-4, 0x7E), (12, 0xFD)])
def test_a_decision_value_goes_to_the_louder_side(sample: int, code: int) -> None:
    assert mulaw_encode(np.array([sample], dtype=np.int16)) == bytes([code])


@given(samples_16_bit)
def test_encoding_is_settled_after_one_pass(samples: np.ndarray) -> None:
    once = mulaw_decode(mulaw_encode(samples))
    assert len(once) == len(samples)
    assert once.dtype == np.int16
    assert np.array_equal(mulaw_decode(mulaw_encode(once)), once)


@given(samples_16_bit.filter(lambda samples: len(samples) > 0))
def test_a_strided_view_encodes_like_its_copy(samples: np.ndarray) -> None:
    assert mulaw_encode(samples[::2]) == mulaw_encode(samples[::2].copy())


def test_a_frame_of_silence_is_silent() -> None:
    assert SAMPLE_RATE * FRAME_MS // 1000 == FRAME_BYTES
    assert not mulaw_decode(bytes([MULAW_SILENCE]) * FRAME_BYTES).any()
