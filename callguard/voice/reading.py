"""Recordings as a detector hears them: mono at 8 kHz, so many seconds at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.domain.audio import SAMPLE_RATE
from callguard.errors import AudioError
from callguard.voice.files import empty, opened

READ_S: Final = 10.0
"""Read at once where nobody says how much: a long recording is never held in memory whole."""
MOST_LOST: Final = 0.01
"""Share of samples that may be no numbers: they are heard as silence."""


def pieces(path: Path, seconds: float) -> Iterator[NDArray[np.float32]]:
    """The recording's samples, `seconds` at a time. Raises AudioError; AUDIO_DAMAGED, at the end, where too
    many of them are no numbers.
    """
    size, waiting, heard = round(seconds * SAMPLE_RATE), np.empty(0, np.float32), 0
    with opened(path) as file:
        for block in file.mono():
            waiting = np.concatenate([waiting, block])
            whole = len(waiting) // size * size
            yield from np.split(waiting[:whole], range(size, whole, size)) if whole else ()
            waiting, heard = waiting[whole:], heard + len(block)
        if len(waiting):
            yield waiting
        if file.not_numbers > MOST_LOST * heard * file.facts.channels * file.facts.rate / SAMPLE_RATE:
            raise AudioError(
                "Many of the recording's samples are no numbers. Write it anew, or convert it.",
                code="AUDIO_DAMAGED",
            )
        if not heard:
            raise empty()
