"""An evaluation of voices: a manifest through one detector or several, beside the channel-only control."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from callguard.evaluation.voice_control import control_scores
from callguard.evaluation.voice_figures import Row, VoiceFigures, marked, row_of, scored, voice_figures
from callguard.evaluation.voice_judging import Judged
from callguard.evaluation.voice_statistics import Curves, difference

CONTROL = "channel only"


@dataclass(frozen=True, slots=True)
class TriedVoice:
    """A detector by its name, and what it made of each recording."""

    detector: str
    judged: tuple[Judged, ...]

    @property
    def version(self) -> str:
        """As the detector named itself in the end: a server tells its model with its answers."""
        return self.judged[-1].version

    @property
    def scores(self) -> list[float | None]:
        return [each.call.score for each in self.judged]


@dataclass(frozen=True, slots=True)
class VoiceComparison:
    """The second against the first on the `recordings` that both scored: gain in AUC, with its interval."""

    first: str
    second: str
    recordings: int
    auc_gain: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class VoiceEvaluation:
    """What is told of a manifest. `control`: of the channel alone, which is measured at no threshold."""

    manifest: str
    masked: bool
    seed: int
    synthetic: int
    human: int
    detectors: tuple[VoiceFigures, ...]
    control: Row
    comparisons: tuple[VoiceComparison, ...]


def voice_evaluation(
    manifest: str, tried: Sequence[TriedVoice], *, masked: bool = False, seed: int = 0
) -> VoiceEvaluation:
    """The figures of each; each compared with the control, and those after the first with the first."""
    judged = tried[0].judged
    control = control_scores(judged)
    columns = [(each.detector, each.judged, each.scores) for each in tried]
    against_control = [((CONTROL, judged, control), column) for column in columns]
    pairs = [*against_control, *((columns[0], column) for column in columns[1:])]
    synthetic = sum(each.clip.is_synthetic for each in judged)
    return VoiceEvaluation(
        manifest=manifest,
        masked=masked,
        seed=seed,
        synthetic=synthetic,
        human=len(judged) - synthetic,
        detectors=tuple(voice_figures(t.detector, t.version, t.judged, t.scores, seed) for t in tried),
        control=replace(row_of(CONTROL, scored(judged, control), seed), found=None, alarms=None),
        comparisons=tuple(
            found for first, second in pairs if (found := _compared(first, second, seed)) is not None
        ),
    )


_Column = tuple[str, Sequence[Judged], Sequence[float | None]]


def _compared(first: _Column, second: _Column, seed: int) -> VoiceComparison | None:
    """None where both scored nothing of a class."""
    both = [a is not None and b is not None for a, b in zip(first[2], second[2], strict=True)]
    before, after = (
        marked(scored(judged, [s if kept else None for s, kept in zip(scores, both, strict=True)]))
        for _, judged, scores in (first, second)
    )
    if len({mark.is_synthetic for mark in before}) < 2:
        return None
    return VoiceComparison(first[0], second[0], len(before), *difference(Curves.auc, before, after, seed))
