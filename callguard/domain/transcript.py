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

    `session_start` (seconds) puts a restarted transcription after the first; `spoken_at`: seconds into the
    call.
    """

    session: str
    sequence: int
    speaker: Speaker
    text: str
    is_final: bool
    session_start: float = 0.0
    spoken_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Utterance:
    """A stretch of one speaker's words in the assembled transcript; a partial one may still change.

    `spoken_at`: seconds into the call at which the recogniser told it.
    """

    speaker: Speaker
    text: str
    is_final: bool
    sequence: int
    spoken_at: float = 0.0


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
        Utterance(r.speaker, r.text.strip(), r.is_final, r.sequence, r.spoken_at)
        for r in ordered
        if r.text.strip() and stands(r)
    )


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything one speaker said before the other spoke, from `spoken_at` seconds into the call on."""

    speaker: Speaker
    text: str
    spoken_at: float = 0.0


def turns(utterances: Iterable[Utterance]) -> tuple[Turn, ...]:
    """Neighbouring utterances of one speaker joined: people read turns, not a recogniser's segments."""
    joined: list[Turn] = []
    for utterance in utterances:
        if joined and joined[-1].speaker is utterance.speaker:
            joined[-1] = Turn(utterance.speaker, f"{joined[-1].text} {utterance.text}", joined[-1].spoken_at)
        else:
            joined.append(Turn(utterance.speaker, utterance.text, utterance.spoken_at))
    return tuple(joined)


def as_text(utterances: Iterable[Utterance]) -> str:
    """One line a turn, `speaker: words`: the form that people read and that is stored with a verdict."""
    return "\n".join(f"{turn.speaker}: {turn.text}" for turn in turns(utterances))
