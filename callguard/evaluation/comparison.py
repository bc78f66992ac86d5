"""Two scorers on the same dialogues: which is better, and whether that could be chance."""

from collections.abc import Sequence
from dataclasses import dataclass

from callguard.evaluation.figures import conversations
from callguard.evaluation.replay import Replay
from callguard.evaluation.statistics import auc_difference, mcnemar


@dataclass(frozen=True, slots=True)
class Comparison:
    """The second scorer against the first on conversations, two-sided.

    `auc_gain` and `auc_p` (DeLong's test) are None without scams or without benign calls. `only_first` and
    `only_second` are the conversations that only that one judged rightly at the threshold; `p` is McNemar's.
    """

    first: str
    second: str
    auc_gain: float | None
    auc_p: float | None
    only_first: int
    only_second: int
    p: float


def compare(
    first: tuple[str, Sequence[Replay]], second: tuple[str, Sequence[Replay]], threshold: int
) -> Comparison:
    """Both have replayed the same labelled dialogues in the same order."""
    (name, before), (other, after) = first, second
    pairs = list(zip(conversations(before), conversations(after), strict=True))
    scams = [(a, b) for a, b in pairs if a.dialogue.is_scam]
    benign = [(a, b) for a, b in pairs if not a.dialogue.is_scam]
    gain = auc_difference(_peaks(scams), _peaks(benign))
    right = [(_is_right(a, threshold), _is_right(b, threshold)) for a, b in pairs]
    only_first, only_second = right.count((True, False)), right.count((False, True))
    return Comparison(
        first=name,
        second=other,
        auc_gain=gain[0] if gain else None,
        auc_p=gain[1] if gain else None,
        only_first=only_first,
        only_second=only_second,
        p=mcnemar(only_first, only_second),
    )


def _peaks(pairs: Sequence[tuple[Replay, Replay]]) -> tuple[list[int], list[int]]:
    return [a.peak for a, _ in pairs], [b.peak for _, b in pairs]


def _is_right(replay: Replay, threshold: int) -> bool:
    return replay.is_flagged(threshold) == replay.dialogue.is_scam
