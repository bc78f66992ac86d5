"""Another sampling rate for the same sound."""

from math import gcd
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

_Real = TypeVar("_Real", np.float32, np.float64)

_CROSSINGS: Final = 16  # of the sinc on each side: 80 dB down in the stop band with its window


def resample(samples: NDArray[_Real], rate: int, to: int) -> NDArray[_Real]:
    """`samples` at the rate `to` (both in Hz): a polyphase windowed sinc, with Kaiser's window of beta 8.

    Method: Smith, Digital Audio Resampling (CCRMA, 2002). Cuts off at 0.92 of the lower Nyquist frequency.
    """
    if rate == to:
        return samples
    up, down = to // gcd(rate, to), rate // gcd(rate, to)
    cutoff = 0.92 * min(1.0, to / rate)
    half = int(np.ceil(_CROSSINGS / cutoff))
    padded = np.pad(samples, (half, half + 1))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half)
    taps = np.arange(-half + 1, half + 1)
    result = np.empty(-(-len(samples) * up // down), samples.dtype)
    for first in range(min(up, len(result))):  # every up-th output shares a phase, and so a kernel
        whole, phase = divmod(first * down, up)
        distance = taps - phase / up
        window = np.i0(8 * np.sqrt(np.maximum(0, 1 - (distance / half) ** 2))) / np.i0(8.0)
        kernel = (cutoff * np.sinc(cutoff * distance) * window).astype(samples.dtype)
        outputs = result[first::up]
        outputs[:] = np.einsum("ij,j->i", windows[whole + 1 :: down][: len(outputs)], kernel)
    return result
