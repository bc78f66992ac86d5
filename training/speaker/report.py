"""The figures of docs/models/speaker.md that need the development data: each voice is judged by a backend
that has not seen it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from callguard.evaluation.speaker import Errors, errors_by_part, reliability
from callguard.evaluation.speaker_trials import Embeddings
from callguard.evaluation.statistics import Estimate
from callguard.voice.speaker.embedding import Encoder
from callguard.voice.speaker.verification import SAME_FROM
from training.speaker import clones, replays
from training.speaker.channel import through
from training.speaker.clips import Sample
from training.speaker.copies import told
from training.speaker.embeddings import embedded
from training.speaker.fit import fitted, fold_of
from training.speaker.trials import trials

ENROLLED: Final = 3
_COPIED_OVER: Final = "phone-1"


def lines(
    found: Embeddings,
    samples: Sequence[Sample],
    encoder: Encoder,
    platt: tuple[float, float],
    data: Path,
) -> Iterator[str]:
    """One table after another."""
    yield "part: EER; others verified; same verified; same refused (same/others, speakers)"
    of_three = trials(found, ENROLLED)
    for errors in errors_by_part(of_three, *platt):
        yield f"everything, {errors.name}: {_line(errors)}"
    acted = (of_three.corpus == "emodb") | (of_three.corpus_enrolled == "emodb")
    for errors in list(errors_by_part(of_three.where(~acted), *platt))[:2]:
        yield f"without acted emotions, {errors.name}: {_line(errors)}"
    for clips in (1, 5):
        for errors in list(errors_by_part(trials(found, clips), *platt))[:2]:
            yield f"{clips} clip(s) enrolled, {errors.name}: {_line(errors)}"
    for enrolled_on, tested_on in (("plain", "plain"), ("plain", "phone-1"), ("phone-2", "phone-1")):
        apart = trials(found, ENROLLED, enrolled_on=enrolled_on, tested_on=tested_on)
        for errors in list(errors_by_part(apart, *platt))[:2]:
            yield f"enrolled on {enrolled_on}, tested on {tested_on}, {errors.name}: {_line(errors)}"
    bins, error = reliability(of_three, *platt)
    for one in bins:
        yield f"confidence {one.said:.2f}: true {one.true:.2f} ({one.count})"
    yield f"expected calibration error {error:.3f}"
    yield from replays.lines(samples)
    yield from _clones(found, samples, encoder, platt, data)


def _line(errors: Errors) -> str:
    rates = (errors.eer, errors.others_verified, errors.same_verified, errors.same_refused)
    told = "; ".join(_rate(estimate) for estimate in rates)
    return f"{told} ({errors.same}/{errors.others}, {errors.speakers})"


def _rate(estimate: Estimate | None) -> str:
    return f"{estimate.value:.1%} ({estimate.low:.1%}-{estimate.high:.1%})" if estimate else "-"


def _clones(
    found: Embeddings, samples: Sequence[Sample], encoder: Encoder, platt: tuple[float, float], data: Path
) -> Iterator[str]:
    """How many copies by neural engines are verified by the voice alone."""
    folds = fold_of(found.speaker)
    outcomes: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for speaker, original, sound in clones.neural(data):
        rows = _rows(found, samples, speaker, (original,))[:ENROLLED]
        heard = embedded(through(sound, _COPIED_OVER, original.name), encoder)
        if rows and heard is not None:
            unseen = folds != folds[found.speaker == speaker][0]
            backend = fitted(found.where(unseen), platt)
            sure = backend.compare(found.vectors[rows], heard[0]).confidence >= SAME_FROM
            outcomes[speaker].append((sure, sure))
    yield from told({"neural engines, one to three clips enrolled": outcomes}, judged=False)


def _rows(found: Embeddings, samples: Sequence[Sample], speaker: str, without: Sequence[Path]) -> list[int]:
    """Of a speaker's samples in the clear, those that hold none of these files."""
    rows = np.flatnonzero((found.speaker == speaker) & (found.channel == "plain"))
    return [int(row) for row in rows if not set(samples[int(found.sample[row])].paths) & set(without)]
