"""Is it the same recording again? A fingerprint that new coding and another level leave as it is.

Method: Haitsma and Kalker, A highly robust audio fingerprinting system (ISMIR 2002): the signs of
differences of band energies between neighbours in time and frequency, 32 bits a frame. Two recordings of
one sentence by one person share no more bits than chance; a copy keeps four of five.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.voice.speaker.speech import RATE

BYTES_A_FRAME: Final = 4
_WIDTH: Final = 1024  # samples a frame looks at, 128 ms
_STEP: Final = 128  # 16 ms
_BANDS: Final = 33
_LOWEST_HZ, _HIGHEST_HZ = 300.0, 3000.0
_QUIET: Final = 1e-3  # of the mean power: such a frame tells nothing
_BLOCK: Final = 192
"""Frames that are looked for at once: 3 s."""
_LEAST_HEARD: Final = 0.5  # of a block's frames
_SAME: Final = 0.35
"""How much more bits agree than differ, of a copy; of other recordings under 0.15 at their best place."""


def fingerprint(samples: NDArray[np.float32]) -> bytes:
    """Four bytes each 16 ms of float32 samples [n] at 8000 Hz; all zero where there is next to nothing."""
    if len(samples) < _WIDTH + _STEP:
        return b""
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WIDTH)[::_STEP]
    spectra = np.abs(np.fft.rfft(frames * np.hanning(_WIDTH).astype(np.float32), axis=1)) ** 2
    corners = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _BANDS + 1) * _WIDTH / RATE
    energies = np.add.reduceat(spectra, corners.astype(int), axis=1)[:, :_BANDS]
    bits = np.diff(np.diff(energies, axis=1), axis=0) > 0
    power = np.mean(np.square(frames[1:], dtype=np.float64), axis=1)
    bits[power <= _QUIET * power.mean()] = False
    return np.packbits(bits, axis=1).tobytes()


def is_copy(heard: bytes, known: bytes) -> bool:
    """Whether 3 s of what is heard (its fingerprint) are in a known recording (its fingerprint)."""
    found, reference = _signs(heard), _signs(known)
    block = min(_BLOCK, len(found), len(reference))
    if block < _BLOCK // 2:
        return False
    starts = range(0, len(found) - block + 1, block // 2)
    return any(_best_agreement(found[start : start + block], reference) >= _SAME for start in starts)


def _signs(print_: bytes) -> NDArray[np.float32]:
    """[frames, 32] of -1 and 1; 0 in frames that tell nothing."""
    packed = np.frombuffer(print_, np.uint8).reshape(-1, BYTES_A_FRAME)
    signs = np.unpackbits(packed, axis=1).astype(np.float32) * 2 - 1
    signs[~packed.any(axis=1)] = 0
    return signs


def _best_agreement(block: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """Bits that agree less those that don't, as a share of all, at the place of the reference where it is
    most.
    """
    size = 1 << (len(block) + len(reference) - 1).bit_length()

    def spectrum(signs: NDArray[np.float32]) -> NDArray[np.complex128]:
        return np.fft.rfft(signs, size, axis=0)

    agreement = np.fft.irfft((spectrum(reference) * spectrum(block).conj()).sum(axis=1), size)
    heard = np.fft.irfft((spectrum(np.abs(reference)) * spectrum(np.abs(block)).conj()).sum(axis=1), size)
    places = slice(0, len(reference) - len(block) + 1)
    enough = heard[places] >= _LEAST_HEARD * block.size
    return float(np.max(agreement[places] / np.maximum(heard[places], 1), where=enough, initial=-1.0))
