"""How loud a recording is, and how clean: levels in dBFS, of samples between -1 and 1.

0 dBFS is a constant at full scale: a sine at full scale has -3.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

NOMINAL_DBFS: Final = -26.0
"""The active level of speech on a telephone line (ITU-T G.100)."""

QUIETEST_DBFS: Final = -120.0
"""What digital silence is told as."""

_BLOCK_S: Final = 0.005
_SMOOTHING_S: Final = 0.03  # P.56's time constant, applied twice
_FORM: Final = 0.8  # mean absolute value of speech against its RMS
_HANGOVER_S: Final = 0.2
_MARGIN_DB: Final = 15.9
_FRAME_BLOCKS: Final = 4  # 20 ms, for the noise floor and silence
_NOISE_SHARE: Final = 0.1
_SILENCE_DBFS: Final = -60.0
_SIZES: Final = 32768
_LOWEST_PEAK: Final = 100
_FEWEST: Final = 10  # samples that make a pile
_PILE: Final = 10  # times as many at the peak as just below it; a sine has 6


@dataclass(frozen=True, slots=True)
class Levels:
    """Measures of a recording; shares are 0 to 1. Levels are without the offset.

    active_dbfs: of speech without its pauses, ITU-T P.56 method B; None below about -75 dBFS.
    noise_dbfs: the level below which the quietest tenth of its frames (20 ms) lie.
    snr_db: active level against noise floor. Where speech has no pauses, it is higher than this says.
    clipped_share: samples cut off at the peak: see ClippingMeter.
    dc_offset: the mean, as a share of full scale.
    silence_share: frames below -60 dBFS.
    """

    peak_dbfs: float
    rms_dbfs: float
    active_dbfs: float | None
    noise_dbfs: float
    snr_db: float | None
    clipped_share: float
    dc_offset: float
    silence_share: float


def levels(samples: NDArray[np.float32], rate: int) -> Levels:
    """All measures of mono samples at `rate` (Hz)."""
    meter = LevelMeter(rate)
    meter.feed(samples)
    return meter.levels()


def gain(samples: NDArray[np.float32], db: float) -> NDArray[np.float32]:
    """The samples, louder by `db`. Not clipped."""
    return samples * np.float32(10 ** (db / 20))


def dbfs(power: float) -> float:
    """The level of a mean square."""
    return float(10 * np.log10(max(power, 10 ** (QUIETEST_DBFS / 10))))


class LevelMeter:
    """Measures a stream chunk by chunk, as the whole recording would be. It keeps 1.6 KB a second.

    Numbers only: samples that are none must be replaced first, see `codecs.bounded`.
    """

    def __init__(self, rate: int) -> None:
        self._block = max(1, round(rate * _BLOCK_S))
        self._step_s = self._block / rate
        self._rest = np.empty(0, np.float32)
        self._powers = [np.empty(0, np.float32)]  # of blocks
        self._means = [np.empty(0, np.float32)]
        self._count, self._sum, self._squares = 0, 0.0, 0.0
        self._lowest, self._highest = 0.0, 0.0
        self._clipping = ClippingMeter()

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Take the next mono samples."""
        self._count += len(samples)
        self._lowest = float(np.min(samples, initial=self._lowest))
        self._highest = float(np.max(samples, initial=self._highest))
        self._sum += float(samples.sum(dtype=np.float64))
        self._squares += float(np.einsum("i,i", samples, samples, dtype=np.float64))
        self._clipping.feed(samples)
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // self._block * self._block
        blocks, self._rest = samples[:whole].reshape(-1, self._block), samples[whole:].copy()
        self._powers.append(np.einsum("ij,ij->i", blocks, blocks) / np.float32(self._block))
        self._means.append(blocks.mean(axis=1))

    def levels(self) -> Levels:
        """The measures so far; of nothing, those of silence. Less than 5 ms at the end count only in part."""
        count = max(1, self._count)
        offset = self._sum / count
        power = max(0.0, self._squares / count - offset**2)
        means = np.concatenate(self._means)
        powers = np.maximum(0, np.concatenate(self._powers) - 2 * offset * means + offset**2)
        frames = (
            powers[: len(powers) // _FRAME_BLOCKS * _FRAME_BLOCKS].reshape(-1, _FRAME_BLOCKS).mean(axis=1)
        )
        noise = dbfs(float(np.quantile(frames, _NOISE_SHARE))) if len(frames) else QUIETEST_DBFS
        active = _active_dbfs(powers, self._step_s, power)
        return Levels(
            peak_dbfs=dbfs(max(self._highest - offset, offset - self._lowest) ** 2),
            rms_dbfs=dbfs(power),
            active_dbfs=active,
            noise_dbfs=noise,
            snr_db=None if active is None else max(0.0, active - noise),
            clipped_share=self._clipping.share,
            dc_offset=offset,
            silence_share=float(np.mean(frames < 10 ** (_SILENCE_DBFS / 10))) if len(frames) else 1.0,
        )


class ClippingMeter:
    """How much of a stream is clipped: samples that pile up at the peak, wherever the peak lies.

    Unclipped sound gets rarer towards its peak. Clipping is seen after a change of level and in mu-law too,
    not once noise was added or a codec has smoothed the tops. Steady tones look clipped where they have few
    values: in mu-law, and at divisors of the rate.
    """

    def __init__(self) -> None:
        self._sizes = np.zeros(_SIZES + 1, np.int64)  # how many samples have each absolute value

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Take the next samples of one channel."""
        sizes = (np.minimum(np.abs(samples), 1) * np.float32(_SIZES)).astype(np.int64)
        self._sizes += np.bincount(sizes, minlength=_SIZES + 1)

    @property
    def share(self) -> float:
        """Clipped samples, of all: 0 to 1. None are told below -50 dBFS."""
        peak = int(np.max(np.flatnonzero(self._sizes), initial=0))
        if peak < _LOWEST_PEAK:
            return 0.0
        top, below, near = (int(peak * part) for part in (0.995, 0.99, 0.9))
        piled = int(self._sizes[top:].sum())
        expected = self._sizes[near:below].mean() * (peak + 1 - top)
        return piled / int(self._sizes.sum()) if piled > max(_FEWEST, _PILE * expected) else 0.0


def _active_dbfs(powers: NDArray[np.floating], step_s: float, power: float) -> float | None:
    """P.56, method B, on a grid of 5 ms, from the power of each step and of all."""
    envelope = _smoothed(_FORM * np.sqrt(powers), step_s)
    hangover = round(_HANGOVER_S / step_s)
    thresholds = 2.0 ** np.arange(-15, 0)
    active = np.array([_held(envelope >= threshold, hangover) for threshold in thresholds])
    reached = active > 0
    levels = np.array([dbfs(power * len(powers) / steps) for steps in active[reached]])
    margins = levels - 20 * np.log10(thresholds[reached])
    if not len(margins) or margins[0] < _MARGIN_DB:
        return None
    return float(np.interp(_MARGIN_DB, margins[::-1], levels[::-1]))  # margins fall as thresholds rise


def _smoothed(sizes: NDArray[np.floating], step_s: float) -> NDArray[np.floating]:
    """Two exponential averages, one after the other, as one kernel."""
    decay = np.exp(-step_s / _SMOOTHING_S)
    steps = np.arange(round(12 * _SMOOTHING_S / step_s))
    kernel = (1 - decay) ** 2 * (steps + 1) * decay**steps
    return np.convolve(sizes, kernel)[: len(sizes)] if len(sizes) else np.empty(0)


def _held(above: NDArray[np.bool_], hangover: int) -> int:
    """How many steps are above a threshold, or were a hangover ago or less."""
    steps = np.arange(len(above), dtype=np.int32)
    last = np.maximum.accumulate(np.where(above, steps, np.int32(-hangover - 1)))
    return int(np.count_nonzero(steps - last <= hangover))
