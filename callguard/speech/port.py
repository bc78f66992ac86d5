"""The port to speech recognition: one recogniser a track, fed with what is heard, telling what was said."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word; its positions are milliseconds of the audio fed to its recogniser."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Recognised:
    """A result of one track. Partials grow until a final replaces them; only finals carry words."""

    text: str
    is_final: bool
    confidence: float | None
    stability: float | None
    start_ms: int
    end_ms: int
    words: tuple[Word, ...] = ()


OnResult = Callable[[Recognised], Awaitable[None]]


class TrackRecogniser(Protocol):
    """Listens to one track."""

    def feed(self, mulaw: bytes) -> None:
        """Take the next 8 kHz mu-law samples; never blocks."""
        ...

    async def close(self) -> None:
        """Tell the rest as a final, then stop. No result comes after it returns."""
        ...


class RecogniserFactory(Protocol):
    """Opens a recogniser for each track of each transcription."""

    def open(self, language: str, on_result: OnResult) -> TrackRecogniser:
        """A recogniser for a BCP-47 language that awaits `on_result` with each result, in order."""
        ...
