"""How each clip is heard: by a clear line, with its noise floor masked, and by telephone lines as they come.

A view of a clip is the same whenever it is made: its chances come from the clip's name and the view's number.
Each is as long as the clip, 4 s at most.
"""

import zlib
from typing import Final

import numpy as np

from callguard.evaluation.voice_judging import under_noise
from callguard.voice.deepfake.features import SAMPLES
from callguard.voice.line_codecs import Codec, Coding
from callguard.voice.telephone import Line, any_line, companded, through
from training.voice.corpora import RATE, Clip, Samples, at_level

PLAIN: Final = 0
MASKED: Final = 1
TELEPHONE: Final = 2
LEARNT: Final = (PLAIN, MASKED, TELEPHONE)
_CODINGS: Final = (
    Coding(Codec.GSM, 13_000),
    Coding(Codec.AMR, 7950),
    Coding(Codec.G726, 32_000),
    Coding(Codec.G723_1, 6300),
    Coding(Codec.OPUS, 12_000),
    Coding(Codec.MP3, 16_000),
)
BY_CODEC: Final = dict(enumerate(_CODINGS, start=10))
"""For the figures alone."""
BY_SECONDS: Final = {20: 2, 21: 3}
"""Plain, the first so many seconds; for the figures alone."""


def view(clip: Clip, samples: Samples, number: int) -> Samples:
    """The first 4 s of the clip at LEVEL; where a telephone line as it comes is learnt, any 4 s of it."""
    chance = np.random.default_rng([zlib.crc32(clip.name.encode()), number])
    heard = at_level(samples[:SAMPLES])
    if number in BY_SECONDS:
        heard = heard[: BY_SECONDS[number] * RATE]
    if number == TELEPHONE:
        start = int(chance.integers(0, max(1, len(samples) - SAMPLES + 1)))
        return at_level(through(samples[start : start + SAMPLES], any_line(chance), chance))
    if number == MASKED:
        return at_level(under_noise(heard, chance))
    if number in BY_CODEC:
        return at_level(
            through(heard, Line(band_hz=None, level_dbfs=None, codings=(BY_CODEC[number],)), chance)
        )
    return at_level(companded(heard))
