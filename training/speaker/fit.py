"""What is learnt beside the network: the mean voice, within-class covariance, the cohort, the calibration."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from callguard.evaluation.speaker_trials import Embeddings, Floats, Trials
from callguard.voice.speaker.model import Backend, unit

FOLDS: Final = 5
_SHRINKAGE: Final = 0.3
"""Towards the same spread in every direction: there are fewer voices than directions."""
_MOST_OF_ONE: Final = 60
"""Embeddings of one voice that count in the covariance; more of it count as so many."""


def fitted(learning: Embeddings, platt: Sequence[float] = (1.0, 0.0)) -> Backend:
    """Mean, transform and cohort of these embeddings; the cohort is each speaker's mean."""
    mean = learning.vectors.mean(axis=0)
    values, directions = np.linalg.eigh(_within(learning))
    transform = (directions / np.sqrt(values)).astype(np.float32)
    backend = Backend(mean, transform, np.zeros((0, 256), np.float32), np.asarray(platt, np.float32))
    projected = backend.project(learning.vectors)
    speakers = np.unique(learning.speaker)
    cohort = unit(np.stack([projected[learning.speaker == one].mean(axis=0) for one in speakers]))
    return backend._replace(cohort=cohort)


def _within(learning: Embeddings) -> Floats:
    """[256, 256]: how a voice's own embeddings vary, shrunk towards the identity.

    A voice counts once for each mood or language it is heard in: few are heard in several, and they tell
    most.
    """
    scatter, freedom = np.zeros((256, 256)), 0.0
    for speaker in np.unique(learning.speaker):
        rows = learning.speaker == speaker
        own = learning.vectors[rows].astype(np.float64)
        weight = min(len(own), _MOST_OF_ONE) / len(own) * len(np.unique(learning.kind[rows]))
        around = own - own.mean(axis=0)
        scatter += weight * around.T @ around
        freedom += weight * (len(own) - 1)
    covariance: Floats = scatter / freedom
    alike = np.trace(covariance) / 256 * np.eye(256)
    shrunk: Floats = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * alike
    return shrunk


def fold_of(speakers: NDArray[np.str_]) -> NDArray[np.int64]:
    """Which fifth each belongs to, whole speakers at a time."""
    shuffled = np.random.default_rng(0).permutation(np.unique(speakers))
    fold = {speaker: place % FOLDS for place, speaker in enumerate(shuffled)}
    return np.array([fold[speaker] for speaker in speakers])


def calibrated(told: Trials) -> tuple[float, float]:
    """Platt's factor and offset, where the same voice and another one are as likely beforehand.

    Of trials within a corpus: a voice that is taken for another's comes from as near, of one family or sex.
    """
    told = told.where(told.within)
    weights, same = told.weights, told.same
    balanced = weights / np.where(same, weights[same].sum(), weights[~same].sum())
    signed = np.where(same, 1.0, -1.0)

    def loss(line: Floats) -> float:
        return float(balanced @ np.logaddexp(0, -signed * (line[0] * told.scores + line[1])))

    found = minimize(loss, np.array([1.0, 0.0])).x
    return float(found[0]), float(found[1])
