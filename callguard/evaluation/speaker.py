"""How well voices are told apart: recordings of speakers, each enrolled and compared with all others."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from callguard.errors import ConfigurationError
from callguard.evaluation.speaker_trials import (
    Embeddings,
    Floats,
    Trials,
    accepted,
    compared,
    equal_error,
    estimated,
)
from callguard.evaluation.statistics import BINS, Estimate
from callguard.voice.speaker.embedding import STRETCH_S
from callguard.voice.speaker.model import SpeakerModel
from callguard.voice.speaker.speech import Samples, speech_of
from callguard.voice.speaker.verification import OTHER_BELOW, SAME_FROM
from callguard.voice.speaker.voiceprint import MOST_HEARD

_SPANS: Final = ((0.0, 4.0), (4.0, 6.0), (6.0, np.inf))


class Recording(NamedTuple):
    """A row of the manifest."""

    path: Path
    speaker: str
    corpus: str


@dataclass(frozen=True, slots=True)
class Errors:
    """Of some trials: the equal error rate, and at the shipped limits the other voices that are verified,
    the enrolled ones that are, and the enrolled ones that are refused. None where there is nothing to count.
    """

    name: str
    eer: Estimate | None
    others_verified: Estimate | None
    same_verified: Estimate | None
    same_refused: Estimate | None
    same: int
    others: int
    speakers: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Trials of about one confidence: their mean, the share that is one voice, and how many."""

    said: float
    true: float
    count: int


@dataclass(frozen=True, slots=True)
class SpeakerEvaluation:
    """`unused` recordings hold too little speech. `calibration_error` 0-1, where the same voice and another
    are as likely beforehand.
    """

    model: str
    enrolled_clips: int
    recordings: int
    unused: int
    speakers: int
    errors: tuple[Errors, ...]
    reliability: tuple[Bin, ...]
    calibration_error: float


def read_manifest(path: Path) -> list[Recording]:
    """Rows of a CSV file with the columns path (from the file's folder) and speaker, and maybe corpus.

    Raises ConfigurationError.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"The manifest can't be read ({type(error).__name__}).") from None
    if not rows or not {"path", "speaker"} <= rows[0].keys():
        raise ConfigurationError("The manifest needs the columns path and speaker, and a row a recording.")
    return [Recording(path.parent / row["path"], row["speaker"], row.get("corpus") or "") for row in rows]


def embedded(
    recordings: Iterable[tuple[Recording, Samples]], model: SpeakerModel
) -> Iterator[tuple[object, ...] | None]:
    """A row of Embeddings for each recording at 8000 Hz; None where it holds too little speech."""
    for number, (recording, samples) in enumerate(recordings):
        speech = speech_of(samples)
        if speech.seconds < STRETCH_S:
            yield None
        else:
            vector = model.encoder.embed(speech.samples[:MOST_HEARD])
            yield vector, recording.corpus, recording.speaker, "", number, "", speech.seconds


def evaluated(
    rows: Iterable[tuple[object, ...] | None], model: SpeakerModel, clips: int
) -> SpeakerEvaluation:
    """Every speaker enrolled with so many clips, by the model that ships. Raises ConfigurationError."""
    kept = list(rows)
    columns = zip(*(row for row in kept if row is not None), strict=True)
    found = Embeddings(*(np.array(column) for column in columns)) if any(kept) else None
    told = compared(found, model.backend, clips) if found else None
    if found is None or told is None:
        raise ConfigurationError(f"No speaker has {clips + 1} recordings with speech enough.")
    bins, error = reliability(told, *map(float, model.backend.platt))
    return SpeakerEvaluation(
        model.version,
        clips,
        len(kept),
        kept.count(None),
        len(set(found.speaker)),
        tuple(errors_by_part(told, *map(float, model.backend.platt))),
        bins,
        error,
    )


def errors_by_part(told: Trials, factor: float, offset: float) -> Iterator[Errors]:
    """All pairs, those within a corpus, and these by seconds of speech and by corpus. The limits are of
    confidence, which is the logistic function of factor * score + offset.
    """

    def score(confidence: float) -> float:
        return float((np.log(confidence / (1 - confidence)) - offset) / factor)

    def of(name: str, part: Trials) -> Errors:
        return Errors(
            name,
            estimated(part, equal_error),
            estimated(part, accepted(score(SAME_FROM), same=False)),
            estimated(part, accepted(score(SAME_FROM), same=True)),
            _rest(estimated(part, accepted(score(OTHER_BELOW), same=True))),
            int(part.same.sum()),
            int((~part.same).sum()),
            len(set(part.enrolled[part.same])),
        )

    yield of("all pairs", told)
    within = told.where(told.within)
    yield of("within corpus", within)
    for low, high in _SPANS:
        part = told.where((told.seconds >= low) & (told.seconds < high))
        yield of(f"all pairs, {low:.0f} s" + (f" to {high:.0f} s" if high < np.inf else " and more"), part)
    corpora = np.unique(within.corpus)
    if len(corpora) > 1:
        for corpus in corpora:
            yield of(f"within {corpus or 'no corpus'}", within.where(within.corpus == corpus))


def _rest(estimate: Estimate | None) -> Estimate | None:
    return Estimate(1 - estimate.value, 1 - estimate.high, 1 - estimate.low) if estimate else None


def reliability(told: Trials, factor: float, offset: float) -> tuple[tuple[Bin, ...], float]:
    """What confidence says and what is true, in tenths; and the expected calibration error."""
    sure: Floats = 1 / (1 + np.exp(-(factor * told.scores + offset)))
    weights = told.weights / np.where(
        told.same, told.weights[told.same].sum(), told.weights[~told.same].sum()
    )
    bins, error = [], 0.0
    places = np.minimum((sure * BINS).astype(int), BINS - 1)
    for place in range(BINS):
        inside = places == place
        if weights[inside].any():
            said = float(np.average(sure[inside], weights=weights[inside]))
            true = float(np.average(told.same[inside], weights=weights[inside]))
            bins.append(Bin(said, true, int(inside.sum())))
            error += float(weights[inside].sum() / weights.sum()) * abs(said - true)
    return tuple(bins), error
