"""Loudness: how strong the sound is, and how peaked.

Levels are in dB relative to full scale (dBFS): 0 for a constant at 1.0, -3 for the loudest sine.
"""

import numpy as np
from numpy.typing import NDArray


def rms(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Root mean square of each frame, shape (frames, width) to (frames,)."""
    mean: NDArray[np.float64] = np.sqrt(np.einsum("ij,ij->i", frames, frames) / frames.shape[1])
    return mean


def decibels(amplitudes: NDArray[np.float64]) -> NDArray[np.float64]:
    """20 log10 of amplitudes relative to 1.0; NaN for 0, which has no level."""
    return 20 * np.log10(amplitudes, out=np.full(np.shape(amplitudes), np.nan), where=amplitudes > 0)


def crest_factor(samples: NDArray[np.floating]) -> float | None:
    """Peak over root mean square in dB: 0 for a square wave, 3 for a sine, 12 to 20 for speech; None in
    silence.
    """
    peak = float(np.abs(samples).max(initial=0))
    if peak == 0:
        return None
    return float(20 * np.log10(peak / np.sqrt(np.mean(np.square(samples, dtype=np.float64)))))
