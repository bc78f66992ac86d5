"""WAV files for the tests of the voice, as bytes."""

import io
import struct
import wave
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callguard.voice.codecs import to_pcm
from tests.unit.voice.sounds import RATE


def wav(samples: NDArray[Any], rate: int = RATE) -> bytes:
    """16-bit PCM of samples between -1 and 1, frames x channels."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        written.setsampwidth(2)
        written.setframerate(rate)
        written.writeframes(to_pcm(samples).tobytes())
    return file.getvalue()


def float_wav(samples: NDArray[np.float32], rate: int = RATE) -> bytes:
    body = samples.astype("<f4").tobytes()
    header = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, rate, 4 * rate, 4, 32)
    return (
        struct.pack("<4sI4s", b"RIFF", 28 + 8 + len(body), b"WAVE")
        + header
        + struct.pack("<4sI", b"data", len(body))
        + body
    )
