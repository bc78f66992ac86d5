"""A telephone line, drawn at random: band, level, noise, lost packets, clipping, mu-law at the end."""

import zlib
from typing import Final

import numpy as np
from scipy.signal import butter, sosfilt

from callguard.domain.audio import mulaw_decode, mulaw_encode
from callguard.voice.speaker.speech import RATE
from training.speaker.clips import Sound, levelled

CHANNELS: Final = ("plain", "phone-1", "phone-2", "phone-3")
_PACKET: Final = 160


def through(sound: Sound, channel: str, key: str) -> Sound:
    """The sound after a channel; the same `key` gives the same line. As long as before."""
    if channel == "plain":
        return mulaw(sound)
    return line(sound, np.random.default_rng(zlib.crc32(f"{key} {channel}".encode())))


def line(sound: Sound, rng: np.random.Generator) -> Sound:
    """Band 180-350 to 3000-3700 Hz, 12-35 dB over white or low noise, 3 % of packets lost on four lines of
    ten, clipped on three of ten.
    """
    band = butter(4, [rng.uniform(180, 350), rng.uniform(3000, 3700)], "band", fs=RATE, output="sos")
    passed = levelled(sosfilt(band, sound).astype(np.float32), 10 ** (rng.uniform(-32, -14) / 20))
    noise = rng.standard_normal(len(passed))
    if rng.random() < 0.6:
        noise = sosfilt(butter(1, rng.uniform(300, 1500), "low", fs=RATE, output="sos"), noise)
    level = float(np.sqrt(np.mean(passed**2))) * 10 ** (-rng.uniform(12, 35) / 20)
    noisy = passed + levelled(noise.astype(np.float32), level)
    if rng.random() < 0.4:
        packets = noisy[: len(noisy) // _PACKET * _PACKET].reshape(-1, _PACKET)
        packets[rng.random(len(packets)) < 0.03] = 0
    if rng.random() < 0.3:
        noisy = np.clip(noisy * rng.uniform(2, 5), -0.9, 0.9)
    return mulaw(noisy)


def mulaw(sound: Sound) -> Sound:
    """Through G.711 and back."""
    pcm = np.rint(np.clip(sound, -1, 1) * 32767).astype(np.int16)
    return (mulaw_decode(mulaw_encode(pcm)) / 32768).astype(np.float32)
