"""Comparisons between speakers that the backend has not seen: each fifth by one fitted to the other four."""

from callguard.evaluation.speaker_trials import Embeddings, Trials, compared, joined
from training.speaker.fit import FOLDS, fitted, fold_of


def trials(
    found: Embeddings, clips: int, *, enrolled_on: str | None = None, tested_on: str | None = None
) -> Trials:
    """See `compared`; speakers are compared with those of their own fifth."""
    return joined(list(by_fold(found, clips, enrolled_on=enrolled_on, tested_on=tested_on).values()))


def by_fold(
    found: Embeddings, clips: int, *, enrolled_on: str | None = None, tested_on: str | None = None
) -> dict[int, Trials]:
    """The same, apart."""
    folds = fold_of(found.speaker)
    told = {
        fold: compared(
            found.where(folds == fold),
            fitted(found.where(folds != fold)),
            clips,
            enrolled_on=enrolled_on,
            tested_on=tested_on,
        )
        for fold in range(FOLDS)
    }
    return {fold: some for fold, some in told.items() if some is not None}
