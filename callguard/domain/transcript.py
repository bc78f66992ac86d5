"""The words of a call: results as the recogniser gave them, and the transcript they make.

Results arrive in any order and more than once. Within one transcription session `sequence` rises over both
tracks; (session, sequence) names a result. A partial grows until a final supersedes it on its track.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Speaker(StrEnum):
    """Who was speaking. On the inbound leg the caller is the inbound track, the callee the outbound track."""

    CALLER = "caller"
    CALLEE = "callee"


@dataclass(frozen=True, slots=True)
class Result:
    """One recognition result of one track.

    `session_start` (seconds) puts a restarted transcription after the first.
    """

    session: str
    sequence: int
    speaker: Speaker
    text: str
    is_final: bool
    session_start: float = 0.0


@dataclass(frozen=True, slots=True)
class Utterance:
    """A stretch of one speaker's words in the assembled transcript; a partial one may still change."""

    speaker: Speaker
    text: str
    is_final: bool
    sequence: int


def assemble(results: Iterable[Result]) -> tuple[Utterance, ...]:
    """The transcript as it stands: every final in order, then each track's newest partial if no final
    followed it.

    The order in which results are given, and duplicates, make no difference.
    """
    unique = {(r.session, r.sequence): r for r in results if r.is_final or r.text.strip()}
    ordered = sorted(unique.values(), key=lambda r: (r.session_start, r.session, r.sequence))
    last_final: dict[tuple[str, Speaker], int] = {}
    last_partial: dict[tuple[str, Speaker], int] = {}
    for result in ordered:
        newest = last_final if result.is_final else last_partial
        newest[result.session, result.speaker] = result.sequence

    def stands(result: Result) -> bool:
        track = (result.session, result.speaker)
        if result.is_final:
            return True
        return last_partial[track] == result.sequence > last_final.get(track, -1)

    return tuple(
        Utterance(speaker=r.speaker, text=r.text.strip(), is_final=r.is_final, sequence=r.sequence)
        for r in ordered
        if r.text.strip() and stands(r)
    )


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything one speaker said before the other spoke."""

    speaker: Speaker
    text: str


def turns(utterances: Iterable[Utterance]) -> tuple[Turn, ...]:
    """Neighbouring utterances of one speaker joined: people read turns, not a recogniser's segments."""
    joined: list[Turn] = []
    for utterance in utterances:
        if joined and joined[-1].speaker is utterance.speaker:
            joined[-1] = Turn(utterance.speaker, f"{joined[-1].text} {utterance.text}")
        else:
            joined.append(Turn(utterance.speaker, utterance.text))
    return tuple(joined)


def as_text(utterances: Iterable[Utterance]) -> str:
    """One line a turn, `speaker: words`: the form that people read and that is stored with a verdict."""
    return "\n".join(f"{turn.speaker}: {turn.text}" for turn in turns(utterances))
