"""The authored dialogues of `tests/data/text`, in the form in which they are judged.

They were written by hand, in the style of a speech recogniser, while the lexicon was made, and the lexicon
was mended on them: figures on them guard against going back, and are no estimate for unseen calls.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from callguard.domain.transcript import Speaker, Utterance

FILE = Path(__file__).parents[2] / "data" / "text" / "first_light.jsonl"


@dataclass(frozen=True)
class Dialogue:
    """One call."""

    name: str
    is_fraud: bool
    kind: str
    utterances: tuple[Utterance, ...]


@cache
def dialogues() -> tuple[Dialogue, ...]:
    """Every dialogue of the file."""
    return tuple(_dialogue(line) for line in FILE.read_text(encoding="utf-8").splitlines())


def _dialogue(line: str) -> Dialogue:
    told = json.loads(line)
    utterances = tuple(
        Utterance(Speaker(turn["speaker"]), turn["text"], is_final=True, sequence=place)
        for place, turn in enumerate(told["turns"])
    )
    return Dialogue(told["id"], told["label"] == "scam", told["type"], utterances)
