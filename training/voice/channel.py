"""What a telephone does to a voice: the same chances for people and for engines.

Band limits and a handset's tilt, level, clipping, noise, a codec, lost packets, and mu-law last. `masked` puts
noise of the telephone band 10 to 20 dB under the speech, on both classes: then no engine is told by the
silence behind it.
"""

import io
from fractions import Fraction
from typing import Final

import av
import numpy as np
import soundfile
from numpy.random import Generator
from scipy.signal import butter, lfilter, sosfilt

from callguard.domain.audio import mulaw_decode, mulaw_encode
from training.voice.corpora import FRAME, RATE, Samples, at_level

CODECS: Final = ("gsm", "g726", "g723", "opus", "mp3", "alaw", "amr")
MASKED_DB: Final = (10.0, 20.0)


def mulaw(samples: Samples) -> Samples:
    """Once through G.711."""
    pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
    return mulaw_decode(mulaw_encode(pcm)).astype(np.float32) / 32768


def _through_file(samples: Samples, kind: str, subtype: str, compression: float | None = None) -> Samples:
    memory = io.BytesIO()
    options = {"compression_level": compression} if compression is not None else {}
    soundfile.write(memory, samples, RATE, format=kind, subtype=subtype, **options)
    memory.seek(0)
    decoded, _ = soundfile.read(memory, dtype="float32")
    return decoded


def _through_codec(samples: Samples, name: str, bit_rate: int) -> Samples:
    """Encoded and decoded packet by packet by FFmpeg's `name`."""
    encoder = av.CodecContext.create(name, "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "s16"
    encoder.bit_rate, encoder.time_base = bit_rate, Fraction(1, RATE)
    encoder.open()
    decoder = av.CodecContext.create(name, "r")
    decoder.sample_rate, decoder.layout = RATE, "mono"
    if encoder.extradata:
        decoder.extradata = encoder.extradata
    size = encoder.frame_size or FRAME
    pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
    pcm = np.pad(pcm, (0, -len(pcm) % size))
    pieces = []
    for start in range(0, len(pcm), size):
        frame = av.AudioFrame.from_ndarray(pcm[None, start : start + size], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, start
        for packet in encoder.encode(frame):
            pieces += [decoded.to_ndarray().reshape(-1) for decoded in decoder.decode(packet)]
    joined = np.concatenate(pieces)
    scale = 32768.0 if joined.dtype == np.int16 else 1.0
    return (joined / scale).astype(np.float32)


def coded(samples: Samples, codec: str) -> Samples:
    """Through `codec` and back, as long as before."""
    if codec == "gsm":
        out = _through_file(samples, "WAV", "GSM610")
    elif codec == "g726":
        out = _through_file(samples, "AU", "G721_32")
    elif codec == "alaw":
        out = _through_file(samples, "WAV", "ALAW")
    elif codec == "opus":
        out = _through_file(samples, "OGG", "OPUS", 0.95)
    elif codec == "mp3":
        out = _through_file(samples, "MP3", "MPEG_LAYER_III", 0.9)
    elif codec == "amr":
        out = _through_codec(samples, "libopencore_amrnb", 7950)
    else:
        out = _through_codec(samples, "g723_1", 6300)
    return np.pad(out, (0, max(0, len(samples) - len(out))))[: len(samples)].astype(np.float32)


def noise(length: int, chance: Generator) -> Samples:
    """White to brown noise of the telephone band at unit power, as fans, rooms and lines have it."""
    slope = chance.uniform(0.0, 0.95)
    rough = lfilter([1.0], [1.0, -slope], chance.standard_normal(length + 400))
    low, high = chance.uniform(60, 300), chance.uniform(3300, 3900)
    shaped = sosfilt(butter(2, [low, high], "bandpass", fs=RATE, output="sos"), rough)[400:]
    return (shaped / np.sqrt(np.mean(shaped**2) + 1e-12)).astype(np.float32)


def masked(samples: Samples, chance: Generator) -> Samples:
    """With noise 10 to 20 dB under it."""
    rms = np.sqrt(np.mean(samples**2))
    under = rms * 10 ** (-chance.uniform(*MASKED_DB) / 20)
    return (samples + under * noise(len(samples), chance)).astype(np.float32)


def _band(samples: Samples, chance: Generator) -> Samples:
    low, high = chance.uniform(60, 320), chance.uniform(3000, 3900)
    sections = butter(int(chance.integers(1, 4)), [low, high], "bandpass", fs=RATE, output="sos")
    tilt = chance.uniform(-0.4, 0.4)
    return lfilter([1.0, tilt], [1.0], sosfilt(sections, samples)).astype(np.float32)


def _lossy(samples: Samples, chance: Generator) -> Samples:
    """Up to 5 % of the packets lost: silent, or the last one again."""
    whole = len(samples) // FRAME
    frames = samples[: whole * FRAME].reshape(whole, FRAME).copy()
    repeated = chance.random() < 0.5
    for lost in np.flatnonzero(chance.random(whole) < chance.uniform(0.005, 0.05)):
        frames[lost] = frames[lost - 1] * 0.7 if repeated and lost else 0.0
    return np.concatenate([frames.reshape(-1), samples[whole * FRAME :]])


def plain(samples: Samples) -> Samples:
    """The line at its best: mu-law alone."""
    return at_level(mulaw(at_level(samples)))


def telephone(samples: Samples, chance: Generator, *, mask: bool, codec: str | None = None) -> Samples:
    """A line as it comes. `mask` puts noise on it; `codec` is one of CODECS, or drawn half of the time."""
    heard = at_level(samples)
    if chance.random() < 0.6:
        heard = at_level(_band(heard, chance))
    heard = heard * 10 ** (chance.uniform(-10, 6) / 20)
    if chance.random() < 0.1:
        top = np.quantile(np.abs(heard), chance.uniform(0.97, 0.999))
        heard = np.clip(heard, -top, top)
    if mask:
        heard = masked(heard, chance)
    if codec is None and chance.random() < 0.5:
        codec = str(chance.choice(CODECS))
    if codec is not None:
        heard = coded(heard, codec)
    if chance.random() < 0.15:
        heard = _lossy(heard, chance)
    return at_level(mulaw(heard))
