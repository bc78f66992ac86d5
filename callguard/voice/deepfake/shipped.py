"""The detector that comes with callguard: a linear model on the features of a window, calibrated.

The features of speech say how natural it is, and by which line it came. What they say of the line is foretold
from its noise floor and long-term spectrum, as they were on people's voices, and taken off. docs/models/
deepfake.md says what the model was taught, what it gets right and what it doesn't.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
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
    curve: Platt
    version: str

    def raw(self, told: NDArray[np.float32], line: NDArray[np.float32]) -> Values:
        """A number for each row of features: higher for synthesis."""
        heard = standardised(told, self.mean, self.scale) @ self.weights
        return heard + line_terms(line, self.line_mean, self.line_scale) @ self.line_weights + self.offset

    def save(self, path: Path) -> None:
        """As arrays and one line of JSON."""
        about = {"version": self.version, "slope": self.curve.slope, "curve_offset": self.curve.offset}
        arrays = {
            name: getattr(self, name).astype(np.float32)
            for name in ("mean", "scale", "weights", "line_mean", "line_scale", "line_weights")
        }
        words = np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8)
        np.savez_compressed(path, allow_pickle=False, about=words, offset=np.float64(self.offset), **arrays)

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `save` wrote."""
        with np.load(path) as stored:
            about = json.loads(stored["about"].tobytes())
            arrays = {
                name: stored[name].astype(np.float64)
                for name in ("mean", "scale", "weights", "line_mean", "line_scale", "line_weights")
            }
            return cls(
                **arrays,
                offset=float(stored["offset"]),
                curve=Platt(about["slope"], about["curve_offset"]),
                version=about["version"],
            )


def standardised(values: NDArray[np.float32], mean: Values, scale: Values) -> Values:
    """With mean 0 and deviation 1, outliers held."""
    return np.clip((values - mean) / scale, -OUTLIER, OUTLIER)


def line_terms(line: NDArray[np.float32], mean: Values, scale: Values) -> Values:
    """What the line's measures enter by: themselves and their squares."""
    held = standardised(line, mean, scale)
    return np.hstack([held, held**2])


class ShippedDetector:
    """Scores windows of float32 speech at 8 kHz, 3 to 4 s each. The same windows always score the same."""

    def __init__(self, encoder: Encoder, model: Linear) -> None:
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
        return ShippedDetector(Encoder(FOLDER / "encoder.onnx"), Linear.read(FOLDER / "voice.npz"))
    except Exception as error:  # noqa: BLE001  # the runtime's errors share no class of their own
        raise DetectorError(
            f"The shipped deepfake model can't be read ({type(error).__name__}). Install callguard again.",
            code="DETECTOR_UNREADABLE",
        ) from None
