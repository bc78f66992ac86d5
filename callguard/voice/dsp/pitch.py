"""Pitch: how often the vocal folds close, frame by frame.

Method: P. Boersma, Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio
of a sampled sound, Proceedings of the Institute of Phonetic Sciences 17 (1993). Each frame offers candidates,
the peaks of its autocorrelation divided by the window's own; the cheapest path through them is the pitch.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.voice.dsp.frames import frame_blocks

Matrix = NDArray[np.float64]
Track = NDArray[np.float64]

FLOOR_HZ: Final = 75.0
CEILING_HZ: Final = 600.0

# The costs of Boersma's paper, as the reference implementation sets them.
_SILENCE: Final = 0.03
_VOICING: Final = 0.45
_OCTAVE_COST: Final = 0.01
_OCTAVE_JUMP_COST: Final = 0.35
_VOICING_CHANGE_COST: Final = 0.14
_CANDIDATES: Final = 14  # besides "unvoiced"
_PERIODS: Final = 3.0  # of the lowest pitch, in a window

_FINER: Final = 4  # the autocorrelation is interpolated this often between two samples


@dataclass(frozen=True, slots=True)
class PitchTrack:
    """`f0` in Hz and the autocorrelation at its period, 0 to 1; shape (frames,), NaN where unvoiced."""

    f0: Track
    periodicity: Track


def pitch_track(
    samples: NDArray[np.floating], rate: int, *, floor: float = FLOOR_HZ, ceiling: float = CEILING_HZ
) -> PitchTrack:
    """The pitch between `floor` and `ceiling`, in Hz, on the common grid of frames."""
    level = np.asarray(samples, np.float64) - np.mean(samples)
    loudest = float(np.abs(level).max())
    ceiling = min(ceiling, rate / 4)
    width = _odd(_PERIODS * rate / floor)
    window = np.hanning(width + 2)[1:-1]
    pitches, strengths = [], []
    for frames in frame_blocks(level, rate, width):
        windowed = (frames - frames[:, width // 6 : -(width // 6)].mean(axis=1, keepdims=True)) * window
        loudness = np.abs(windowed[:, width // 3 : -(width // 3)]).max(axis=1)
        correlation = autocorrelation(windowed, window, lags=int(rate / floor) + 2)
        hertz, strength = _candidates(correlation, rate * _FINER, floor, ceiling)
        quiet = np.maximum(0, 2 - loudness / max(loudest, 1e-12) * (1 + _VOICING) / _SILENCE)
        pitches.append(np.column_stack([np.zeros(len(frames)), hertz]))
        strengths.append(np.column_stack([_VOICING + quiet, strength]))
    hertz, strength = np.concatenate(pitches), np.concatenate(strengths)
    chosen = _best_path(hertz, strength, ceiling)
    everyone = np.arange(len(chosen))
    f0, periodicity = hertz[everyone, chosen], strength[everyone, chosen]
    voiced = f0 > 0
    return PitchTrack(np.where(voiced, f0, np.nan), np.where(voiced, periodicity, np.nan))


def speakers_ceiling(f0: Track) -> float:
    """The ceiling in Hz that fits a speaker, from a first look at the voiced frames' `f0`.

    It spares octave errors, which are many on a telephone line, since that takes the fundamental away. The
    floor stays, and with it the window that the harmonics-to-noise ratio depends on. Source: C. De Looze and
    S. Rauzy, Automatic detection and prediction of topic changes through automatic detection of register
    variations and pause duration, Interspeech 2009.
    """
    return min(1.9 * float(np.percentile(f0, 65)) + 10, CEILING_HZ)


def autocorrelation(windowed: Matrix, window: Track, *, lags: int) -> Matrix:
    """Normalised autocorrelation of the sound behind the windowed frames (Boersma's equation 9).

    `windowed` has shape (frames, width). The result has shape (frames, `lags` * 4): four values to a sample's
    lag, interpolated without loss by zeros in the spectrum; 1 at lag 0, all 0 for a silent frame.
    """
    width = len(window)
    size = 1 << (width + lags - 1).bit_length()
    spectra = np.fft.rfft(windowed, size, axis=1)
    raw = np.fft.irfft(np.abs(spectra) ** 2, size * _FINER, axis=1)[:, : lags * _FINER]
    own = np.fft.irfft(np.abs(np.fft.rfft(window, size)) ** 2, size * _FINER)[: lags * _FINER]
    energy = raw[:, :1]
    scaled = np.divide(raw, energy, out=np.zeros_like(raw), where=energy > 1e-20)
    normalised: Matrix = scaled / (own / own[0])
    return normalised


def peaks(correlation: Matrix, first: int, last: int, count: int) -> tuple[Matrix, Matrix]:
    """The `count` highest peaks of each row from index `first` to `last`: their places, between indices, and
    heights, by a parabola through three points. Shapes (rows, count), height 0 where there are fewer.
    """
    inner = correlation[:, first : last + 1]
    rising = inner > correlation[:, first - 1 : last]
    falling = inner >= correlation[:, first + 1 : last + 2]
    heights = np.where(rising & falling, inner, -np.inf)
    count = min(count, heights.shape[1])
    places = np.argpartition(-heights, count - 1, axis=1)[:, :count] + first
    middle = np.take_along_axis(correlation, places, axis=1)
    left = np.take_along_axis(correlation, places - 1, axis=1)
    right = np.take_along_axis(correlation, places + 1, axis=1)
    bend = 2 * middle - left - right
    slope = (right - left) / 2
    shift = np.divide(slope, bend, out=np.zeros_like(bend), where=bend > 0)
    height = middle + slope * shift / 2
    found = np.isfinite(np.take_along_axis(heights, places - first, axis=1))
    return np.where(found, places + shift, 1.0), np.where(found, height, 0.0)


def _candidates(correlation: Matrix, rate: int, floor: float, ceiling: float) -> tuple[Matrix, Matrix]:
    """Pitches in Hz, 0 for none, and their strengths without any cost; shapes (frames, _CANDIDATES)."""
    first, last = int(rate / ceiling), min(int(rate / floor), correlation.shape[1] - 2)
    places, heights = peaks(correlation, max(first, 1), last, _CANDIDATES)
    heights = np.where(heights > 1, 1 / np.maximum(heights, 1), heights)
    real = heights > _VOICING / 2
    return np.where(real, rate / places, 0.0), np.where(real, heights, 0.0)


def _best_path(hertz: Matrix, strength: Matrix, ceiling: float) -> NDArray[np.intp]:
    """Which candidate of each frame the cheapest path takes (Viterbi), shape (frames,)."""
    voiced = hertz > 0
    octaves = np.log2(np.where(voiced, hertz, ceiling) / ceiling)
    gains = strength + _OCTAVE_COST * octaves
    gains[:, 1:][~voiced[:, 1:]] = -1e6
    back = np.zeros(hertz.shape, np.intp)
    total = gains[0]
    for frame in range(1, len(hertz)):
        jump = _OCTAVE_JUMP_COST * np.abs(octaves[frame][:, None] - octaves[frame - 1][None, :])
        differ = voiced[frame][:, None] != voiced[frame - 1][None, :]
        arrived = total[None, :] - np.where(differ, _VOICING_CHANGE_COST, jump)
        back[frame] = arrived.argmax(axis=1)
        total = gains[frame] + arrived.max(axis=1)
    path = np.zeros(len(hertz), np.intp)
    path[-1] = total.argmax()
    for frame in range(len(hertz) - 1, 0, -1):
        path[frame - 1] = back[frame, path[frame]]
    return path


def _odd(length: float) -> int:
    return 2 * int(length / 2) + 1
