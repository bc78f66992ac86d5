"""One time grid for every track: a frame each 10 ms, centred on it, silence beyond the ends.

A track therefore has `frame_count(len(samples), rate)` values, whatever its window's length, and they can be
laid over each other. Frames are handed out in blocks, so that memory stays bounded while numpy works on many.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

HOP_S: Final = 0.01
BLOCK: Final = 512  # frames


def hop_samples(rate: int) -> int:
    """Samples from one frame's centre to the next, at `rate` in Hz."""
    return round(HOP_S * rate)


def frame_count(length: int, rate: int) -> int:
    """Frames of `length` samples: the first is centred on sample 0, the last on the last whole hop."""
    return 1 + length // hop_samples(rate)


def frame_times(length: int, rate: int) -> NDArray[np.float64]:
    """Centres of the frames in seconds, shape (frames,)."""
    hops = np.arange(frame_count(length, rate), dtype=np.float64)
    return hops * (hop_samples(rate) / rate)


def frame_blocks(
    samples: NDArray[np.floating], rate: int, width: int, *, overlap: int = 0
) -> Iterator[NDArray[np.float64]]:
    """The frames in order, in read-only blocks of shape (up to BLOCK, `width`).

    Sample `width // 2` of a frame is its centre. Each block but the first begins with the `overlap` last
    frames of the one before; the first begins with as many frames of silence.
    """
    hop = hop_samples(rate)
    before = width // 2 + overlap * hop
    padded = np.concatenate([np.zeros(before), samples, np.zeros(width - width // 2 + hop)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, width)[::hop]
    count = frame_count(len(samples), rate)
    for first in range(0, count, BLOCK):
        yield frames[first : min(first + BLOCK, count) + overlap]
