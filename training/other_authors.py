"""`python -m training.other_authors`: how the scorer fares on calls that somebody else wrote.

The shipped model has learnt from two authors in most languages. Here it is fitted to the first ones alone, at
the shipped threshold's share of false alarms, and judges all calls of the second ones (`second_*`, ids with
`-s-`), which no weight was fitted to. About four minutes.
"""

from callguard.analysis.encoder import Encoder
from callguard.analysis.trained_scorer import TrainedScorer
from callguard.evaluation.dialogues import Dialogue, read_dialogues
from callguard.evaluation.figures import Row, figures
from callguard.evaluation.replay import replay
from callguard.evaluation.statistics import Share
from training.dialogue_counts import TEXTS
from training.train_text import calls, train

SECOND = "-s-"
SEED = 1


def main() -> None:
    """Trains, judges, and prints a line a language."""
    first = [call for call in calls() if SECOND not in call.dialogue["id"]]
    scorer = TrainedScorer(train(first, SEED), Encoder())
    found = [replay(dialogue, scorer) for dialogue in second()]
    print(f"Fitted to {len(first)} calls of first authors, tried on {len(found)} of second ones.")
    for row in figures("first authors", scorer.version, found).rows:
        print(line(row))


def second() -> list[Dialogue]:
    """What second authors wrote."""
    paths = sorted(TEXTS.glob("*/*.jsonl"))
    return [dialogue for path in paths for dialogue in read_dialogues(path) if SECOND in dialogue.id]


def line(row: Row) -> str:
    """A row's figures in words."""
    auc = f"{row.auc.value:.3f} ({row.auc.low:.3f}-{row.auc.high:.3f})" if row.auc else "none"
    return (
        f"{row.name}: AUC {auc}, precision {_of(row.precision)}, recall {_of(row.recall)}, false alarms hard"
        f" {_of(row.false_alarms_hard)}, plain {_of(row.false_alarms_plain)}, by the telling turn"
        f" {_of(row.by_telling_turn)}"
    )


def _of(share: Share) -> str:
    return f"{share.count} of {share.of}"


if __name__ == "__main__":
    main()
