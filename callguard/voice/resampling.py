"""Another sampling rate for the same sound."""

from math import gcd
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

_Real = TypeVar("_Real", np.float32, np.float64)

_CROSSINGS: Final = 16  # of the sinc on each side: 80 dB down in the stop band with its window


def resample(samples: NDArray[_Real], rate: int, to: int) -> NDArray[_Real]:
    """`samples` at the rate `to` (both in Hz): a polyphase windowed sinc, with Kaiser's window of beta 8.

    Method: Smith, Digital Audio Resampling (CCRMA, 2002). Cuts off at 0.92 of the lower Nyquist frequency.
    """
    resampler = Resampler(rate, to, samples.dtype)
    return np.concatenate([resampler.feed(samples), resampler.flush()])


class Resampler(Generic[_Real]):
    """Resamples a stream chunk by chunk; what comes out joins to what `resample` gives of the whole.

    Samples near the end of a chunk wait for the next one: half of the kernel, 2 ms at 8 kHz.
    """

    def __init__(self, rate: int, to: int, dtype: "np.dtype[_Real]") -> None:
        self._up, self._down = to // gcd(rate, to), rate // gcd(rate, to)
        self._kernels: NDArray[_Real] = _kernels(self._up, self._down, dtype)
        self._half = self._kernels.shape[1] // 2
        self._kept: NDArray[_Real] = np.zeros(self._half - 1, dtype)
        self._start = 1 - self._half  # where in the input these begin
        self._next = 0  # output

    def feed(self, samples: NDArray[_Real]) -> NDArray[_Real]:
        """The output that is complete with these next samples."""
        if self._up == self._down:
            return samples
        kept = np.concatenate([self._kept, samples])
        whole = max(0, self._start + len(kept) - self._half)  # input samples whose surroundings are known
        count = max(0, -(-whole * self._up // self._down) - self._next)
        result = np.empty(count, kept.dtype)
        if count:
            windows = np.lib.stride_tricks.sliding_window_view(kept, 2 * self._half)
            for first in range(min(self._up, count)):  # every up-th output shares a phase, and so a kernel
                at, phase = divmod((self._next + first) * self._down, self._up)
                outputs = result[first :: self._up]
                inputs = windows[at - self._half + 1 - self._start :: self._down][: len(outputs)]
                outputs[:] = np.einsum("ij,j->i", inputs, self._kernels[phase])
        self._next += count
        start = min(self._next * self._down // self._up - self._half + 1, self._start + len(kept))
        self._kept, self._start = kept[start - self._start :].copy(), start
        return result

    def flush(self) -> NDArray[_Real]:
        """The rest of the output. The stream has ended: feed no more."""
        rest = 0 if self._up == self._down else self._half
        return self.feed(np.zeros(rest, self._kept.dtype))


def _kernels(up: int, down: int, dtype: "np.dtype[_Real]") -> NDArray[_Real]:
    """One kernel for each phase, up x twice the samples on each side."""
    cutoff = 0.92 * min(1.0, up / down)
    half = int(np.ceil(_CROSSINGS / cutoff))
    taps = np.arange(-half + 1, half + 1)
    kernels: NDArray[_Real] = np.empty((up, 2 * half), dtype)
    for phase in range(up):  # one by one: rates without a common divisor have thousands
        distance = taps - phase / up
        window = np.i0(8 * np.sqrt(np.maximum(0, 1 - (distance / half) ** 2))) / np.i0(8.0)
        kernels[phase] = cutoff * np.sinc(cutoff * distance) * window
    return kernels
