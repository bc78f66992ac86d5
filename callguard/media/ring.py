"""The last half minute of one track, in memory only, every byte in the place its timestamp names."""

from typing import Final

from callguard.domain.audio import MULAW_SILENCE, SAMPLE_RATE

BYTES_PER_MS: Final = SAMPLE_RATE // 1000
_SILENCE: Final = bytes([MULAW_SILENCE])


class AudioRing:
    """A track's newest mu-law: 8 000 bytes for each of its seconds, however long the call.

    A track begins with the first payload placed. Time that no payload covers is silence. A payload that comes
    late or twice is written in its place while that is still held; what reaches further back is dropped, as
    is the front of a payload longer than the ring.
    """

    def __init__(self, seconds: int = 30) -> None:
        self._size = seconds * SAMPLE_RATE
        self._bytes = bytearray(_SILENCE * self._size)
        # Positions count bytes from timestamp 0; position p is held at index p modulo the size.
        self._begin: int | None = None
        self._end = 0
        self._heard = 0
        self._gaps: list[tuple[int, int]] = []

    @property
    def end_ms(self) -> int:
        """Timestamp up to which the track has come, in whole milliseconds."""
        return self._end // BYTES_PER_MS

    @property
    def received_ms(self) -> int:
        """Audio placed so far; what came twice counts once."""
        return self._heard // BYTES_PER_MS

    @property
    def lost_ms(self) -> int:
        """Time between the first and the newest payload that none has covered: lost, withheld or too late."""
        return (self._end - (self._begin or 0) - self._heard) // BYTES_PER_MS

    def place(self, timestamp_ms: int, payload: bytes) -> None:
        """Write `payload` where it belongs: `timestamp_ms` is the time of its first sample."""
        start = timestamp_ms * BYTES_PER_MS
        if start != self._end or self._begin is None or len(payload) > self._size:
            start, payload = self._fit(start, payload)
        end = start + len(payload)
        self._write(start, payload)
        if end > self._end:
            self._heard += end - max(start, self._end)
            self._end = end

    def last(self, ms: int) -> bytes:
        """The newest `ms` milliseconds, or as many as are held."""
        return self._read(self._end - ms * BYTES_PER_MS, self._end)

    def between(self, start_ms: int, end_ms: int) -> bytes:
        """What is held of the time from `start_ms` to before `end_ms`."""
        return self._read(start_ms * BYTES_PER_MS, end_ms * BYTES_PER_MS)

    def _fit(self, start: int, payload: bytes) -> tuple[int, bytes]:
        """Make room for a payload that does not simply follow; where to write it, and what of it."""
        if self._begin is None:
            self._begin = self._end = start
        if start > self._end:
            self._skip_to(start)
        oldest = max(self._begin, max(self._end, start + len(payload)) - self._size)
        if start < oldest:
            start, payload = oldest, payload[oldest - start :]
        self._heard += self._fill_gaps(start, start + len(payload))
        return start, payload

    def _skip_to(self, start: int) -> None:
        oldest = start - self._size
        silent = max(self._end, oldest)
        self._write(silent, _SILENCE * (start - silent))
        self._gaps = [gap for gap in self._gaps if gap[1] > oldest]
        self._gaps.append((self._end, start))
        self._end = start

    def _fill_gaps(self, start: int, end: int) -> int:
        """Close the gaps between two positions; how many bytes of them were open."""
        filled = 0
        open_still: list[tuple[int, int]] = []
        for gap_start, gap_end in self._gaps:
            left, right = max(gap_start, start), min(gap_end, end)
            filled += max(0, right - left)
            pieces = ((gap_start, min(gap_end, start)), (max(gap_start, end), gap_end))
            open_still.extend(piece for piece in pieces if piece[0] < piece[1])
        self._gaps = open_still
        return filled

    def _write(self, start: int, data: bytes) -> None:
        index = start % self._size
        room = self._size - index
        self._bytes[index : index + len(data)] = data[:room]
        if len(data) > room:
            self._bytes[: len(data) - room] = data[room:]

    def _read(self, start: int, end: int) -> bytes:
        start = max(start, self._begin or 0, self._end - self._size)
        length = max(0, min(end, self._end) - start)
        index = start % self._size
        room = self._size - index
        return bytes(self._bytes[index : index + length]) + bytes(self._bytes[: max(0, length - room)])
