"""The network that turns speech into a direction: the same voice gives nearly the same one.

Method: GE2E (Wan et al., ICASSP 2018), the weights of Resemblyzer's encoder, computed by ONNX Runtime.
"""

import gzip
import hashlib
from importlib import resources
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from callguard.voice.speaker.mel import STEP_S, mel
from callguard.voice.speaker.speech import RATE

FRAMES: Final = 160
"""Of the spectrogram, in one stretch that the network reads: 1.6 s."""
STRETCH_S: Final = FRAMES * STEP_S
_HOP: Final = 40  # frames from one stretch to the next
_LEVEL: Final = 10 ** (-30 / 20)  # -30 dBFS, which the network was trained at
WIDTH: Final = 256

Vector = NDArray[np.float32]


class Encoder:
    """The network. Deterministic, and safe to share between threads."""

    def __init__(self) -> None:
        network = (resources.files("callguard.voice.speaker") / "model" / "speaker.onnx.gz").read_bytes()
        self.checksum = hashlib.sha256(network).hexdigest()[:8]
        self._session = onnxruntime.InferenceSession(
            gzip.decompress(network), _options(), providers=["CPUExecutionProvider"]
        )

    def embed(self, speech: NDArray[np.float32]) -> Vector:
        """[256], of length 1: the mean over stretches of speech that follow one another each 0.4 s.

        `speech` float32 [n] at 8000 Hz, nothing but speech, at least 1.6 s of it (ValueError).
        """
        if len(speech) < STRETCH_S * RATE:
            raise ValueError("An embedding needs 1.6 s of speech.")
        level = float(np.sqrt(np.mean(np.square(speech, dtype=np.float64))))
        bands = mel(speech * np.float32(_LEVEL / max(level, 1e-9)), RATE)
        stretches = np.lib.stride_tricks.sliding_window_view(bands, FRAMES, axis=0)[::_HOP]
        mels = np.ascontiguousarray(stretches.transpose(0, 2, 1))
        mean = self._session.run(["embeddings"], {"mels": mels})[0].mean(axis=0)
        embedding: Vector = mean / np.linalg.norm(mean)
        return embedding


def _options() -> onnxruntime.SessionOptions:
    """One thread that gives its core back at once: calls' audio comes first."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors
    return options
