"""The figures of a scorer on labelled dialogues.

A call is flagged if at any turn its risk reached the threshold of a warning; AUC and calibration are of the
highest risk that it reached. Precision, recall, F1 and AUC are of conversations: robocalls and everyday
speech, which are easy and of one kind each, have lines of their own.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from callguard.domain.scoring import SUSPECT_FROM
from callguard.domain.signals import FraudType
from callguard.evaluation.replay import Replay
from callguard.evaluation.statistics import Calibration, Estimate, Share, auc, calibration, f1, share


@dataclass(frozen=True, slots=True)
class Row:
    """The judgement of some conversations; `judged_by` are the models that the scores named.

    Medians are over the scams that were flagged: the turn, from 1, and the words spoken until then; None
    where none was.
    """

    name: str
    judged_by: tuple[str, ...]
    scams: int
    benign: int
    auc: Estimate | None
    precision: Share
    recall: Share
    f1: Estimate | None
    false_alarms_hard: Share
    false_alarms_plain: Share
    by_telling_turn: Share
    median_turn: float | None
    median_words: float | None


@dataclass(frozen=True, slots=True)
class Missed:
    """A scam that was never flagged, or an honest call that was."""

    id: str
    lang: str
    type: str | None
    scenario: str | None
    peak: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that is told of one model."""

    model: str
    version: str
    threshold: int
    rows: tuple[Row, ...]
    robocalls_caught: Share
    false_alarms_everyday: Share
    injected_caught: Share
    injected_benign_flagged: Share
    recall_by_type: dict[str, Share]
    calibration: Calibration | None
    misses: tuple[Missed, ...]
    false_alarms: tuple[Missed, ...]


def figures(model: str, version: str, replays: Sequence[Replay], threshold: int = SUSPECT_FROM) -> Figures:
    """The figures of `replays`; each dialogue has a label."""
    scams = [r for r in replays if r.dialogue.is_scam]
    benign = [r for r in replays if not r.dialogue.is_scam]
    talks = conversations(replays)

    def flagged(calls: Iterable[Replay]) -> Share:
        return _flagged(calls, threshold)

    types = sorted({_type(r) for r in talks if r.dialogue.is_scam})
    return Figures(
        model=model,
        version=version,
        threshold=threshold,
        rows=tuple(_rows(talks, threshold)),
        robocalls_caught=flagged(r for r in scams if r.dialogue.is_robocall),
        false_alarms_everyday=flagged(r for r in benign if r.dialogue.is_everyday),
        injected_caught=flagged(r for r in scams if r.dialogue.injection),
        injected_benign_flagged=flagged(r for r in benign if r.dialogue.injection),
        recall_by_type={name: flagged(r for r in scams if _type(r) == name) for name in types},
        calibration=calibration([(r.peak / 100, r.dialogue.is_scam) for r in talks]),
        misses=_told(sorted((r for r in scams if not r.is_flagged(threshold)), key=lambda r: r.peak)),
        false_alarms=_told(sorted((r for r in benign if r.is_flagged(threshold)), key=lambda r: -r.peak)),
    )


def conversations(replays: Iterable[Replay]) -> list[Replay]:
    """Those that are neither robocalls nor everyday speech."""
    return [r for r in replays if not r.dialogue.is_robocall and not r.dialogue.is_everyday]


def _rows(talks: Sequence[Replay], threshold: int) -> Iterator[Row]:
    """One for each language, for all but English where there are several, and for all."""
    languages = sorted({r.dialogue.lang for r in talks}, key=lambda lang: (lang != "en", lang))
    for language in languages:
        yield _row(language, [r for r in talks if r.dialogue.lang == language], threshold)
    others = [language for language in languages if language != "en"]
    if len(others) > 1 and len(others) < len(languages):
        yield _row("+".join(others), [r for r in talks if r.dialogue.lang != "en"], threshold)
    if len(languages) > 1:
        yield _row("all", talks, threshold)


def _row(name: str, talks: Sequence[Replay], threshold: int) -> Row:
    scams = [r for r in talks if r.dialogue.is_scam]
    benign = [r for r in talks if not r.dialogue.is_scam]
    recall, false_alarms = _flagged(scams, threshold), _flagged(benign, threshold)
    told = [r for r in scams if r.dialogue.telling_turn is not None]
    detected = [(turn, r.words[turn]) for r in scams if (turn := r.first_at(threshold)) is not None]
    return Row(
        name=name,
        judged_by=tuple(sorted({r.judged_by for r in talks})),
        scams=len(scams),
        benign=len(benign),
        auc=auc([r.peak for r in scams], [r.peak for r in benign]),
        precision=share(recall.count, recall.count + false_alarms.count),
        recall=recall,
        f1=f1(recall.count, len(scams) - recall.count + false_alarms.count),
        false_alarms_hard=_flagged((r for r in benign if r.dialogue.hard), threshold),
        false_alarms_plain=_flagged((r for r in benign if not r.dialogue.hard), threshold),
        by_telling_turn=share(sum(_in_time(r, threshold) for r in told), len(told)),
        median_turn=median(turn + 1 for turn, _ in detected) if detected else None,
        median_words=median(words for _, words in detected) if detected else None,
    )


def _flagged(replays: Iterable[Replay], threshold: int) -> Share:
    calls = list(replays)
    return share(sum(r.peak >= threshold for r in calls), len(calls))


def _in_time(replay: Replay, threshold: int) -> bool:
    """Whether the scam was flagged by the turn at which a careful person would know."""
    turn, telling = replay.first_at(threshold), replay.dialogue.telling_turn
    return turn is not None and telling is not None and turn <= telling


def _type(replay: Replay) -> str:
    return replay.dialogue.type or FraudType.OTHER


def _told(replays: Iterable[Replay]) -> tuple[Missed, ...]:
    return tuple(
        Missed(r.dialogue.id, r.dialogue.lang, r.dialogue.type, r.dialogue.scenario, r.peak) for r in replays
    )
