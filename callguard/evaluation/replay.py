"""A dialogue replayed: the risk after each turn, and when it was high enough to alert."""

from dataclasses import dataclass

from callguard.analysis.models import Scorer
from callguard.domain.scoring import SUSPECT_FROM
from callguard.evaluation.dialogues import Dialogue, growing


@dataclass(frozen=True, slots=True)
class Replay:
    """What a scorer made of a dialogue. `risks` 0-100 after each turn; `words` spoken by both up to then;
    `judged_by` is what the scores named as their model.
    """

    dialogue: Dialogue
    judged_by: str
    risks: tuple[int, ...]
    words: tuple[int, ...]

    @property
    def peak(self) -> int:
        """The highest risk reached: what people are told stays, though later words may lower it."""
        return max(self.risks)

    def first_at(self, threshold: int = SUSPECT_FROM) -> int | None:
        """The first turn (from 0) after which the risk had reached the threshold; None if it never did."""
        return next((turn for turn, risk in enumerate(self.risks) if risk >= threshold), None)

    def is_flagged(self, threshold: int = SUSPECT_FROM) -> bool:
        return self.peak >= threshold


def replay(dialogue: Dialogue, scorer: Scorer) -> Replay:
    """The dialogue as `scorer` sees it grow, turn by turn, in the dialogue's own language."""
    transcripts = list(growing(dialogue))
    scores = [scorer.score(heard, dialogue.lang) for heard in transcripts]
    words = tuple(sum(len(utterance.text.split()) for utterance in heard) for heard in transcripts)
    return Replay(dialogue, scores[-1].model, tuple(score.risk for score in scores), words)
