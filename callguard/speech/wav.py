"""WAV as the telephone line carries it.

WAV is RIFF with a `fmt ` and a `data` chunk (IBM and Microsoft, Multimedia Programming Interface 1.0, 1991).
The standard library's reader knows PCM only, so the few lines that read the container are here.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.domain.audio import SAMPLE_RATE, mulaw_decode, mulaw_encode
from callguard.errors import AudioError
from callguard.voice.codecs import alaw_decode
from callguard.voice.resampling import resample

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_TO_THE_END: Final = 0xFFFFFFFF  # the size that a writer leaves when it can't seek back, as into a pipe


def telephone_audio(content: bytes) -> bytes:
    """A WAV file's content as mu-law bytes, 8 kHz, one channel: channels mixed down, any rate resampled.

    Takes PCM of 8, 16, 24 or 32 bits, float of 32 or 64, mu-law and A-law. Raises AudioError with the code
    AUDIO_NOT_WAV, AUDIO_UNSUPPORTED, AUDIO_TRUNCATED or AUDIO_EMPTY.
    """
    wav = _parse(content)
    if (wav.encoding, wav.channels, wav.rate) == (_MULAW, 1, SAMPLE_RATE):
        return wav.data
    resampled = resample(_mono(wav), wav.rate, SAMPLE_RATE)
    return mulaw_encode(np.rint(np.clip(resampled, -1, 1) * 32767).astype(np.int16))


def samples(content: bytes) -> tuple[NDArray[np.float64], int]:
    """Its samples, mixed down, full scale 1.0, and their rate in Hz. Errors: see `telephone_audio`."""
    wav = _parse(content)
    return _mono(wav), wav.rate


@dataclass(frozen=True, slots=True)
class _Wav:
    encoding: int
    channels: int
    rate: int
    bits: int
    data: bytes


def _parse(content: bytes) -> _Wav:
    if len(content) < 12 or content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise AudioError(
            "The recording is not a WAV file. Convert it first, for example with ffmpeg.",
            code="AUDIO_NOT_WAV",
        )
    header: tuple[int, ...] | None = None
    for name, size, body in _chunks(content):
        if name == b"fmt ":
            if len(body) < 16:
                raise _truncated()
            header = struct.unpack_from("<HHIIHH", body)
            if header[0] == _EXTENSIBLE and len(body) >= 26:
                header = (*struct.unpack_from("<H", body, 24), *header[1:])
        elif name == b"data":
            if header is None:
                break
            return _checked(header, body, truncated=len(body) < size != _TO_THE_END)
    raise _truncated()


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """Name, declared size and what is there of each chunk."""
    at = 12
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        yield name, size, content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2  # chunks begin at even places


def _checked(header: tuple[int, ...], data: bytes, *, truncated: bool) -> _Wav:
    encoding, channels, rate, _bytes_a_second, _block, bits = header
    known = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64), _ALAW: (8,), _MULAW: (8,)}
    if bits not in known.get(encoding, ()) or not 1 <= channels <= 64 or not 1000 <= rate <= 384_000:
        raise AudioError(
            "The recording's encoding is not supported. Use PCM, float, mu-law or A-law at 1 to 384 kHz.",
            code="AUDIO_UNSUPPORTED",
        )
    if truncated:
        raise _truncated()
    frame = channels * bits // 8
    whole = data[: len(data) // frame * frame]
    if not whole:
        raise AudioError("The recording holds no sound. Choose one that does.", code="AUDIO_EMPTY")
    return _Wav(encoding, channels, rate, bits, whole)


def _truncated() -> AudioError:
    return AudioError("The recording breaks off early. Copy or convert it again.", code="AUDIO_TRUNCATED")


def _mono(wav: _Wav) -> NDArray[np.float64]:
    mixed: NDArray[np.float64] = _full_scale(wav).reshape(-1, wav.channels).mean(axis=1)
    return mixed


def _full_scale(wav: _Wav) -> NDArray[np.float64]:
    """Samples of all channels in turn, full scale 1.0."""
    if wav.encoding == _MULAW:
        return mulaw_decode(wav.data) / 32768
    if wav.encoding == _ALAW:
        return alaw_decode(wav.data) / 32768
    if wav.encoding == _FLOAT:
        return np.nan_to_num(np.frombuffer(wav.data, f"<f{wav.bits // 8}").astype(np.float64))
    if wav.bits == 8:
        return (np.frombuffer(wav.data, np.uint8).astype(np.float64) - 128) / 128
    if wav.bits == 24:
        wide = np.zeros((len(wav.data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(wav.data, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0] / 2.0**31
    return np.frombuffer(wav.data, f"<i{wav.bits // 8}") / 2.0 ** (wav.bits - 1)
