"""Hand-made measures of a window of speech: how its fine structure moves, not how it sounds on the whole.

A window's long-term spectrum and level say which line it came by. What is taken here is left when these are
taken away: the spread and movement of cepstra, the modulation of bands, how regular pitch periods are in each
band, and how steadily phase turns.
"""

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 8000
FRAME: Final = 256
HOP: Final = 80
BANDS: Final = 24
LOWEST_HZ: Final = 200.0
HIGHEST_HZ: Final = 3700.0
CEPSTRA: Final = 20
MODULATIONS_HZ: Final = (0.5, 2.0, 4.0, 8.0, 16.0, 32.0, 50.0)
NEIGHBOURS: Final = (1, 2, 5)
MEASURED: Final = 446
"""How many measures there are."""
WIDE: Final = 6
"""Bands in which the regularity of pitch periods is measured."""
THINNED: Final = 8
"""Every so many samples are enough for a wide band's envelope."""

Floats = NDArray[np.float64]


def _filterbank(bands: int, size: int) -> Floats:
    """Triangles, evenly spaced from LOWEST_HZ to HIGHEST_HZ: [bands, size / 2 + 1]."""
    edges = np.linspace(LOWEST_HZ, HIGHEST_HZ, bands + 2)
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    rising = (hertz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hertz) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0.0, np.minimum(rising, falling))


_BANK: Final = _filterbank(BANDS, FRAME)
_DCT: Final = np.cos(np.pi / BANDS * np.outer(np.arange(CEPSTRA), np.arange(BANDS) + 0.5))
_HANN: Final = np.hanning(FRAME + 1)[:-1]


def frames(samples: Floats, size: int, hop: int) -> Floats:
    """Overlapping stretches: [frames, size]."""
    return np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]


def log_bands(spectra: NDArray[np.complex128]) -> Floats:
    """Natural logarithm of each band's power, with a floor 60 dB under the window's mean: [frames, BANDS]."""
    power = (spectra.real**2 + spectra.imag**2) @ _BANK.T
    return np.asarray(np.log(power + 1e-6 * power.mean() + 1e-12))


def _moments(values: Floats) -> list[Floats]:
    """Spread, skewness and kurtosis of each column."""
    centred = values - values.mean(axis=0)
    spread = np.sqrt(np.mean(centred**2, axis=0)) + 1e-9
    scaled = centred / spread
    return [np.log(spread), np.mean(scaled**3, axis=0), np.log(np.mean(scaled**4, axis=0) + 1e-9)]


def _correlation(columns: Floats) -> Floats:
    """Of each column with each; 0 where one doesn't move."""
    centred = columns - columns.mean(axis=0)
    scaled = centred / (np.sqrt(np.sum(centred**2, axis=0)) + 1e-9)
    return np.asarray(scaled.T @ scaled)


def _modulation(bands: Floats) -> Floats:
    """How each band's loudness moves: its share in ranges of modulation frequency, as logarithms."""
    centred = (bands - bands.mean(axis=0)) * np.hanning(len(bands))[:, None]
    power = np.abs(np.fft.rfft(centred, axis=0)) ** 2
    hertz = np.fft.rfftfreq(len(bands), HOP / RATE)
    total = power.sum(axis=0) + 1e-9
    ranges = pairwise(MODULATIONS_HZ)
    shares = [power[(hertz >= low) & (hertz < high)].sum(axis=0) / total for low, high in ranges]
    return np.log(np.array(shares) + 1e-5)


def _periodicity(sound: Floats) -> Floats:
    """The strongest repetition at 60 to 400 Hz of each wide band's envelope: [frames, WIDE].

    A band's part of the spectrum alone, transformed back, is its analytic signal at an eighth of the rate.
    """
    spectrum = np.fft.rfft(sound)
    edges = np.linspace(LOWEST_HZ, HIGHEST_HZ, WIDE + 1) * len(sound) / RATE
    width, length = int(edges[1] - edges[0]), len(sound) // THINNED
    first = edges[:-1].astype(np.intp)
    parts = spectrum[first[:, None] + np.arange(width)]
    envelopes = np.abs(np.fft.ifft(parts, length))
    pieces = np.lib.stride_tricks.sliding_window_view(envelopes, 64, axis=1)[:, ::30]
    pieces = pieces - pieces.mean(axis=-1, keepdims=True)
    correlation = np.fft.irfft(np.abs(np.fft.rfft(pieces, 128)) ** 2)[..., :17]
    return np.asarray(correlation[..., 2:].max(axis=-1) / (correlation[..., 0] + 1e-12)).T


def _phase(spectra: NDArray[np.complex128]) -> Floats:
    """How far phase strays from a steady tone's between frames, in each band; loud bins count most."""
    turned = spectra[2:] * np.conj(spectra[1:-1]) ** 2 * spectra[:-2]
    size = np.abs(turned) + 1e-12
    weight = np.sqrt(size)
    bands = (weight @ _BANK.T) + 1e-12
    return np.asarray(np.abs((weight * turned / size) @ _BANK.T) / bands)


def measures(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The features of one window: float32 mono at 8 kHz, 1.5 to 4 s; 1-D, always of the same length."""
    sound = samples.astype(np.float64)
    pieces = frames(sound, FRAME, HOP) * _HANN
    spectra = np.fft.rfft(pieces)
    bands = log_bands(spectra)
    energy = bands.max(axis=1)
    loud = energy >= np.quantile(energy, 0.4)
    cepstra = bands @ _DCT.T
    delta = cepstra[2:] - cepstra[:-2]
    delta2 = delta[2:] - delta[:-2]
    period = _periodicity(sound)
    phase = _phase(spectra)[loud[1:-1]]
    together = _correlation(np.diff(bands, axis=0))
    parts = [
        *_moments(cepstra[:, 1:]),
        *_moments(delta[loud[1:-1]]),
        *_moments(delta2[loud[2:-2]])[::2],
        period.mean(axis=0),
        *_moments(period)[:2],
        _correlation(period)[np.triu_indices(WIDE, 1)],
        phase.mean(axis=0),
        phase.std(axis=0),
        _modulation(bands),
        *(together.diagonal(apart) for apart in NEIGHBOURS),
    ]
    found = np.concatenate([np.ravel(part) for part in parts]).astype(np.float32)
    return np.nan_to_num(found)


def line(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the line alone says, 1-D: its long-term spectrum, its noise floor's, and the level."""
    sound = samples.astype(np.float64)
    bands = log_bands(np.fft.rfft(frames(sound, FRAME, HOP) * _HANN))
    level = np.log(np.sqrt(np.mean(sound**2)) + 1e-9)
    parts = [bands.mean(axis=0), np.quantile(bands, 0.05, axis=0), np.array([level])]
    return np.concatenate(parts).astype(np.float32)
