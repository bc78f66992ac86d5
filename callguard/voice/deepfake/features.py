"""A window of speech as the shipped model sees it: what an encoder hears, what is measured, and the line.

The encoder is the beginning of Distill-MOS, a network that was taught how natural speech is.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from callguard.voice.deepfake.front import line, measures

SAMPLES: Final = 32000
"""Of a window: 4 s at 8 kHz. A shorter one is repeated, as is usual since ASVspoof 2019."""
BATCH: Final = 8
LEVEL: Final = 0.05
TAPS: Final = slice(1024, 1824)
"""Of what the encoder gives, the second and fourth transformer layers' means and spreads."""
TOLD: Final = 1246
"""Features of speech: 446 measured and 800 heard by the encoder."""
LINE: Final = 49
"""Features of the line."""

Samples = NDArray[np.float32]
Floats = NDArray[np.float32]


class Encoder:
    """The network behind `path`, on one thread."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, windows: Sequence[Samples]) -> Floats:
        """[windows, features] of float32 windows at 8 kHz."""
        rows = [np.resize(window, SAMPLES) for window in windows]
        parts = [
            self._session.run(None, {"windows": np.stack(rows[at : at + BATCH]).astype(np.float32)})[0]
            for at in range(0, len(rows), BATCH)
        ]
        return np.concatenate(parts)[:, TAPS]


def features(encoder: Encoder, windows: Sequence[Samples]) -> tuple[Floats, Floats]:
    """What tells engines from people, [windows, n], and what tells lines from each other, [windows, m]."""
    levelled = [window * (LEVEL / (np.sqrt(np.mean(np.square(window))) + 1e-9)) for window in windows]
    told = np.stack([measures(window) for window in levelled])
    return np.hstack([told, encoder(levelled)]), np.stack([line(window) for window in levelled])
