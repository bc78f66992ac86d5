"""Comparisons between speakers that the backend has not seen: it is fitted without the fifths of both."""

from collections.abc import Iterator
from itertools import combinations_with_replacement

import numpy as np

from callguard.evaluation.speaker_trials import Embeddings, Trials, compared, joined
from training.speaker.fit import FOLDS, fitted, fold_of


def trials(
    found: Embeddings, clips: int, *, enrolled_on: str | None = None, tested_on: str | None = None
) -> Trials:
    """See `compared`: every speaker with every other."""
    folds = fold_of(found.speaker)
    fold = dict(zip(map(str, found.speaker), map(int, folds), strict=True))

    def parts() -> Iterator[Trials]:
        for one, other in combinations_with_replacement(range(FOLDS), 2):
            unseen = (folds == one) | (folds == other)
            told = compared(
                found.where(unseen),
                fitted(found.where(~unseen)),
                clips,
                enrolled_on=enrolled_on,
                tested_on=tested_on,
            )
            if told is not None:
                enrolled = np.array([fold[speaker] for speaker in told.enrolled])
                tested = np.array([fold[speaker] for speaker in told.tested])
                yield told.where(
                    (np.minimum(enrolled, tested) == one) & (np.maximum(enrolled, tested) == other)
                )

    return joined(list(parts()))
