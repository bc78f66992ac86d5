"""`python -m bench.steadiness`: how often verdicts change while a call goes on, before and after they are
held.

Authored validation dialogues in English grow by four words at a time, as partials do. With a judge, each
final is first looked at by the scorer alone, then with an opinion that sees 25 points more, as it happens in
a call: the opinion is outdated by the next words.
"""

from itertools import pairwise

from callguard.analysis.models import SHIPPED, Scorer, load
from callguard.domain.scoring import Verdict, fuse, verdict_of
from callguard.domain.signals import LlmOpinion, SuggestedAction
from callguard.domain.steadiness import Steady, steadied
from callguard.domain.transcript import Speaker, Utterance
from training.dialogue_counts import TEXTS, Dialogue, read

WORDS = 4
JUDGE_SEES_MORE = 25
_ORDER = list(Verdict)


def looks(dialogue: Dialogue, scorer: Scorer, *, judged: bool) -> list[tuple[int, int]]:
    """Each measured risk, and how many finals there were by then."""
    said: list[Utterance] = []
    found: list[tuple[int, int]] = []
    for place, turn in enumerate(dialogue["turns"]):
        words, speaker = turn["text"].split(), Speaker(turn["speaker"])
        for heard in range(WORDS, len(words), WORDS):
            partial = Utterance(speaker, " ".join(words[:heard]), False, place)
            found.append((fuse([scorer.score([*said, partial])]).risk, len(said)))
        said.append(Utterance(speaker, turn["text"], True, place))
        local = scorer.score(said)
        found.append((fuse([local]).risk, len(said)))
        if judged:
            found.append((fuse([local, _opinion(local.risk)]).risk, len(said)))
    return found


def _opinion(local: int) -> LlmOpinion:
    more = min(100, local + JUDGE_SEES_MORE) if local else 0
    return LlmOpinion(more, None, (), (), (), (), "", SuggestedAction.NONE, 0.8, "bench", "bench")


def changes(verdicts: list[Verdict]) -> tuple[int, int]:
    """How often the verdict changed, and how often to a lower one."""
    steps = [(_ORDER.index(a), _ORDER.index(b)) for a, b in pairwise(verdicts)]
    return sum(a != b for a, b in steps), sum(a > b for a, b in steps)


def held(measured: list[tuple[int, int]]) -> list[Verdict]:
    """The verdicts that stand."""
    steady, stood = Steady(), []
    for risk, finals in measured:
        steady = steadied(steady, risk, finals)
        stood.append(verdict_of(steady.risk))
    return stood


def main() -> None:
    """Prints a line without and one with the judge."""
    scorer = load(SHIPPED)
    dialogues = [found for found in read(TEXTS / "en") if found["split"] == "validation"]
    for judged in (False, True):
        all_looks = [looks(dialogue, scorer, judged=judged) for dialogue in dialogues]
        before = [changes([verdict_of(risk) for risk, _ in each]) for each in all_looks]
        after = [changes(held(each)) for each in all_looks]
        told = [
            f"{sum(n for n, _ in part)} changes, {sum(n for _, n in part)} down" for part in (before, after)
        ]
        name = "with the judge" if judged else "scorer alone"
        print(f"{name}, {len(dialogues)} calls: measured {told[0]}; standing {told[1]}")


if __name__ == "__main__":
    main()
