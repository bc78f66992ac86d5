"""How like two voices are, and how sure that is: what was learnt beside the network, in model/backend.npz.

Methods: within-class covariance normalisation (Hatch et al., Interspeech 2006) on embeddings from which the
development voices' mean is taken; adaptive symmetric score normalisation (Matejka et al., Interspeech 2017)
against a cohort of development voices; Platt's calibration (1999). Fitted by training/speaker.
"""

import hashlib
import io
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callguard.voice.speaker.embedding import Encoder, Vector

NEAREST: Final = 300
"""Voices of the cohort that a voice is compared with: those most like it."""


class Likeness(NamedTuple):
    """`similarity` -1 to 1; `confidence` 0-1 that it is one voice, where both are as likely beforehand."""

    similarity: float
    confidence: float


class SpeakerModel:
    """Network and comparison. Deterministic, and safe to share between threads."""

    def __init__(self) -> None:
        folder = resources.files("callguard.voice.speaker") / "model"
        learnt = (folder / "backend.npz").read_bytes()
        self.encoder = Encoder()
        self.version = f"speaker-1 {self.encoder.checksum}-{hashlib.sha256(learnt).hexdigest()[:8]}"
        with np.load(io.BytesIO(learnt)) as arrays:
            self.backend = Backend(**{name: arrays[name].astype(np.float32) for name in Backend._fields})

    def compare(self, enrolled: Sequence[Vector], heard: Vector) -> Likeness:
        """The voice of some embeddings [256] beside that of another embedding [256]."""
        return self.backend.compare(np.asarray(enrolled), heard)


class Backend(NamedTuple):
    """`mean` [256], `transform` [256, 256], `cohort` [C, 256] of projected voices, `platt` [2]: factor and
    offset.
    """

    mean: NDArray[np.float32]
    transform: NDArray[np.float32]
    cohort: NDArray[np.float32]
    platt: NDArray[np.float32]

    def project(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """[..., 256] of length 1, in which the same voice's embeddings spread alike in every direction."""
        return unit((embeddings - self.mean) @ self.transform)

    def compare(self, enrolled: NDArray[np.float32], heard: NDArray[np.float32]) -> Likeness:
        """See SpeakerModel.compare."""
        voiceprint: NDArray[np.float32] = unit(self.project(enrolled).mean(axis=0))
        voice = self.project(heard)
        similarity = float(voiceprint @ voice)
        factor, offset = self.platt
        return Likeness(
            similarity, float(1 / (1 + np.exp(-(factor * self.normalised(voiceprint, voice) + offset))))
        )

    def normalised(self, voiceprint: NDArray[np.float32], voice: NDArray[np.float32]) -> float:
        """How far two projected voices stand above what either has with the cohort's voices next to it."""
        similarity = float(voiceprint @ voice)
        above = []
        for one in (voiceprint, voice):
            nearest = np.sort(self.cohort @ one)[-NEAREST:]
            above.append((similarity - float(nearest.mean())) / float(nearest.std()))
        return sum(above) / 2


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """The same directions, of length 1."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    directions: NDArray[np.float32] = (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)
    return directions


@lru_cache(1)
def load() -> SpeakerModel:
    """The model that ships; read once a process."""
    return SpeakerModel()
