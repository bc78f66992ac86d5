"""The trained model of words: weights in a file, and what they make of features. Training writes it.

Two stages. Taggers (logistic regression on a turn's meaning and phrases) say which tactics a turn of the
caller shows and whether a fraud's victim answers; then one logistic regression joins what all turns show with
the words themselves. `make train-text` fits both; docs/models/text.md says on what and how well.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from callguard.analysis.features import Floats
from callguard.domain.scoring import SUSPECT_FROM
from callguard.domain.signals import FraudType

FILE = Path(__file__).parent / "model" / "text.npz"
TYPES = tuple(FraudType)


@dataclass(frozen=True, slots=True)
class TextModel:
    """All weights, as stored. D is the encoder's size, T the tactics and one, F the dense features.

    `tag_weights` [T, D] and `tag_bias` [T]: taggers of the caller's turns, in the order of `TACTICS`, then
    'a fraud's turn'. `reply_weights` [D] and `reply_bias`: of the callee's. `type_weights` [types, D] and
    `type_bias`: which fraud. `buckets` int32 [B] ascending, with `rarity` (idf) and `word_weights` [B].
    `dense_weights` [F], `bias`: of the call. `smoothing`: keeps few words from counting like many.
    `slope`, `suspect_at`: from log odds to risk.
    """

    name: str
    encoder: str
    lexica: str
    tag_weights: Floats
    tag_bias: Floats
    reply_weights: Floats
    reply_bias: float
    type_weights: Floats
    type_bias: Floats
    buckets: NDArray[np.int32]
    rarity: Floats
    word_weights: Floats
    dense_weights: Floats
    bias: float
    smoothing: float
    slope: float
    suspect_at: float

    def tags(self, meaning: NDArray[np.float32]) -> Floats:
        """What a caller's turn shows: probabilities [T]."""
        return _logistic(self.tag_weights @ meaning + self.tag_bias)

    def reply(self, meaning: NDArray[np.float32]) -> float:
        """The log odds that the callee's turn is a fraud's victim's."""
        return float(self.reply_weights @ meaning + self.reply_bias)

    def fraud_type(self, meaning: Floats) -> FraudType:
        """The likeliest type, given the mean meaning of the caller's turns."""
        return TYPES[int(np.argmax(self.type_weights @ meaning + self.type_bias))]

    def log_odds(self, words: tuple[NDArray[np.int32], Floats], dense: Floats) -> float:
        """The log odds of a fraud, from a bag of words and the dense features."""
        buckets, heard = words
        places = np.searchsorted(self.buckets, buckets).clip(max=len(self.buckets) - 1)
        known = self.buckets[places] == buckets
        values = heard[known] * self.rarity[places[known]]
        weighted = float(values @ self.word_weights[places[known]])
        length = float(np.sqrt(values @ values + self.smoothing**2))
        return weighted / length + float(self.dense_weights @ dense) + self.bias

    def risk(self, log_odds: float) -> int:
        """0-100; a warning's threshold lies at `suspect_at`."""
        at_suspect = np.log(SUSPECT_FROM / (100 - SUSPECT_FROM))
        return round(100 * float(_logistic(self.slope * (log_odds - self.suspect_at) + at_suspect)))

    def save(self, path: Path = FILE) -> None:
        """Stores the model, weights as float16 where they are many."""
        arrays: dict[str, Any] = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        for name, array in arrays.items():
            if array.dtype == np.float64 and array.size > 1000:
                arrays[name] = array.astype(np.float16)
        np.savez_compressed(path, **arrays)

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """The stored model. Raises OSError or KeyError where the file isn't one."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(**{field.name: _plain(stored[field.name]) for field in fields(cls)})


def _plain(array: NDArray[np.generic]) -> Any:  # noqa: ANN401  a number, a text or an array, as the field is
    if array.ndim == 0:
        return array.item()
    return array if array.dtype == np.int32 else array.astype(np.float64)


def _logistic(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-values)))
