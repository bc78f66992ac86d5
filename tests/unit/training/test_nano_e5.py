"""The reader of the text encoder's source file, on a tiny file of the same form."""

import struct
from pathlib import Path

import numpy as np
import pytest

from callguard.analysis.encoder import unpacked
from training.nano_e5 import Model, read

PIECES = ("<s>", "<pad>", "</s>", "<unk>", "▁straße")
WEIGHTS = (np.arange(2 * 64).reshape(2, 64) % 16).astype(np.uint8)
SCALES = np.array([[0.5, 1.0], [2.0, 0.25]], np.float16)


def directory_entry(name: str, offset: int, size: int) -> bytes:
    return struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", 0, 0, offset, size)


def tiny() -> bytes:
    """Two tensors: 'bias' of three numbers, and 'matrix' [2, 64] in blocks of 32."""
    texts = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.uint32)
    head = b"E5Q4" + struct.pack("<I7ifi", 1, 64, 1, 2, 128, len(PIECES), 16, 1, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(offsets[-1]))
    head += offsets.tobytes() + np.arange(len(PIECES), dtype=np.float32).tobytes() + b"".join(texts)
    head += struct.pack("<iI", 7, 3) + b"nfc" + struct.pack("<i", 2)
    bias = np.array([1, -2, 3], np.float32).tobytes()
    matrix = b"".join(
        SCALES[row, block].tobytes()
        + (WEIGHTS[row, at : at + 16] | WEIGHTS[row, at + 16 : at + 32] << 4).tobytes()
        for row in range(2)
        for block, at in enumerate((0, 32))
    )
    names = {"bias": len(bias), "matrix": len(matrix)}
    begin = len(head) + sum(len(directory_entry(name, 0, 0)) for name in names)
    entries = directory_entry("bias", begin, len(bias))
    entries += directory_entry("matrix", begin + len(bias), len(matrix))
    return head + entries + bias + matrix


@pytest.fixture
def model(tmp_path: Path) -> Model:
    file = tmp_path / "tiny.bin"
    file.write_bytes(tiny())
    return read(file)


def test_the_header_and_the_pieces_are_read(model: Model) -> None:
    assert (model.width, model.heads, model.width_within) == (64, 2, 128)
    assert model.epsilon == pytest.approx(1e-12)
    assert model.pieces == PIECES
    assert model.scores.tolist() == [0, 1, 2, 3, 4]


def test_tensors_are_found_and_unpacked(model: Model) -> None:
    assert model.vector("bias").tolist() == [1, -2, 3]
    matrix = model.matrix("matrix", 64)
    expected = (WEIGHTS.astype(np.float32) - 8) * np.repeat(SCALES.astype(np.float32), 32, axis=1)
    assert np.array_equal(unpacked(matrix.packed, matrix.scales), expected)
