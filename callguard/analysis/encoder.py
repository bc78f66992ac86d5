"""What a text means, as a vector: the lower layers of a small multilingual transformer, in five languages.

Two files in model/ hold it, made by training/text_encoder.py: encoder.npz the words' side (pieces, their
4-bit embeddings), looked up here; encoder.onnx.gz the layers, which ONNX Runtime computes on one core.
"""

import gzip
import hashlib
import io
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from importlib import resources
from threading import Lock
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from callguard.analysis.pieces import Tokenizer

WIDTH: Final = 384
MAX_PIECES: Final = 48
"""The longest stretch that is encoded at once."""
START, END, UNKNOWN, FIRST_PIECE = 0, 1, 2, 3
"""The first rows of the embeddings; the pieces' follow."""
STRETCHES_KEPT: Final = 4096

Vector = NDArray[np.float32]


class Encoder:
    """The encoder. Deterministic, and safe to share between threads.

    `stretches_kept` results are kept in memory, so that of a growing turn only the end is new.
    """

    def __init__(self, stretches_kept: int = STRETCHES_KEPT) -> None:
        folder = resources.files("callguard.analysis") / "model"
        words = (folder / "encoder.npz").read_bytes()
        layers = (folder / "encoder.onnx.gz").read_bytes()
        self.version = f"encoder {hashlib.sha256(words + layers).hexdigest()[:8]}"
        with np.load(io.BytesIO(words)) as arrays:
            pieces = arrays["pieces"].tobytes().decode().split("\n")
            self._embeddings: NDArray[np.uint8] = arrays["embeddings"]
            self._scales: NDArray[np.float16] = arrays["scales"]
            self._positions: Vector = arrays["positions"].astype(np.float32)
            scores = dict(zip(pieces, arrays["scores"].tolist(), strict=True))
        self._tokenizer = Tokenizer(scores, first=FIRST_PIECE, unknown=UNKNOWN)
        self._session = onnxruntime.InferenceSession(
            gzip.decompress(layers), _options(), providers=["CPUExecutionProvider"]
        )
        self._kept: OrderedDict[tuple[int, ...], Vector] = OrderedDict()
        self._stretches_kept = stretches_kept
        self._lock = Lock()

    def encode(self, text: str) -> Vector:
        """[384]: the mean of the last layer's states, not normalised; zeros for a text without words.

        A text of more than MAX_PIECES pieces is encoded in consecutive stretches, and these are averaged by
        their numbers of pieces.
        """
        pieces = tuple(self._tokenizer(text))
        total = np.zeros(WIDTH, np.float32)
        for stretch in _stretches(pieces):
            total += self._states(stretch) * np.float32(len(stretch) / len(pieces))
        return total

    def expect(self, text: str) -> None:
        """Encodes ahead what more words leave as it is: of a text that grows little is new at its end."""
        for stretch in _stretches(tuple(self._tokenizer(text))):
            if len(stretch) == MAX_PIECES:
                self._states(stretch)

    def count(self, text: str) -> int:
        """How many pieces the text has."""
        return len(self._tokenizer(text))

    def _states(self, stretch: tuple[int, ...]) -> Vector:
        with self._lock:
            if (kept := self._kept.get(stretch)) is not None:
                self._kept.move_to_end(stretch)
                return kept
        found = self._compute((START, *stretch, END))
        with self._lock:
            self._kept[stretch] = found
            if len(self._kept) > self._stretches_kept:
                self._kept.popitem(last=False)
        return found

    def _compute(self, pieces: Sequence[int]) -> Vector:
        rows = np.asarray(pieces)
        embedded = unpacked(self._embeddings[rows], self._scales[rows]) + self._positions[: len(rows)]
        mean: Vector = self._session.run(["mean"], {"embedded": embedded})[0]
        return mean


def unpacked(packed: NDArray[np.uint8], scales: NDArray[np.float16]) -> Vector:
    """Rows [N, 32 * B] of 4-bit numbers. `packed` is [N, B, 16]: a byte's lower half belongs to the first
    half of its block of 32, its upper half to the second; `scales` [N, B] multiply the distance from 8.
    """
    numbers = np.concatenate([packed & 15, packed >> 4], axis=-1).astype(np.float32) - 8
    scaled: Vector = numbers * scales.astype(np.float32)[..., None]
    return scaled.reshape(len(packed), -1)


def _stretches(pieces: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return (pieces[start : start + MAX_PIECES] for start in range(0, len(pieces), MAX_PIECES))


def _options() -> onnxruntime.SessionOptions:
    """One thread that gives its core back at once: calls' audio comes first."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors
    return options
