"""How a call is listened to, what can fail of that, and what is done about it."""

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Final

STARTED_WITHIN_S: Final = 10.0
SILENT_AFTER_MS: Final = 15_000
MOST_RESTARTS: Final = 3
"""Of a call's stream."""
MOST_TRANSCRIPTION_RESTARTS: Final = 1
"""Of a call's transcription; after that it is degraded for good."""

LOCAL_PREFIX: Final = "local-"
"""Begins the transcription SID of what was recognised in this house."""


class Fault(StrEnum):
    """What fails. The transcription ones are Twilio's; UNHEARD is local recognition as the first source."""

    TRANSCRIPTION_MISSING = "transcription_missing"
    TRANSCRIPTION_FAILED = "transcription_failed"
    TRANSCRIPTION_STOPPED = "transcription_stopped"
    TRANSCRIPTION_SILENT = "transcription_silent"
    UNHEARD = "unheard"
    AUDIO_LOST = "audio_lost"


class Remedy(StrEnum):
    """Who hears the words instead, or why nobody does."""

    LOCAL = "local"
    AT_CAPACITY = "at_capacity"
    NOT_INSTALLED = "not_installed"
    OTHER_LANGUAGE = "other_language"
    AFTERWARDS = "afterwards"
    RECOGNISED_AFTERWARDS = "recognised_afterwards"
    AUDIO_DROPPED = "audio_dropped"


TRANSCRIPTION_ENDED: Final = (
    Fault.TRANSCRIPTION_MISSING,
    Fault.TRANSCRIPTION_FAILED,
    Fault.TRANSCRIPTION_STOPPED,
)
"""Faults of a transcription that does not run; one that starts anew ends them."""
WORDS_LOST: Final = frozenset(Fault) - {Fault.AUDIO_LOST}
"""Faults that local recognition makes good."""


def transcription_fault(state: str) -> Fault | None:
    """What a transcription's state means once it should be running: waiting, started, stopped or failed."""
    return {
        "waiting": Fault.TRANSCRIPTION_MISSING,
        "stopped": Fault.TRANSCRIPTION_STOPPED,
        "failed": Fault.TRANSCRIPTION_FAILED,
    }.get(state)


def is_silent(state: str, unheard_ms: int) -> bool:
    """Whether a running transcription hears nothing while the caller speaks."""
    return state == "started" and unheard_ms >= SILENT_AFTER_MS


def needs_ears(faults: Collection[str]) -> bool:
    """Whether the words of a call with these faults are lost unless somebody else hears them."""
    return not WORDS_LOST.isdisjoint(faults)


_FAULT_WORDS = {
    Fault.TRANSCRIPTION_MISSING: "the transcription did not start",
    Fault.TRANSCRIPTION_FAILED: "the transcription reported an error",
    Fault.TRANSCRIPTION_STOPPED: "the transcription stopped during the call",
    Fault.TRANSCRIPTION_SILENT: "the transcription hears nothing although the caller speaks",
    Fault.UNHEARD: "the words of this call are not recognised",
    Fault.AUDIO_LOST: "the call's audio does not arrive",
}
_REMEDY_WORDS = {
    Remedy.LOCAL: "callguard's own speech recognition listens instead",
    Remedy.AT_CAPACITY: "callguard's own speech recognition is busy with other calls, "
    "so nobody hears the words",
    Remedy.NOT_INSTALLED: "callguard's own speech recognition is not installed, so nobody hears the words",
    Remedy.OTHER_LANGUAGE: "callguard's own speech recognition does not know the language, "
    "so nobody hears the words",
    Remedy.AFTERWARDS: "callguard's own speech recognition is busy with other calls, "
    "so the caller's words are recognised when the call has ended",
    Remedy.RECOGNISED_AFTERWARDS: "the caller's words were recognised after the call",
    Remedy.AUDIO_DROPPED: "the caller's words were to be recognised after the call, but their audio is gone",
}


def degraded_words(notices: Iterable[tuple[str, str | None]], missing: int = 0) -> str | None:
    """Open faults, each with its remedy if any, and results that never came, as a sentence for people; None
    where nothing fails.
    """
    parts = []
    if missing:
        parts.append(
            f"{missing} result{'s' if missing > 1 else ''} of the transcription did not arrive, "
            "so some words may be missing"
        )
    for fault, remedy in notices:
        parts.append(_FAULT_WORDS[Fault(fault)])
        if remedy is not None:
            parts.append(_REMEDY_WORDS[Remedy(remedy)])
    sentence = "; ".join(dict.fromkeys(parts))
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else None
