"""The recordings that the voice commands read."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

from callguard.errors import AudioError


def pieces(path: Path, seconds: float) -> Iterator[NDArray[np.float32]]:
    """Mono samples at 8 kHz, so many seconds at once."""
    try:
        with sf.SoundFile(path) as file:
            resampler = soxr.ResampleStream(file.samplerate, 8000, 1, dtype="float32")
            for block in file.blocks(int(seconds * file.samplerate), dtype="float32", always_2d=True):
                yield resampler.resample_chunk(block.mean(axis=1))
            yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
    except (OSError, sf.SoundFileError) as error:
        raise AudioError(f"{path} can't be read ({type(error).__name__}).") from None
