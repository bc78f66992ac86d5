"""A scorer whose risk is written in the words, and dialogues for it."""

from collections.abc import Sequence
from typing import Literal

from callguard.domain.signals import LocalScore
from callguard.domain.transcript import Utterance
from callguard.evaluation.dialogues import Dialogue, DialogueTurn


class ToldScorer:
    """The risk is the last number that was said: `0` before any."""

    version = "told-1"

    def score(self, utterances: Sequence[Utterance], language: str = "en") -> LocalScore:
        numbers = [word for u in utterances for word in u.text.split() if word.isdigit()]
        return LocalScore(int(numbers[-1]) if numbers else 0, None, {}, (), f"told {language}")


def dialogue(name: str, *said: str, scam: bool = True, **more: object) -> Dialogue:
    """A dialogue in which caller and callee take turns."""
    turns = [DialogueTurn(("caller", "callee")[place % 2], text) for place, text in enumerate(said)]
    label: Literal["scam", "benign"] = "scam" if scam else "benign"
    return Dialogue(name, turns, label=label, **more)  # type: ignore[arg-type]
