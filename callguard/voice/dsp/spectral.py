"""The shape of the spectrum: where its energy lies, how noise-like it is, how fast it changes.

All functions take power or magnitude spectra of shape (frames, bins) and the bins' `frequencies` in Hz, shape
(bins,), and give one value a frame. A frame without any energy has none: NaN.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

Spectra = NDArray[np.float64]
Track = NDArray[np.float64]

WINDOW_S: Final = 0.032
ROLLOFF_SHARE: Final = 0.85
LOW_BAND_HZ: Final = (0.0, 1000.0)  # the first formant's region
HIGH_BAND_HZ: Final = (2500.0, math.inf)  # of what a telephone carries, the fricatives'
_LEAST_POWER: Final = 1e-10  # keeps the logarithm of an empty bin finite, as the reference does


def window_samples(rate: int) -> int:
    """Length of the analysis window: 32 ms, even, so that it has a bin at half the rate."""
    return 2 * round(WINDOW_S * rate / 2)


def bin_frequencies(rate: int) -> NDArray[np.float64]:
    """Frequencies of the bins in Hz, shape (window_samples // 2 + 1,)."""
    return np.arange(window_samples(rate) // 2 + 1, dtype=np.float64) * (rate / window_samples(rate))


def complex_spectra(frames: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Short-time Fourier transform: `frames` (frames, width) under a periodic Hann window, (frames, bins)."""
    width = frames.shape[1]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(width) / width)
    spectra: NDArray[np.complex128] = np.fft.rfft(frames * hann, axis=1)
    return spectra


def centroid(magnitudes: Spectra, frequencies: Track) -> Track:
    """Mean frequency in Hz, weighted by magnitude. Source: Grey and Gordon, JASA 63 (1978)."""
    return _quotient(magnitudes @ frequencies, magnitudes.sum(axis=1))


def rolloff(magnitudes: Spectra, frequencies: Track, *, share: float = ROLLOFF_SHARE) -> Track:
    """Frequency in Hz below which `share` of the magnitude lies. Source: Scheirer and Slaney, ICASSP 1997."""
    risen = np.cumsum(magnitudes, axis=1)
    reached = np.argmax(risen >= share * risen[:, -1:], axis=1)
    return np.where(risen[:, -1] > 0, frequencies[reached], np.nan)


def flatness(powers: Spectra) -> Track:
    """Geometric over arithmetic mean of the power: 0 for a tone, towards .56 for noise in single frames,
    1 for a flat spectrum. Source: Johnston, IEEE JSAC 6 (1988).
    """
    floored = np.maximum(powers, _LEAST_POWER)
    flat: Track = np.exp(np.log(floored).mean(axis=1)) / floored.mean(axis=1)
    return np.where(powers.max(axis=1) > 0, flat, np.nan)


def flux(magnitudes: Spectra) -> Track:
    """How much the spectrum's shape moves from frame to frame: the distance between two magnitude spectra,
    each scaled to length 1, so that loudness doesn't count. 0 for a steady sound, 1.41 for nothing in common.

    Shape (frames - 1,): the first frame has none before it. Source: Scheirer and Slaney, ICASSP 1997.
    """
    lengths = np.linalg.norm(magnitudes, axis=1, keepdims=True)
    scaled = _quotient(magnitudes, lengths)
    distances: Track = np.linalg.norm(np.diff(scaled, axis=0), axis=1)
    return distances


def band_share(powers: Spectra, frequencies: Track, low: float, high: float) -> Track:
    """Share of the power at `low` <= frequency < `high`, in Hz; 0 to 1."""
    inside = (frequencies >= low) & (frequencies < high)
    return _quotient(powers[:, inside].sum(axis=1), powers.sum(axis=1))


def _quotient(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    nothing = np.full(np.broadcast(above, below).shape, np.nan)
    quotient: NDArray[np.float64] = np.divide(above, below, out=nothing, where=below > 0)
    return quotient
