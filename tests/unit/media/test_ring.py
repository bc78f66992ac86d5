import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callguard.media.ring import AudioRing

SILENCE = 0xFF
BYTES_PER_MS = 8
SECONDS = 1
SIZE = SECONDS * 1000 * BYTES_PER_MS

Placed = tuple[int, bytes]


class NaiveTrack:
    """The whole track, byte by byte, nothing forgotten: what a ring must look like from outside."""

    def __init__(self) -> None:
        self.heard: dict[int, int] = {}
        self.begin: int | None = None
        self.end = 0

    def place(self, timestamp_ms: int, payload: bytes) -> None:
        start = timestamp_ms * BYTES_PER_MS
        if self.begin is None:
            self.begin = self.end = start
        self.end = max(self.end, start + len(payload))
        for position, byte in enumerate(payload, start):
            if position >= self.oldest():
                self.heard[position] = byte

    def oldest(self) -> int:
        return max(self.begin or 0, self.end - SIZE)

    def read(self, start: int, end: int) -> bytes:
        positions = range(max(start, self.oldest()), min(end, self.end))
        return bytes(self.heard.get(position, SILENCE) for position in positions)


def frame(number: int) -> bytes:
    return bytes([number % 251]) * 160


def fill(ring: AudioRing, *placed: Placed) -> AudioRing:
    for timestamp_ms, payload in placed:
        ring.place(timestamp_ms, payload)
    return ring


payloads = st.one_of(
    st.binary(max_size=400),
    st.builds(lambda byte, length: bytes([byte]) * length, st.integers(0, 255), st.integers(0, SIZE * 2)),
)
tracks = st.lists(st.tuples(st.integers(0, 4 * SECONDS * 1000), payloads), max_size=12)


@given(tracks, st.integers(0, 1500), st.tuples(st.integers(0, 5000), st.integers(0, 1500)))
@example([(0, b"a" * 160), (60, b"b" * 160), (20, b"c" * 320), (20, b"d" * 160)], 80, (10, 60))
@example([(0, b"a" * 8), (10, b"b" * 8), (5, b"c" * 8), (0, b"d" * 160)], 20, (0, 20))
def test_a_ring_looks_like_the_naive_track(placed: list[Placed], ms: int, stretch: tuple[int, int]) -> None:
    ring, naive = AudioRing(SECONDS), NaiveTrack()
    for timestamp_ms, payload in placed:
        ring.place(timestamp_ms, payload)
        naive.place(timestamp_ms, payload)
        assert ring.end_ms == naive.end // BYTES_PER_MS
        assert ring.received_ms == len(naive.heard) // BYTES_PER_MS
        assert ring.lost_ms == (naive.end - (naive.begin or 0) - len(naive.heard)) // BYTES_PER_MS
    assert ring.last(ms) == naive.read(naive.end - ms * BYTES_PER_MS, naive.end)
    start_ms, length_ms = stretch
    assert ring.between(start_ms, start_ms + length_ms) == naive.read(
        start_ms * BYTES_PER_MS, (start_ms + length_ms) * BYTES_PER_MS
    )


@given(st.binary(max_size=3000), st.integers(0, 2000), st.lists(st.integers(0, 375), max_size=8))
def test_how_audio_is_cut_makes_no_difference(audio: bytes, start_ms: int, cuts_ms: list[int]) -> None:
    cuts = sorted(
        {0, *(cut * BYTES_PER_MS for cut in cuts_ms if cut * BYTES_PER_MS < len(audio)), len(audio)}
    )
    pieces = [(start_ms + a // BYTES_PER_MS, audio[a:b]) for a, b in pairwise(cuts)]
    forwards, backwards = (
        fill(AudioRing(SECONDS), *pieces),
        fill(AudioRing(SECONDS), *pieces[:1], *pieces[:0:-1]),
    )
    assert forwards.last(1000) == backwards.last(1000) == audio
    assert forwards.lost_ms == backwards.lost_ms == 0
    assert forwards.received_ms == len(audio) // BYTES_PER_MS


def test_a_gap_is_silence_until_its_frame_comes() -> None:
    ring = fill(AudioRing(), (0, frame(1)), (40, frame(3)))
    assert ring.last(60) == frame(1) + bytes([SILENCE]) * 160 + frame(3)
    assert (ring.received_ms, ring.lost_ms) == (40, 20)
    ring.place(20, frame(2))
    assert ring.last(60) == frame(1) + frame(2) + frame(3)
    assert (ring.received_ms, ring.lost_ms) == (60, 0)


def test_the_last_thirty_seconds_are_kept_and_older_frames_dropped() -> None:
    ring = fill(AudioRing(), *((number * 20, frame(number)) for number in range(2000)))
    kept = b"".join(frame(number) for number in range(500, 2000))
    assert ring.last(60_000) == kept
    ring.place(9_980, frame(7))
    assert ring.last(60_000) == kept
    ring.place(10_000, frame(7))
    assert ring.last(60_000) == frame(7) + kept[160:]
    assert (ring.received_ms, ring.lost_ms) == (40_000, 0)


def test_an_empty_ring_has_nothing() -> None:
    ring = AudioRing()
    assert (ring.last(1000), ring.end_ms, ring.received_ms, ring.lost_ms) == (b"", 0, 0, 0)


@pytest.mark.promise("A7")
def test_memory_does_not_grow_with_the_call() -> None:
    ring = AudioRing()
    payload = frame(1)
    tracemalloc.start()
    try:
        for number in range(3_000):
            # Each third frame is missing, each tenth comes late.
            if number % 3:
                ring.place(number * 20 - (40 if number % 10 == 0 else 0), payload)
            if number == 1_600:
                before, _ = tracemalloc.get_traced_memory()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 16_000
