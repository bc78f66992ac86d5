"""A recording made fit to be judged, as far as that can be done: which steps it takes, and the result.

The result is mono, at 8 or 16 kHz unless it was recorded at less. What was never recorded, was clipped, or
lies under noise stays so.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.domain.audio import SAMPLE_RATE
from callguard.voice.levels import NOMINAL_DBFS, gain
from callguard.voice.resampling import Resampler
from callguard.voice.validation import LOUD_DBFS, OFFSET, QUIET_DBFS, WIDE_RATE, Measured, findings

_HIGHEST_PEAK_DBFS: Final = -1.0
_LEFT_S: Final = 0.5  # of silence, at either end
_WORTH_CUTTING_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Mending:
    """How the mended file comes out of the first one, and that in words. end_s: None up to its end."""

    rate: int
    offset: float
    gain_db: float
    begin_s: float
    end_s: float | None
    steps: tuple[str, ...]


def mending(of: Measured) -> Mending | None:
    """What to do about a recording; None where nothing can be done, or need be."""
    wanting = of.facts.channels > 1 or any(finding.mendable for finding in findings(of))
    if not of.speech_s or not wanting:
        return None
    rate = next((rate for rate in (WIDE_RATE, SAMPLE_RATE) if of.facts.rate >= rate), of.facts.rate)
    offset = of.levels.dc_offset if abs(of.levels.dc_offset) >= OFFSET else 0.0
    gain_db = _gain_db(of)
    begin_s, end_s = _kept(of)
    steps = (
        f"left out damaged parts ({of.damaged_packets})" if of.damaged_packets else "",
        f"replaced {of.not_numbers} samples that are no numbers with silence" if of.not_numbers else "",
        f"mixed {of.facts.channels} channels to one" if of.facts.channels > 1 else "",
        f"resampled from {of.facts.rate} to {rate} Hz" if rate != of.facts.rate else "",
        f"removed an offset of {offset:.1%}" if offset else "",
        f"changed the level by {gain_db:+.1f} dB" if gain_db else "",
        f"cut {begin_s:.1f} s off its beginning" if begin_s else "",
        f"cut {of.duration_s - end_s:.1f} s off its end" if end_s is not None else "",
        f"wrote {of.facts.container} as WAV" if of.facts.container != "wav" else "",
    )
    done = tuple(step for step in steps if step) or ("wrote what there is as a whole WAV file",)
    return Mending(rate, offset, gain_db, begin_s, end_s, done)


def mended(blocks: Iterable[NDArray[np.float32]], rate: int, how: Mending) -> Iterator[NDArray[np.float32]]:
    """The mended recording, mono, of a file's blocks (frames x channels) at its own rate (Hz)."""
    first, last = round(how.begin_s * rate), None if how.end_s is None else round(how.end_s * rate)
    resampler = Resampler(rate, how.rate, np.dtype(np.float32))
    at = 0
    for block in blocks:
        kept = block[max(0, first - at) : None if last is None else max(0, last - at)]
        at += len(block)
        yield resampler.feed(gain(kept.mean(axis=1) - np.float32(how.offset), how.gain_db))
    yield resampler.flush()


def _gain_db(of: Measured) -> float:
    """To the level of a telephone line, but no further than the peak allows."""
    active = of.levels.active_dbfs
    if active is None or QUIET_DBFS <= active <= LOUD_DBFS:
        return 0.0
    if active > LOUD_DBFS:
        return NOMINAL_DBFS - active
    return max(0.0, min(NOMINAL_DBFS - active, _HIGHEST_PEAK_DBFS - of.levels.peak_dbfs))


def _kept(of: Measured) -> tuple[float, float | None]:
    """From shortly before the first speech to shortly after the last."""
    begins, ends = of.speech_span_s or (0.0, of.duration_s)
    cut = max(0.0, begins - _LEFT_S), min(of.duration_s, ends + _LEFT_S)
    return (
        cut[0] if cut[0] >= _WORTH_CUTTING_S else 0.0,
        cut[1] if of.duration_s - cut[1] >= _WORTH_CUTTING_S else None,
    )
