"""How each clip is heard: by a clear line, with its noise floor masked, and by telephone lines as they come.

A view of a clip is the same whenever it is made: its chances come from the clip's name and the view's number.
"""

import zlib
from typing import Final

import numpy as np

from callguard.voice.deepfake.features import SAMPLES
from training.voice import channel
from training.voice.channel import CODECS
from training.voice.corpora import Clip, Samples, at_level

PLAIN: Final = 0
MASKED: Final = 1
LEARNT: Final = (0, 1, 2)
"""Plain, masked, and a telephone line as it comes, noisy half of the time."""
BY_CODEC: Final = {codec: 10 + number for number, codec in enumerate(CODECS)}
"""For the figures alone."""
BY_SECONDS: Final = {2: 20, 3: 21}
"""Plain, the first so many seconds; for the figures alone."""


def view(clip: Clip, samples: Samples, number: int) -> Samples:
    """At most 4 s of the clip at 8 kHz; the first 4 s but for the telephone line that is learnt."""
    chance = np.random.default_rng([zlib.crc32(clip.name.encode()), number])
    first = samples[:SAMPLES]
    if number == PLAIN:
        return channel.plain(first)
    if number == MASKED:
        return at_level(channel.mulaw(channel.masked(at_level(first), chance)))
    for codec, here in BY_CODEC.items():
        if number == here:
            return at_level(channel.mulaw(channel.coded(at_level(first), codec)))
    for seconds, here in BY_SECONDS.items():
        if number == here:
            return channel.plain(first[: seconds * channel.RATE])
    start = int(chance.integers(0, max(1, len(samples) - SAMPLES + 1)))
    part = samples[start : start + SAMPLES]
    return channel.telephone(part, chance, mask=bool(chance.random() < 0.5))
