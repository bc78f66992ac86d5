"""G.711 A-law, and samples between -1 and 1 as 16-bit ones and back. Mu-law is in `domain/audio.py`.

The tables follow ITU-T G.711 (11/88), table 1a, scaled to 16 bits: 13 segments, the two around zero with a
step of 16, the others doubling it up to 1024, with the even bits sent inverted.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

ALAW_SILENCE: Final = 0xD5

_EVEN_BITS: Final = 0x55


def _decode_table() -> NDArray[np.int16]:
    code = np.arange(256, dtype=np.int32) ^ _EVEN_BITS
    segment, step = (code >> 4) & 7, code & 15
    magnitude = np.where(segment == 0, (step << 4) + 8, ((step << 4) + 264) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _encode_table() -> NDArray[np.uint8]:
    """One code for each of the 65 536 samples, indexed by the sample's bits read as unsigned."""
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 3
    magnitude = np.where(sample < 0, ~sample, sample)
    segment = np.maximum(0, np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4)
    code = (segment << 4) | ((magnitude >> np.maximum(segment, 1)) & 15)
    return (np.where(sample < 0, code, code | 0x80) ^ _EVEN_BITS).astype(np.uint8)


_DECODE: Final = _decode_table()
_ENCODE: Final = _encode_table()


def alaw_decode(data: bytes) -> NDArray[np.int16]:
    """Samples of A-law bytes: 16-bit linear, -32256 to 32256, one a byte."""
    return _DECODE.take(np.frombuffer(data, dtype=np.uint8))


def alaw_encode(samples: NDArray[np.int16]) -> bytes:
    """A-law bytes of 16-bit linear samples, one a sample. Undoes `alaw_decode` exactly."""
    return _ENCODE.take(samples.view(np.uint16)).tobytes()


def bounded(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same samples between -1 and 1: what is no number becomes silence, what is louder full scale."""
    clean: NDArray[np.float32] = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0).clip(-1, 1)
    return clean


def to_pcm(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """16-bit samples of ones between -1 and 1; others become so first."""
    scaled = np.rint(bounded(samples) * np.float32(32768)).clip(-32768, 32767)
    pcm: NDArray[np.int16] = scaled.astype(np.int16)
    return pcm


def from_pcm(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Samples between -1 and 1 of 16-bit ones. Undone exactly by `to_pcm`."""
    return samples.astype(np.float32) / np.float32(32768)
