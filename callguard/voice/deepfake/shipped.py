"""The detector that comes with callguard: two linear models on the features of a window, calibrated.

One knows neural engines, the other what vocoders and classic engines leave; the surer one counts. The
features of speech say how natural it is, and by which line it came. What they say of the line is foretold
from its noise floor and long-term spectrum, as they were on people's voices, and taken off.
docs/models/deepfake.md says what the models were taught, what they get right and what they don't.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from callguard.errors import DetectorError
from callguard.voice.deepfake.calibration import Platt
from callguard.voice.deepfake.features import Encoder, features
from callguard.voice.deepfake.port import Detector, WindowScore

FOLDER: Final = Path(__file__).parent / "model"
RATE: Final = 8000
OUTLIER: Final = 4.0
"""No feature counts for more than so many standard deviations."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Linear:
    """`raw` = clipped, standardised features times `weights`, less what the line foretells, plus `offset`."""

    mean: Values
    scale: Values
    weights: Values
    line_mean: Values
    line_scale: Values
    line_weights: Values
    offset: float

    def raw(self, told: NDArray[np.float32], line: NDArray[np.float32]) -> Values:
        """A number for each row of features: higher for synthesis."""
        heard = standardised(told, self.mean, self.scale) @ self.weights
        return heard + line_terms(line, self.line_mean, self.line_scale) @ self.line_weights + self.offset


@dataclass(frozen=True, slots=True)
class Model:
    """What the shipped detector is made of; `curve` turns the higher raw score into a probability."""

    neural: Linear
    vocoder: Linear
    curve: Platt
    version: str

    def raw(self, told: NDArray[np.float32], line: NDArray[np.float32]) -> Values:
        """The higher of both, for each row of features."""
        return np.maximum(self.neural.raw(told, line), self.vocoder.raw(told, line))

    def save(self, path: Path) -> None:
        """As arrays and a line of JSON."""
        about = {"version": self.version, "curve": asdict(self.curve)}
        words = np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8)
        arrays = {
            f"{name}.{field.name}": np.asarray(getattr(getattr(self, name), field.name), np.float32)
            for name in ("neural", "vocoder")
            for field in fields(Linear)
        }
        np.savez_compressed(path, allow_pickle=False, about=words, **arrays)

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `save` wrote."""
        with np.load(path) as stored:
            about = json.loads(stored["about"].tobytes())
            neural, vocoder = (
                Linear(
                    **{field.name: stored[f"{name}.{field.name}"].astype(float) for field in fields(Linear)}
                )
                for name in ("neural", "vocoder")
            )
            return cls(neural, vocoder, Platt(**about["curve"]), about["version"])


def standardised(values: NDArray[np.float32], mean: Values, scale: Values) -> Values:
    """With mean 0 and deviation 1, outliers held."""
    return np.clip((values - mean) / scale, -OUTLIER, OUTLIER)


def line_terms(line: NDArray[np.float32], mean: Values, scale: Values) -> Values:
    """What the line's measures enter by: themselves and their squares."""
    held = standardised(line, mean, scale)
    return np.hstack([held, held**2])


class ShippedDetector:
    """Scores windows of float32 speech at 8 kHz, 3 to 4 s each. The same windows always score the same."""

    def __init__(self, encoder: Encoder, model: Model) -> None:
        self._encoder = encoder
        self._model = model
        self.version = model.version

    def score(self, windows: Sequence[NDArray[np.float32]]) -> list[WindowScore]:
        """One calibrated score for each window; DetectorError where the network fails."""
        if not windows:
            return []
        told, line = features(self._encoder, windows)
        probabilities = self._model.curve.probability(self._model.raw(told, line))
        return [
            WindowScore(float(probability), None, len(window) / RATE)
            for window, probability in zip(windows, probabilities, strict=True)
        ]


def load() -> Detector:
    """The shipped detector. Raises DetectorError where its files are missing or damaged."""
    try:
        return ShippedDetector(Encoder(FOLDER / "encoder.onnx"), Model.read(FOLDER / "voice.npz"))
    except Exception as error:  # noqa: BLE001  # the runtime's errors share no class of their own
        raise DetectorError(
            f"The shipped deepfake model can't be read ({type(error).__name__}). Install callguard again.",
            code="DETECTOR_UNREADABLE",
        ) from None
