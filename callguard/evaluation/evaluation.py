"""An evaluation: dialogues through one scorer or several."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

from callguard.analysis.models import load
from callguard.domain.scoring import SUSPECT_FROM
from callguard.evaluation.comparison import Comparison, compare
from callguard.evaluation.dialogues import Dialogue
from callguard.evaluation.figures import Figures, figures
from callguard.evaluation.replay import Replay, replay

# Dialogues sent to a process at once: enough to be worth the way, few enough that progress moves.
_CHUNK = 8


@dataclass(frozen=True, slots=True)
class Tried:
    """A scorer by its name, and what it made of each dialogue."""

    model: str
    version: str
    replays: tuple[Replay, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is told of some dialogues. `left_out` of them were not of the split that was asked for."""

    files: tuple[str, ...]
    split: str | None
    left_out: int
    scams: int
    benign: int
    threshold: int
    models: tuple[Figures, ...]
    comparisons: tuple[Comparison, ...]


def replays(dialogues: Sequence[Dialogue], model: str, jobs: int = 1) -> Iterator[Replay]:
    """Each dialogue through the scorer of that name, in their order, in so many processes.

    Raises ConfigurationError where there is no such scorer.
    """
    if jobs == 1:
        scorer = load(model)
        yield from (replay(dialogue, scorer) for dialogue in dialogues)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(_replay_by, model), dialogues, chunksize=_CHUNK)


def _replay_by(model: str, dialogue: Dialogue) -> Replay:
    return replay(dialogue, load(model))


def evaluation(
    files: Sequence[str],
    split: str | None,
    left_out: int,
    tried: Sequence[Tried],
    threshold: int = SUSPECT_FROM,
) -> Evaluation:
    """The figures of each, and each after the first compared with it; all replayed the same dialogues."""
    scams = sum(r.dialogue.is_scam for r in tried[0].replays)
    first, *others = ((t.model, t.replays) for t in tried)
    return Evaluation(
        files=tuple(files),
        split=split,
        left_out=left_out,
        scams=scams,
        benign=len(tried[0].replays) - scams,
        threshold=threshold,
        models=tuple(figures(t.model, t.version, t.replays, threshold) for t in tried),
        comparisons=tuple(compare(first, other, threshold) for other in others),
    )
