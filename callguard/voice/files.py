"""Audio files of any kind, in pieces of bounded memory, and WAV files written.

FFmpeg's demuxers and decoders read (PyAV); only those of audio files are let at a file, and none may open
anything besides it: a playlist is no recording. Damage is counted, and what can be heard is read on.
"""

import os
import struct
import wave
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from callguard.domain.audio import SAMPLE_RATE
from callguard.errors import AudioError
from callguard.voice.codecs import bounded, to_pcm
from callguard.voice.resampling import Resampler

CONTAINERS: Final = MappingProxyType(
    {
        "aac": (".aac",),
        "aiff": (".aif", ".aiff", ".aifc"),
        "amr": (".amr", ".awb"),
        "ape": (".ape",),
        "asf": (".wma", ".asf", ".wmv"),
        "au": (".au", ".snd"),
        "avi": (".avi",),
        "caf": (".caf",),
        "flac": (".flac",),
        "matroska": (".mka", ".mkv", ".webm", ".weba"),
        "mov": (".m4a", ".mp4", ".m4b", ".mov", ".3gp", ".3g2"),
        "mp3": (".mp3",),
        "ogg": (".ogg", ".oga", ".opus", ".spx"),
        "voc": (".voc",),
        "w64": (".w64",),
        "wav": (".wav", ".wave", ".rf64"),
        "wv": (".wv",),
    }
)
"""What is read, and the extensions that such files go by."""

_OPTIONS: Final = {"format_whitelist": ",".join(CONTAINERS), "protocol_whitelist": "none"}
_RATES: Final = range(1000, 384_001)
_MOST_CHANNELS: Final = 64
_BLOCK_S: Final = 10.0
_MOST_SAMPLES: Final = 1 << 22  # in a block, of all channels
_UNKNOWN_SIZE: Final = 0x7FFFF000  # and above: what writers leave that can't seek back, as into a pipe
_HEAD, _TAIL = 65_536, 131_072
_OWNER_ALONE: Final = 0o600


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """What a file says of itself. declared_s: None where it tells no length, or only a guess.

    cut_off: it says that there is more of it than there is.
    """

    container: str
    encoding: str
    rate: int
    channels: int
    declared_s: float | None
    size_bytes: int
    cut_off: bool


class AudioFile:
    """An open file. After its blocks were read, what was wrong with them."""

    def __init__(self, container: InputContainer, facts: AudioFacts) -> None:
        self.facts = facts
        self.damaged_packets = 0
        self.not_numbers = 0
        self._container = container

    def blocks(self, seconds: float = _BLOCK_S) -> Iterator[NDArray[np.float32]]:
        """The file's samples, frames x channels, at its own rate, bounded to -1 to 1. They can be had once.

        A block is as long as asked, or of 4 million samples if that is less. Packets that are damaged, or of
        another rate or number of channels, are left out; samples that are no numbers become silence; both are
        counted.
        """
        size = max(1, min(round(seconds * self.facts.rate), _MOST_SAMPLES // self.facts.channels))
        pieces: list[NDArray[np.float32]] = []
        waiting = 0
        for piece in self._decoded():
            pieces.append(piece)
            waiting += len(piece)
            if waiting >= size:
                joined = np.concatenate(pieces)
                whole = waiting // size * size
                yield from np.split(joined[:whole], whole // size)
                pieces, waiting = [joined[whole:].copy()], waiting - whole
        if waiting:
            yield np.concatenate(pieces)

    def mono(self, rate: int = SAMPLE_RATE) -> Iterator[NDArray[np.float32]]:
        """The file's samples, mixed down and resampled, ten seconds at a time at most. See `blocks`."""
        resampler = Resampler(self.facts.rate, rate, np.dtype(np.float32))
        for block in self.blocks():
            yield resampler.feed(block.mean(axis=1))
        yield resampler.flush()

    def _decoded(self) -> Iterator[NDArray[np.float32]]:
        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self.damaged_packets += 1
                continue
            for frame in frames:
                if (frame.sample_rate, len(frame.layout.channels)) != (self.facts.rate, self.facts.channels):
                    self.damaged_packets += 1
                    continue
                samples = _full_scale(frame)
                self.not_numbers += samples.size - int(np.count_nonzero(np.isfinite(samples)))
                yield bounded(samples)

    def _packets(self) -> "Iterator[av.Packet[AudioStream]]":
        """Packets up to the end, or to where the file is torn."""
        packets = self._container.demux(audio=0)
        while True:
            try:
                yield next(packets)
            except StopIteration:
                return
            except av.FFmpegError:
                self.damaged_packets += 1
                return


@contextmanager
def opened(source: Path | BinaryIO) -> Iterator[AudioFile]:
    """The file, opened. Raises AudioError: AUDIO_NOT_FOUND, _EMPTY, _UNREADABLE or _UNSUPPORTED."""
    if not isinstance(source, Path):
        yield from _opened(source)
        return
    try:
        file = source.open("rb")
    except OSError:
        raise AudioError(
            "There is no such file, or it can't be opened. Look at its name and its permissions.",
            code="AUDIO_NOT_FOUND",
        ) from None
    with file:
        yield from _opened(file)


def read(source: Path | BinaryIO, rate: int = SAMPLE_RATE) -> tuple[NDArray[np.float32], AudioFacts]:
    """All of a file, mono, at a rate (Hz). Raises AudioError, AUDIO_EMPTY where it holds no sample."""
    with opened(source) as file:
        samples = np.concatenate(list(file.mono(rate)))
        if not len(samples):
            raise empty()
        return samples, file.facts


def write_wav(path: Path, rate: int, chunks: Iterable[NDArray[np.float32]]) -> None:
    """Mono samples as a new WAV file of 16 bits, for its owner's eyes; no file is ever overwritten.

    Raises AudioError, AUDIO_NOT_WRITTEN; then nothing of the file stays.
    """
    try:
        file = open(path, "xb", opener=lambda name, flags: os.open(name, flags, _OWNER_ALONE))  # noqa: SIM115  # below
    except OSError as error:
        exists = isinstance(error, FileExistsError)
        raise AudioError(
            "A file of the new one's name exists already, and none is overwritten. Move it away."
            if exists
            else "The new file can't be written. Look at the permissions of its folder.",
            code="AUDIO_NOT_WRITTEN",
        ) from None
    try:
        with file, wave.open(file, "wb") as written:
            written.setnchannels(1)
            written.setsampwidth(2)
            written.setframerate(rate)
            for chunk in chunks:
                written.writeframes(to_pcm(chunk).astype("<i2").tobytes())
    except BaseException:
        path.unlink()
        raise


def empty() -> AudioError:
    """A recording without a sample."""
    return AudioError("The recording holds no sound. Choose one that does.", code="AUDIO_EMPTY")


def _opened(file: BinaryIO) -> Iterator[AudioFile]:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if not size:
        raise empty()
    head = file.read(_HEAD)
    file.seek(max(0, size - _TAIL))
    tail = file.read(_TAIL)
    file.seek(0)
    try:
        container = av.open(file, "r", options=dict(_OPTIONS))
    except (av.FFmpegError, ValueError):
        raise _unreadable() from None
    with container:
        yield AudioFile(container, _facts(container, head, tail, size))


def _facts(container: InputContainer, head: bytes, tail: bytes, size: int) -> AudioFacts:
    if not container.streams.audio:
        raise _unreadable()
    stream = container.streams.audio[0]
    context = stream.codec_context
    if context is None:
        raise _unreadable()
    if context.name == "flac":  # it has checksums: a damaged packet is left out, not played
        context.options = {"err_detect": "crccheck+explode"}
    name, rate, channels = container.format.name.split(",")[0], context.sample_rate, context.channels
    if rate not in _RATES or not 1 <= channels <= _MOST_CHANNELS:
        raise AudioError(
            "The recording's rate or channels are not supported. Use 1 to 384 kHz and up to 64 channels.",
            code="AUDIO_UNSUPPORTED",
        )
    return AudioFacts(
        container=name,
        encoding=context.name,
        rate=rate,
        channels=channels,
        declared_s=_declared_s(name, stream, head),
        size_bytes=size,
        cut_off=_cut_off(head, tail, size),
    )


def _unreadable() -> AudioError:
    return AudioError(
        "No sound can be read from the file: it is no audio, or damaged from its beginning. Convert it "
        "to WAV, for example with ffmpeg.",
        code="AUDIO_UNREADABLE",
    )


def _declared_s(name: str, stream: AudioStream, head: bytes) -> float | None:
    """A raw MP3 or AAC stream tells no length: FFmpeg guesses from the bit rate at its beginning."""
    guessed = name == "aac" or (name == "mp3" and b"Xing" not in head and b"Info" not in head)
    if guessed or stream.duration is None or stream.time_base is None:
        return None
    return float(stream.duration * stream.time_base)


def _cut_off(head: bytes, tail: bytes, size: int) -> bool:
    """RIFF and AIFF begin with their size; Ogg's last page is marked as such."""
    order = {b"RIFF": "<I", b"FORM": ">I"}.get(head[:4])
    if order is not None and len(head) >= 8:
        declared = int(struct.unpack(order, head[4:8])[0])
        return size < declared + 8 < _UNKNOWN_SIZE
    if head[:4] != b"OggS":
        return False
    page = tail[max(0, tail.rfind(b"OggS")) :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return not page[5] & 4 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def _full_scale(frame: av.AudioFrame) -> NDArray[np.float32]:
    """Frames x channels between -1 and 1, but for float formats, which may hold anything."""
    samples = frame.to_ndarray()
    samples = samples.T if frame.format.is_planar else samples.reshape(-1, len(frame.layout.channels))
    if samples.dtype == np.uint8:
        samples = samples.astype(np.float32) - 128
        return _scaled(samples, 128)
    return _scaled(samples, 2.0 ** (8 * samples.itemsize - 1) if samples.dtype.kind == "i" else 1)


def _scaled(samples: NDArray[np.generic], full_scale: float) -> NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):  # floats may hold anything: see blocks
        return samples.astype(np.float32) / np.float32(full_scale)
