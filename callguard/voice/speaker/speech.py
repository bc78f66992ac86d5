"""The speech in a recording, and how clean it is."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import webrtcvad
from numpy.typing import NDArray

RATE: Final = 8000

Samples = NDArray[np.float32]
"""Float32 mono [n] at 8000 Hz."""

_FRAME: Final = 160  # 20 ms
_AGGRESSIVENESS: Final = 2
_LEVEL: Final = 10 ** (-26 / 20)  # at which the detector hears quiet and loud recordings alike
_SMOOTHED: Final = 9
_KEPT_AROUND: Final = 3
_CLIPPED_AT: Final = 0.999  # of the recording's peak
_STEADY_DB: Final = 2.0
"""Spoken syllables rise and fall by more, from frame to frame; tones and noise don't."""


@dataclass(frozen=True, slots=True)
class Speech:
    """`samples` float32 [n] at 8000 Hz, the spoken stretches alone; `cleanness_db`: how far they stand
    above what is between them; `clipped`: the share of samples at the recording's peak; `steady`: no voice
    rises and falls so little.
    """

    samples: NDArray[np.float32]
    cleanness_db: float
    clipped: float
    steady: bool

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


def clean(samples: Samples) -> Samples:
    """The same between -1 and 1; what is no number is silence."""
    return np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0).clip(-1, 1)


def speech_of(samples: NDArray[np.float32]) -> Speech:
    """What is spoken in float32 samples [n] at 8000 Hz."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    if not power.any():
        return Speech(np.zeros(0, np.float32), 0.0, 0.0, steady=False)
    mask = speech_mask(samples)
    spoken = mask[::_FRAME]
    return Speech(
        samples[: len(mask)][mask], _cleanness_db(power, spoken), _clipped(samples), _is_steady(power[spoken])
    )


def speech_mask(samples: NDArray[np.float32]) -> NDArray[np.bool_]:
    """[n // 160 * 160]: which of float32 samples [n] at 8000 Hz are spoken."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    level = float(np.sqrt(np.mean(np.square(frames, dtype=np.float64)))) if len(frames) else 0.0
    return np.repeat(_spoken(frames * np.float32(_LEVEL / max(level, 1e-9))), _FRAME)


def _spoken(frames: NDArray[np.float32]) -> NDArray[np.bool_]:
    """[frames]: where most frames around one are voice, and a little before and after."""
    detector = webrtcvad.Vad(_AGGRESSIVENESS)
    pcm = (np.clip(frames, -1, 1) * 32767).astype("<i2")
    voice = np.array([detector.is_speech(frame.tobytes(), RATE) for frame in pcm], np.float64)
    mostly = np.convolve(voice, np.ones(_SMOOTHED) / _SMOOTHED)[_SMOOTHED // 2 :][: len(voice)] > 0.4
    around = np.convolve(mostly, np.ones(2 * _KEPT_AROUND + 1))[_KEPT_AROUND:][: len(voice)]
    return around > 0.5


def _cleanness_db(power: NDArray[np.float64], spoken: NDArray[np.bool_]) -> float:
    if not spoken.any():
        return 0.0
    floor = float(np.percentile(power, 5)) + 1e-10  # the quietest moments, also where there is no pause
    return float(10 * np.log10(max(power[spoken].mean() / floor, 1)))


def _clipped(samples: NDArray[np.float32]) -> float:
    loud = np.abs(samples)
    return float(np.mean(loud >= _CLIPPED_AT * loud.max()))


def _is_steady(power: NDArray[np.float64]) -> bool:
    return len(power) > 0 and float(np.std(10 * np.log10(power + 1e-12))) < _STEADY_DB
