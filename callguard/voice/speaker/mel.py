"""The spectrogram that the speaker network reads: 40 mel bands of power, 25 ms wide, one each 10 ms.

Method: Slaney, Auditory Toolbox (1998), whose filters librosa builds by default and the network was trained
on. The filters reach 8 kHz. At a telephone's 8000 Hz the bins are the same 40 Hz apart as at 16 000 Hz, and
what lies above 4 kHz is nothing: sound need not be resampled for the network.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

BANDS: Final = 40
WINDOW_S: Final = 0.025
STEP_S: Final = 0.010
_TOP_HZ: Final = 8000.0
_LINEAR_TO_HZ: Final = 1000.0  # above it the scale is logarithmic
_HZ_PER_MEL: Final = 200 / 3
_LOG_STEP: Final = np.log(6.4) / 27


def mel(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Power in each band, float32 [1 + n // step, 40], of float32 samples [n] at `rate` (8000 or 16 000 Hz).

    The first frame stands around the first sample. Scaled as of sound at 16 000 Hz.
    """
    width, step = round(WINDOW_S * rate), round(STEP_S * rate)
    padded = np.pad(samples, width // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, width)[::step]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(width) / width)
    power = np.abs(np.fft.rfft(frames * window.astype(np.float32), axis=1)) ** 2
    scale = (2 * _TOP_HZ / rate) ** 2
    bands: NDArray[np.float32] = (power @ _filters(rate, width).T * scale).astype(np.float32)
    return bands


@cache
def _filters(rate: int, width: int) -> NDArray[np.float64]:
    """[40, width // 2 + 1] triangles of equal area."""
    bins = np.arange(width // 2 + 1) * rate / width
    corners = _hertz(np.linspace(0, _mels(_TOP_HZ), BANDS + 2))
    below, above = np.diff(corners)[:-1, None], np.diff(corners)[1:, None]
    rising = (bins - corners[:-2, None]) / below
    falling = (corners[2:, None] - bins) / above
    triangles = np.maximum(0, np.minimum(rising, falling))
    filters: NDArray[np.float64] = triangles * 2 / (corners[2:] - corners[:-2])[:, None]
    return filters


def _mels(hertz: float) -> float:
    return float(_LINEAR_TO_HZ / _HZ_PER_MEL + np.log(hertz / _LINEAR_TO_HZ) / _LOG_STEP)


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = mels * _HZ_PER_MEL
    turn = _LINEAR_TO_HZ / _HZ_PER_MEL
    logarithmic = _LINEAR_TO_HZ * np.exp(_LOG_STEP * (mels - turn))
    return np.where(mels < turn, linear, logarithmic)
