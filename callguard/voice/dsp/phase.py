"""Whether the parts of a sound keep their phase from frame to frame."""

import numpy as np
from numpy.typing import NDArray


def phase_coherence(spectra: NDArray[np.complex128]) -> NDArray[np.float64]:
    """How well the phases of two frames foretell the next one's: 1 for steady tones, about 0.3 for noise,
    since frames overlap.

    A steady partial turns by the same angle between any two frames: the second difference of its phase is 0.
    The value is the length of the mean of e^(i second difference) over the bins, weighted by magnitude.
    `spectra` has shape (frames, bins), the result (frames - 2,); NaN where one of the three is silent.
    Source: the phase deviation of J. P. Bello, C. Duxbury, M. Davies and M. Sandler, On the use of phase and
    energy for musical onset detection in the complex domain, IEEE Signal Processing Letters 11 (2004).
    """
    magnitudes = np.abs(spectra)
    turned = spectra[2:] * np.conj(spectra[1:-1]) ** 2 * spectra[:-2]
    scale = np.abs(turned)
    deviation = np.divide(turned, scale, out=np.zeros_like(turned), where=scale > 0)
    weights = np.where(scale > 0, magnitudes[2:], 0)
    total = weights.sum(axis=1)
    resultant = np.abs((weights * deviation).sum(axis=1))
    coherence: NDArray[np.float64] = np.divide(
        resultant, total, out=np.full(len(total), np.nan), where=total > 0
    )
    return coherence
