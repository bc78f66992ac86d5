"""Loudness: how strong the sound is, how peaked, and whether something cut its peaks off.

Levels are in dB relative to full scale (dBFS): 0 for a constant at 1.0, -3 for the loudest sine.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_SHORTEST_FLAT_TOP: Final = 3  # samples in a row at the very same extreme


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


def clipping_rate(samples: NDArray[np.floating]) -> float:
    """Share of the samples that stand in flat tops: three or more in a row at the recording's own extreme.

    Its own, since a line may lower a clipped sound afterwards.
    """
    peak = np.abs(samples).max(initial=0)
    if peak == 0:
        return 0.0
    flat = 0
    for extreme in (peak, -peak):
        at = np.concatenate([[False], samples == extreme, [False]])
        edges = np.flatnonzero(np.diff(at))
        runs = edges[1::2] - edges[::2]
        flat += int(runs[runs >= _SHORTEST_FLAT_TOP].sum())
    return flat / len(samples)
