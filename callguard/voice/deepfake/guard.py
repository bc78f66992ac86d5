"""What is no ordinary speech is no matter for a detector: the guard in front of each says what it is instead.

A detector gives music, dial tones or a fan some number too, and a confident one as often as not. Three
measures of a window tell them from speech:

persistence   how alike the fine spectrum stays over 128 ms. The harmonics of a voice glide, those of notes
              and tones stand still. Mean correlation of log spectra of 128 ms, each against its own smoothed
              envelope (the spectral flux of Scheirer & Slaney, ICASSP 1997, at harmonic resolution).
liveliness    standard deviation of the level of 32 ms frames in dB (their modulation energy): syllables make
              it 6 to 12, steady noise under 2.
tonality      share of a frame's energy in its two strongest peaks, median over frames: of a sine or a DTMF
              pair nearly all.

The limits lie where under 1 % of human telephone speech is refused, noise of 5 to 20 dB added or not;
`callguard evaluate voice` counts the refusals on a set of one's own.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.voice.deepfake.port import Detector, Reason, WindowScore

RATE: Final = 8000
LEAST_S: Final = 3.0
SILENT_RMS: Final = 0.001
CLIPPED_SHARE: Final = 0.06
"""At least this share of samples stands at the ceiling."""
CEILING: Final = 0.98
STILL: Final = 0.26
STILL_A_DB: Final = 0.02
"""What a dB of liveliness weighs against persistence: music is both stiller and more even than speech."""
TONAL: Final = 0.96
LIVELY_DB: Final = 2.4
USUAL_DB: Final = 6.0

_SHORT, _LONG = 256, 1024
_LOWEST_HZ = 94
_ENVELOPE_BINS = 25
_APART = 4  # hops of a quarter of a long frame: 128 ms
_FLOOR = 1e-4
_ACTIVE_DB = 40

Spectra = NDArray[np.float32]


def refusal(samples: NDArray[np.float32]) -> Reason | None:
    """Why a window of float32 mono samples at 8 kHz can't be judged as speech; None where it can."""
    if not np.isfinite(samples).all():
        return Reason.DAMAGED
    if len(samples) < LEAST_S * RATE:
        return Reason.NOT_ENOUGH_SPEECH
    peak = np.abs(samples).max()
    if peak < SILENT_RMS:
        return Reason.SILENCE
    centred = samples / peak  # whatever the level, squares neither overflow nor vanish
    centred -= centred.mean()
    rms = np.sqrt(np.mean(centred**2))
    if rms * peak < SILENT_RMS:
        return Reason.SILENCE
    return _unlike_speech(centred / rms)


def _unlike_speech(samples: NDArray[np.float32]) -> Reason | None:
    """Of samples that have an RMS of 1. Tones come first, since a pure one stands at its crest for long."""
    power = _spectra(samples, _SHORT)[:, round(_LOWEST_HZ * _SHORT / RATE) :] ** 2
    energy = power.sum(axis=1) + _FLOOR
    level_db = 10 * np.log10(energy)
    active = level_db > level_db.max() - _ACTIVE_DB
    if tonality(power[active] / energy[active, None]) > TONAL:
        return Reason.TONES
    if np.mean(np.abs(samples) >= CEILING * np.abs(samples).max()) >= CLIPPED_SHARE:
        return Reason.CLIPPED
    liveliness = float(level_db[active].std())
    if persistence(samples) - STILL_A_DB * (liveliness - USUAL_DB) > STILL:
        return Reason.MUSIC
    return Reason.NOISE if liveliness < LIVELY_DB else None


def tonality(shares: Spectra) -> float:
    """Median share (0-1) of the two strongest peaks, three bins each. Rows of `shares` sum to 1."""
    left = np.pad(shares, ((0, 0), (1, 1)))
    rows, held = np.arange(len(left))[:, None], np.zeros(len(left))
    for _ in range(2):
        around = left[:, 1:-1].argmax(axis=1)[:, None] + np.arange(3)
        held += left[rows, around].sum(axis=1)
        left[rows, around] = 0
    return float(np.median(held))


def persistence(samples: NDArray[np.float32]) -> float:
    """-1 to 1: how alike the fine structure of spectra 128 ms apart is. Samples of RMS 1 at 8 kHz."""
    log = np.log(_spectra(samples, _LONG)[:, 12:450] + _FLOOR)  # 94 to 3 500 Hz: the line carries no more
    fine = log[:, _ENVELOPE_BINS // 2 : -(_ENVELOPE_BINS // 2)] - _running_mean(log, _ENVELOPE_BINS)
    fine /= np.linalg.norm(fine, axis=1, keepdims=True) + _FLOOR
    return float((fine[_APART:] * fine[:-_APART]).sum(axis=1).mean())


def _running_mean(rows: Spectra, width: int) -> Spectra:
    """Of each row over `width` neighbours, where there are so many."""
    sums = np.cumsum(np.pad(rows, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    return ((sums[:, width:] - sums[:, :-width]) / width).astype(np.float32)


def _spectra(samples: NDArray[np.float32], size: int) -> Spectra:
    """Magnitudes [frames, size / 2 + 1] of Hann frames of `size`; short ones overlap by half, long by 3/4."""
    hop = size // 2 if size == _SHORT else size // 4
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    return np.abs(np.fft.rfft(frames * hann, axis=1)).astype(np.float32)


class _Guarded:
    """A detector that is asked about speech alone."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    @property
    def version(self) -> str:
        return self._detector.version

    def score(self, windows: Sequence[NDArray[np.float32]]) -> list[WindowScore]:
        refused = [refusal(window) for window in windows]
        passed = [window for window, reason in zip(windows, refused, strict=True) if reason is None]
        judged = iter(self._detector.score(passed) if passed else [])
        return [
            next(judged) if reason is None else WindowScore(None, reason, len(window) / RATE)
            for window, reason in zip(windows, refused, strict=True)
        ]


def guarded(detector: Detector) -> Detector:
    """The detector behind the guard: it sees only windows that hold ordinary speech."""
    return _Guarded(detector)
