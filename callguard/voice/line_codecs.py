"""Codecs of telephone networks other than G.711: a voice through one of them and back.

FFmpeg's come with PyAV; which ones depends on its build: the wheels have none for Speex. GSM's comes with
soundfile. A codec that isn't there is an AudioError.
"""

import io
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cache
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from callguard.domain.audio import SAMPLE_RATE
from callguard.errors import AudioError
from callguard.voice.codecs import from_pcm, to_pcm
from callguard.voice.resampling import resample


class Codec(StrEnum):
    """What carries a call, or a message, on part of its way."""

    GSM = "gsm"
    AMR = "amr"
    G726 = "g726"
    G723_1 = "g723.1"
    OPUS = "opus"
    SPEEX = "speex"
    MP3 = "mp3"


@dataclass(frozen=True, slots=True, order=True)
class Coding:
    """A codec at a bit rate (bit/s)."""

    codec: Codec
    bit_rate: int


@dataclass(frozen=True, slots=True)
class _Encoder:
    name: str
    container: str
    bit_rates: tuple[int, ...]
    planar: bool = False


_ENCODERS: Final = {
    Codec.AMR: _Encoder("libopencore_amrnb", "wav", (4750, 7950, 12_200)),
    Codec.G726: _Encoder("g726", "wav", (16_000, 24_000, 32_000, 40_000)),
    Codec.G723_1: _Encoder("g723_1", "wav", (6300,)),
    Codec.OPUS: _Encoder("libopus", "matroska", (6000, 12_000, 24_000)),
    Codec.SPEEX: _Encoder("libspeex", "ogg", (4000, 8000, 15_000)),
    Codec.MP3: _Encoder("libmp3lame", "matroska", (8000, 16_000, 32_000), planar=True),
}
_GSM: Final = Coding(Codec.GSM, 13_000)
_PACKET: Final = 240  # samples, where a codec takes any number


@cache
def available() -> frozenset[Coding]:
    """The codings that this installation has."""
    codings = {Coding(codec, rate) for codec, encoder in _ENCODERS.items() for rate in encoder.bit_rates}
    return frozenset(coding for coding in {_GSM, *codings} if _is_there(coding.codec))


def coded(samples: NDArray[np.float32], coding: Coding) -> NDArray[np.float32]:
    """8 kHz samples through a codec and back, as many as they were; late by 8 ms at most.

    Raises AudioError (CODEC_MISSING) where this installation lacks the codec.
    """
    if not _is_there(coding.codec):
        raise AudioError(
            f"This installation has no encoder for {coding.codec}. Install soundfile for GSM, for others a "
            "PyAV whose FFmpeg has it.",
            code="CODEC_MISSING",
        )
    if not len(samples):
        return samples
    pcm = to_pcm(samples)
    heard = _gsm(pcm) if coding.codec is Codec.GSM else _through_ffmpeg(pcm, coding)
    return np.pad(heard, (0, max(0, len(samples) - len(heard))))[: len(samples)]


def _is_there(codec: Codec) -> bool:
    if codec is Codec.GSM:
        try:
            import soundfile  # noqa: F401, PLC0415  # for training and tests alone
        except ImportError:
            return False
        return True
    return _ENCODERS[codec].name in av.codecs_available


def _gsm(pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    import soundfile  # noqa: PLC0415  # for training and tests alone

    file = io.BytesIO()
    soundfile.write(file, pcm, SAMPLE_RATE, format="WAV", subtype="GSM610")
    file.seek(0)
    heard: NDArray[np.float32] = soundfile.read(file, dtype="float32")[0]
    return heard


def _through_ffmpeg(pcm: NDArray[np.int16], coding: Coding) -> NDArray[np.float32]:
    encoder = _ENCODERS[coding.codec]
    file = io.BytesIO()
    with av.open(file, "w", format=encoder.container) as container:
        stream: Any = container.add_stream(encoder.name, rate=SAMPLE_RATE)
        stream.layout, stream.format = "mono", "s16p" if encoder.planar else "s16"
        stream.bit_rate = coding.bit_rate
        stream.codec_context.open()
        size = stream.codec_context.frame_size or _PACKET
        packets = np.pad(pcm, (0, -len(pcm) % size)).reshape(-1, 1, size)
        for at, packet in enumerate(packets):
            frame = av.AudioFrame.from_ndarray(packet, stream.format.name, "mono")
            frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, at * size, Fraction(1, SAMPLE_RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as heard_back:
        frames = list(heard_back.decode(audio=0))
    heard = np.concatenate([frame.to_ndarray()[0] for frame in frames] or [np.empty(0, np.int16)])
    samples = from_pcm(heard) if heard.dtype == np.int16 else heard.astype(np.float32)
    return resample(samples, frames[0].sample_rate, SAMPLE_RATE) if frames else samples
