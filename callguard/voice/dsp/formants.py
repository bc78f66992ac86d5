"""Formants: the resonances of the vocal tract.

Method: linear prediction by Burg's recursion (J. P. Burg, A new analysis technique for time series data, NATO
Advanced Study Institute on Signal Processing, 1968; D. G. Childers, Modern Spectrum Analysis, 1978), then the
angles of the predictor's poles (J. D. Markel and A. H. Gray, Linear Prediction of Speech, 1976).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.voice.dsp.band import whole_band
from callguard.voice.dsp.frames import frame_blocks

Matrix = NDArray[np.float64]

COUNT: Final = 4
CEILING_HZ: Final = 5500.0  # of a tract between a man's and a child's, with five formants below it
WINDOW_S: Final = 0.05  # of a Gaussian, whose middle half does most of the work
_EMPHASIS_FROM_HZ: Final = 50.0
_MARGIN_HZ: Final = (
    50.0  # poles this near to 0 or to the ceiling shape the spectrum's slope, and are no formants
)


def formant_track(
    samples: NDArray[np.floating], rate: int, where: NDArray[np.bool_], *, ceiling: float = CEILING_HZ
) -> Matrix:
    """F1 to F4 in Hz of the frames that `where` marks, on the common grid: shape (frames, 4), ascending.

    NaN in the frames not marked, and where a frame has fewer. At telephone rate the ceiling is half the rate,
    and a line that ends at 3400 Hz lets F4 through for few speakers.
    """
    ceiling = min(ceiling, rate / 2)
    poles = 2 * round(5 * ceiling / CEILING_HZ)
    sampling = round(2 * ceiling)
    level = _emphasised(whole_band(np.asarray(samples, np.float64), rate, sampling), sampling)
    width = 2 * round(WINDOW_S * sampling / 2)
    window = _gaussian(width)
    found = np.full((len(where), COUNT), np.nan)
    first = 0
    for frames in frame_blocks(level, sampling, width):
        wanted = np.flatnonzero(where[first : first + len(frames)])
        if len(wanted):
            found[first + wanted] = resonances(burg(frames[wanted] * window, poles), sampling)
        first += len(frames)
    return found


def burg(frames: Matrix, order: int) -> Matrix:
    """Linear predictors 1 + a1 z^-1 + ... of windowed `frames` (frames, width), shape (frames, order + 1)."""
    forward, backward = frames[:, 1:], frames[:, :-1]
    predictor = np.zeros((len(frames), order + 1))
    predictor[:, 0] = 1
    for step in range(1, order + 1):
        energy = np.einsum("ij,ij->i", forward, forward) + np.einsum("ij,ij->i", backward, backward)
        shared = np.einsum("ij,ij->i", forward, backward)
        reflection = np.divide(-2 * shared, energy, out=np.zeros(len(frames)), where=energy > 0)[:, None]
        predictor[:, 1 : step + 1] += reflection * predictor[:, step - 1 :: -1][:, :step]
        forward, backward = (
            (forward + reflection * backward)[:, 1:],
            (backward + reflection * forward)[:, :-1],
        )
    return predictor


def resonances(predictor: Matrix, rate: int, *, count: int = COUNT) -> Matrix:
    """The `count` lowest pole frequencies in Hz, shape (frames, `count`), NaN where there are fewer."""
    order = predictor.shape[1] - 1
    companion = np.zeros((len(predictor), order, order))
    companion[:, 0, :] = -predictor[:, 1:]
    companion[:, np.arange(1, order), np.arange(order - 1)] = 1
    poles = np.linalg.eigvals(companion)
    hertz = np.angle(poles) * rate / (2 * np.pi)
    inside = (hertz > _MARGIN_HZ) & (hertz < rate / 2 - _MARGIN_HZ)
    return np.sort(np.where(inside, hertz, np.nan), axis=1)[:, :count]


def _emphasised(samples: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """High frequencies raised by 6 dB an octave, as the glottal source's slope takes them down."""
    result = samples.copy()
    result[1:] -= np.exp(-2 * np.pi * _EMPHASIS_FROM_HZ / rate) * samples[:-1]
    return result


def _gaussian(width: int) -> NDArray[np.float64]:
    offset = (np.arange(width) - (width - 1) / 2) / (width + 1)
    edge = np.exp(-12.0)
    window: NDArray[np.float64] = (np.exp(-48 * offset**2) - edge) / (1 - edge)
    return window
