"""How regular the voice is: noise between the harmonics; period and loudness from one cycle to the next.

Methods: Boersma 1993 (see `pitch`) for the noise; for the cycles the waveform matching of I. Titze and
H. Liang, Comparison of F0 extraction methods for high-precision voice perturbation measurements, JSHR 36,
1993, with the limits that Praat's manual gives ("Sound & Pitch: To PointProcess (cc)", "Voice 2. Jitter",
"Voice 3. Shimmer"). Both are meant for sustained vowels; running speech gives higher values, and so does a
telephone line.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.voice.dsp.frames import hop_samples

Track = NDArray[np.float64]

_MOST_PERIODICITY: Final = 1 - 1e-6  # 60 dB: beyond it the rounding of the samples is measured
_SHORTEST_S, _LONGEST_S = 0.0001, 0.02  # periods; anything else is a gap between stretches of voice
_MOST_PERIOD_RATIO: Final = 1.3
_MOST_AMPLITUDE_RATIO: Final = 1.6

_NEAREST, _FARTHEST = 0.8, 1.25  # of a period: where the next pulse is looked for
_LEAST_LIKENESS: Final = 0.3  # of neighbouring cycles, inside a stretch of voice
_EDGE_LIKENESS: Final = 0.7  # of one more cycle beyond its edge
_LEAST_LOUDNESS: Final = 0.01  # of the recording's peak


def hnr_track(periodicity: Track) -> Track:
    """Harmonics-to-noise ratio in dB from a pitch track's periodicity r: 10 log10(r / (1 - r))."""
    part = np.clip(periodicity, 1 - _MOST_PERIODICITY, _MOST_PERIODICITY)
    decibels: Track = 10 * np.log10(part / (1 - part))
    return decibels


def pulses(samples: NDArray[np.floating], rate: int, f0: Track) -> Track:
    """When the vocal folds close, in seconds, ascending: one time a cycle of each voiced stretch of `f0`.

    `f0` is a pitch track in Hz on the common grid. A stretch's first pulse is its middle's extreme; from
    there each next one, to both sides, is where the waveform is most like that around the one before.
    """
    level = np.asarray(samples, np.float64)
    level = level - level.mean()
    found: list[float] = []
    for stretch in _stretches(level, rate, f0):
        middle = stretch.middle_extreme()
        cycle = [*sorted(stretch.walk(middle, -1)), middle, *stretch.walk(middle, 1)]
        last = found[-1] if found else -np.inf
        found += [at for at in cycle if at - last > _NEAREST * stretch.period(at)]
    return np.array(found)


def jitter(times: Track) -> float | None:
    """Local jitter: mean difference of neighbouring periods over the mean period; None without any.

    `times` are those of `pulses`. Periods that differ by more than a factor of 1.3 are no neighbours.
    """
    periods = np.diff(times)
    usable = (periods >= _SHORTEST_S) & (periods <= _LONGEST_S)
    paired = usable[1:] & usable[:-1] & _alike(periods[1:], periods[:-1], _MOST_PERIOD_RATIO)
    if not paired.any():
        return None
    counted = np.append(paired, False) | np.append(False, paired)
    return float(np.abs(np.diff(periods))[paired].mean() / periods[counted].mean())


def shimmer(samples: NDArray[np.floating], rate: int, times: Track) -> float | None:
    """Local shimmer: mean difference of neighbouring cycles' amplitudes over the mean amplitude; None without
    any. Amplitudes that differ by more than a factor of 1.6 are no neighbours.
    """
    periods = np.diff(times)
    usable = (periods >= _SHORTEST_S) & (periods <= _LONGEST_S)
    inner = usable[1:] & usable[:-1] & _alike(periods[1:], periods[:-1], _MOST_PERIOD_RATIO)
    at = np.flatnonzero(inner) + 1
    level = np.asarray(samples, np.float64)
    amplitudes = np.array([_amplitude(level, rate, times[i - 1], times[i], times[i + 1]) for i in at])
    gaps = np.diff(times[at])
    paired = (gaps <= _LONGEST_S) & _alike(amplitudes[1:], amplitudes[:-1], _MOST_AMPLITUDE_RATIO)
    if not paired.any():
        return None
    return float(np.abs(np.diff(amplitudes))[paired].mean() / amplitudes[:-1].mean())


def _alike(a: Track, b: Track, most: float) -> NDArray[np.bool_]:
    return np.maximum(a, b) <= most * np.minimum(a, b)


def _amplitude(level: Track, rate: int, before: float, at: float, after: float) -> float:
    """Root mean square under a Hann window that reaches a fifth of a period to each side of the pulse."""
    left, right = 0.2 * (at - before), 0.2 * (after - at)
    index = np.arange(max(int(np.ceil((at - left) * rate)), 0), int((at + right) * rate) + 1)
    index = index[index < len(level)]
    if not len(index):
        return 0.0
    offset = index / rate - at
    window = 0.5 + 0.5 * np.cos(np.pi * offset / np.where(offset < 0, left, right))
    return float(np.sqrt(np.sum((level[index] * window) ** 2) / np.sum(window**2)))


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A voiced stretch between two frames' edges, with all it takes to walk along its cycles."""

    level: Track
    squares: Track  # running sum of the samples' squares, one longer than `level`
    loudest: float
    rate: int
    times: Track  # of the voiced frames
    f0: Track

    @property
    def edges(self) -> tuple[float, float]:
        half_hop = hop_samples(self.rate) / self.rate / 2
        return float(self.times[0] - half_hop), float(self.times[-1] + half_hop)

    def period(self, at: float) -> float:
        return 1 / float(np.interp(at, self.times, self.f0))

    def middle_extreme(self) -> float:
        start, end = self.edges
        half = self.period((start + end) / 2) / 2
        first = max(round(((start + end) / 2 - half) * self.rate), 0)
        last = round(((start + end) / 2 + half) * self.rate)
        return (first + int(np.abs(self.level[first : last + 1]).argmax())) / self.rate

    def neighbour(self, at: float, direction: int) -> tuple[float, float]:
        """The next pulse after (1) or before (-1) the one `at`, and how alike their cycles are, -1 to 1."""
        period = self.period(at) * self.rate
        width = max(round(period), 3)
        left = round(at * self.rate) - width // 2
        reach = sorted((direction * round(_NEAREST * period), direction * round(_FARTHEST * period)))
        first, last = left + reach[0] - 1, left + reach[1] + 1
        if min(first, left) < 0 or max(last, left) + width > len(self.level):
            return at + direction / self.rate * period, -1.0
        template = self.level[left : left + width]
        products = np.correlate(self.level[first : last + width], template, "valid")
        energies = self.squares[first + width : last + width + 1] - self.squares[first : last + 1]
        likeness = products / np.sqrt(np.maximum(energies * (template @ template), 1e-20))
        best = int(likeness[1:-1].argmax()) + 1
        shift, height = _vertex(*likeness[best - 1 : best + 2].tolist())
        return at + (first + best + shift - left) / self.rate, height

    def heard(self, at: float) -> bool:
        """Whether the cycle around it stands out of the recording's silence."""
        half = round(self.period(at) * self.rate / 2)
        middle = round(at * self.rate)
        cycle = np.abs(self.level[max(middle - half, 0) : middle + half + 1])
        return bool(cycle.size and cycle.max() > _LEAST_LOUDNESS * self.loudest)

    def walk(self, at: float, direction: int) -> Iterator[float]:
        """The pulses from the one `at`, itself left out, to the stretch's edge and at most one beyond it."""
        start, end = self.edges
        while True:
            at, likeness = self.neighbour(at, direction)
            if not start <= at <= end:
                if likeness > _EDGE_LIKENESS and self.heard(at):
                    yield at
                return
            if likeness > _LEAST_LIKENESS and self.heard(at):
                yield at


def _stretches(level: Track, rate: int, f0: Track) -> Iterator[_Stretch]:
    squares = np.concatenate([[0.0], np.cumsum(level**2)])
    loudest = float(np.abs(level).max())
    times = np.arange(len(f0), dtype=np.float64) * (hop_samples(rate) / rate)
    voiced = np.concatenate([[False], ~np.isnan(f0), [False]])
    changes = np.flatnonzero(np.diff(voiced))
    for first, end in zip(changes[::2], changes[1::2], strict=True):
        yield _Stretch(level, squares, loudest, rate, times[first:end], f0[first:end])


def _vertex(left: float, middle: float, right: float) -> tuple[float, float]:
    """Where between -1 and 1 the parabola through three neighbours is highest, and how high."""
    bend = 2 * middle - left - right
    if bend <= 0:
        return 0.0, middle
    shift = min(max((right - left) / 2 / bend, -1.0), 1.0)
    return shift, middle + (right - left) / 4 * shift
