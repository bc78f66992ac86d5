"""Dialogue files: one JSON object a line, `{"id", "lang", "label", "turns": [{"speaker", "text"}]}`."""

from pathlib import Path
from typing import Literal

import msgspec

from callguard.errors import ProtocolError


class DialogueTurn(msgspec.Struct, frozen=True):
    """What one party says before the other speaks."""

    speaker: Literal["caller", "callee"]
    text: str


class Dialogue(msgspec.Struct, frozen=True):
    """A conversation by its words. Other fields of a line are ignored.

    `telling_turn`, from 0: where a careful person would know of a fraud. `split`: train or validation.
    """

    id: str
    turns: list[DialogueTurn]
    lang: str = "en"
    label: str | None = None
    hard: bool = False
    split: str | None = None
    telling_turn: int | None = None


def read_dialogues(path: Path) -> list[Dialogue]:
    """All dialogues of a file. Raises ProtocolError naming the first line that is wrong."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
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
        dialogues.append(dialogue)
    if not dialogues:
        raise ProtocolError(f"The dialogue file {path} is empty.")
    return dialogues
