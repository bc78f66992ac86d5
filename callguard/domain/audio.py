"""Telephone audio: G.711 mu-law, 8 kHz, one channel, in 20 ms frames of 160 bytes.

Both directions are table look-ups. The tables follow ITU-T G.711 (11/88), table 2a, scaled to 16 bits:
eight segments whose step doubles from 8 to 1024, with all bits sent inverted. A sample that is itself a
decision value goes to the louder side.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE: Final = 8000
FRAME_MS: Final = 20
FRAME_BYTES: Final = 160
MULAW_SILENCE: Final = 0xFF

_BIAS: Final = 132
_LOUDEST: Final = 32635  # with the bias added, the last magnitude inside the eighth segment


def _decode_table() -> NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.uint8)
    segment, step = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    magnitude = (((step << 3) + _BIAS) << segment) - _BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _encode_table() -> NDArray[np.uint8]:
    """One code for each of the 65 536 samples, indexed by the sample's bits read as unsigned."""
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    biased = np.minimum(np.abs(sample), _LOUDEST) + _BIAS
    segment = np.log2(biased).astype(np.int32) - 7
    code = (segment << 4) | ((biased >> (segment + 3)) & 15)
    inverted: NDArray[np.int32] = ~np.where(sample < 0, code | 0x80, code)
    return inverted.astype(np.uint8)


_DECODE: Final = _decode_table()
_ENCODE: Final = _encode_table()


def mulaw_decode(data: bytes) -> NDArray[np.int16]:
    """Samples of mu-law bytes: 16-bit linear, -32124 to 32124, one a byte."""
    return _DECODE.take(np.frombuffer(data, dtype=np.uint8))


def mulaw_encode(samples: NDArray[np.int16]) -> bytes:
    """Mu-law bytes of 16-bit linear samples, one a sample; the extremes are clipped.

    Undoes `mulaw_decode` exactly, but for the negative zero (0x7F), which becomes the positive one (0xFF).
    """
    return _ENCODE.take(samples.view(np.uint16)).tobytes()
