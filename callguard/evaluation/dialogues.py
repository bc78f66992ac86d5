"""Dialogue files: one JSON object a line, `{"id", "lang", "label", "turns": [{"speaker", "text"}]}`, and what
authored ones say besides.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from callguard.domain.transcript import Speaker, Utterance
from callguard.errors import ProtocolError

ROBOCALL = "robocall"
EVERYDAY = frozenset({"spoken", "ordering"})


class DialogueTurn(msgspec.Struct, frozen=True):
    """What one party says before the other speaks."""

    speaker: Literal["caller", "callee"]
    text: str


class Dialogue(msgspec.Struct, frozen=True):
    """A conversation by its words. Other fields of a line are ignored, and all but two can be left out.

    `type`: of the fraud, or of everyday speech. `telling_turn`: from 0, where a careful person would know.
    """

    id: str
    turns: list[DialogueTurn]
    lang: str = "en"
    label: Literal["scam", "benign"] | None = None
    type: str | None = None
    hard: bool = False
    scenario: str | None = None
    split: Literal["train", "validation", "test"] | None = None
    injection: bool = False
    telling_turn: int | None = None

    @property
    def is_scam(self) -> bool:
        return self.label == "scam"

    @property
    def is_robocall(self) -> bool:
        """One message of a machine, rather than a conversation."""
        return self.is_scam and self.type == ROBOCALL

    @property
    def is_everyday(self) -> bool:
        """Honest speech that is about nothing a fraud is about, such as an order."""
        return not self.is_scam and self.type in EVERYDAY


def read_dialogues(path: Path, *, labelled: bool = False) -> list[Dialogue]:
    """All dialogues of a file; `labelled`: each must say what it is.

    Raises ProtocolError naming the first line that is wrong, never with words that stand there.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ProtocolError(f"The dialogue file {path} can't be read ({type(error).__name__}).") from error
    dialogues: list[Dialogue] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            dialogue = msgspec.json.decode(line, type=Dialogue)
        except msgspec.DecodeError as error:
            raise ProtocolError(f"Line {number} of {path} is no dialogue: {error}.") from None
        if not any(turn.text.strip() for turn in dialogue.turns):
            raise ProtocolError(f"Line {number} of {path} has no words: `turns` must not be empty.")
        if labelled and dialogue.label is None:
            raise ProtocolError(f"Line {number} of {path} has no `label`: it must be scam or benign.")
        dialogues.append(dialogue)
    if not dialogues:
        raise ProtocolError(f"The dialogue file {path} is empty.")
    return dialogues


def growing(dialogue: Dialogue) -> Iterator[tuple[Utterance, ...]]:
    """The transcript after each turn, as a call that is listened to grows; a turn without words adds none."""
    heard: tuple[Utterance, ...] = ()
    for place, turn in enumerate(dialogue.turns):
        if turn.text.strip():
            heard += (Utterance(Speaker(turn.speaker), turn.text.strip(), is_final=True, sequence=place),)
        yield heard
