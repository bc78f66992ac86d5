"""The recordings of a manifest through a detector, and what a control sees of them: the channel alone."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.errors import CallguardError, DetectorError
from callguard.evaluation.voice_manifest import Clip
from callguard.voice.activity import Window, speech_windows
from callguard.voice.deepfake.port import CallScore, Detector, Reason, aggregate
from callguard.voice.reading import READ_S, pieces
from callguard.voice.telephone import companded, with_noise

RATE: Final = 8000
SNR_DB: Final = (10.0, 20.0)
TILT_DB: Final = (-3.0, 0.0)
BANDS: Final = 16
"""Of the long-term spectrum that the control sees."""
FLOOR_BANDS: Final = 8
"""Of the noise floor's."""
FLOOR_SHARE: Final = 0.05
_FRAME = 256
_CHUNK = 4

Samples = NDArray[np.float32]
Load = Callable[[], Detector]
"""Makes a detector; it goes to other processes."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A recording with its score, or why it has none. `channel`: see there; None without speech. `version`:
    of the detector then.
    """

    clip: Clip
    call: CallScore
    channel: tuple[float, ...] | None
    version: str = ""


def judged(
    clips: Sequence[Clip], load: Load, *, masked: bool = False, seed: int = 0, jobs: int = 1
) -> Iterator[Judged]:
    """Each recording through the detector, in their order, in so many processes.

    A recording that can't be read is a state; raises DetectorError where the detector can't judge.
    """
    if jobs == 1:
        detector = load()
        yield from (_judged(clip, detector, masked, seed) for clip in clips)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        work = partial(_judged_by, load, masked=masked, seed=seed)
        yield from pool.map(work, clips, chunksize=_CHUNK)


@cache
def _loaded(load: Load) -> Detector:
    return load()


def _judged_by(load: Load, clip: Clip, masked: bool, seed: int) -> Judged:
    return _judged(clip, _loaded(load), masked, seed)


def _judged(clip: Clip, detector: Detector, masked: bool, seed: int) -> Judged:
    try:
        samples, windows = heard(clip, masked=masked, seed=seed)
    except DetectorError:
        raise
    except CallguardError:
        return Judged(clip, CallScore(None, None, None, 0.0, 0, Reason.DAMAGED), None, detector.version)
    scores = detector.score([window.samples for window in windows]) if windows else []
    seen = channel(samples, windows) if windows else None
    return Judged(clip, aggregate(scores), seen, detector.version)


def heard(clip: Clip, *, masked: bool = False, seed: int = 0) -> tuple[Samples, list[Window]]:
    """A recording's samples at 8 kHz, masked by noise or not, and its windows. Raises AudioError."""
    parts = list(pieces(clip.path, READ_S))
    samples = np.concatenate(parts) if parts else np.empty(0, np.float32)
    windows = speech_windows(samples)
    if masked and windows:
        samples = under_noise(samples, np.random.default_rng([seed, zlib.crc32(clip.name.encode())]))
        windows = speech_windows(samples)
    return samples, windows


def under_noise(samples: Samples, chance: np.random.Generator) -> Samples:
    """The recording under noise of the whole telephone band, 10 to 20 dB below its speech, white to pink, and
    through mu-law: no noise floor of its own shows any more, so what a detector tells apart is in the voice.
    """
    noisy = with_noise(samples, chance.uniform(*SNR_DB), chance, tilt_db=chance.uniform(*TILT_DB))
    return companded(noisy)


def channel(samples: Samples, windows: Sequence[Window]) -> tuple[float, ...]:
    """What the channel tells and the voice doesn't, in dB: the levels of the speech and of the noise floor,
    and the spectra over their means of the floor (FLOOR_BANDS) and of the speech (BANDS).

    The floor is the quietest twentieth of all frames: of more, it would tell how somebody pauses.
    """
    power = _powers(samples)
    loudness = power.sum(axis=1)
    floor = power[loudness <= np.quantile(loudness, FLOOR_SHARE)].mean(axis=0)
    speech = np.mean([_powers(window.samples).mean(axis=0) for window in windows], axis=0)
    levels = _db(np.array([speech.sum(), floor.sum()]))
    return (*levels.tolist(), *_spectrum(floor, FLOOR_BANDS), *_spectrum(speech, BANDS))


def _spectrum(power: NDArray[np.float64], bands: int) -> list[float]:
    spectrum = _db(np.array([band.mean() for band in np.array_split(power[1:], bands)]))
    centred: list[float] = (spectrum - spectrum.mean()).tolist()
    return centred


def _db(power: NDArray[np.float64]) -> NDArray[np.float64]:
    decibels: NDArray[np.float64] = 10 * np.log10(power + 1e-9)
    return decibels


def _powers(samples: Samples) -> NDArray[np.float64]:
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[:: _FRAME // 2]
    spectra: NDArray[np.float64] = np.abs(np.fft.rfft(frames * np.hanning(_FRAME), axis=1)) ** 2
    return spectra
