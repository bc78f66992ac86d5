"""A conversation as audio whose bytes say who says what when, and a recogniser that reads them."""

import asyncio
from collections.abc import Sequence
from typing import Final

from callguard.domain.transcript import Speaker
from callguard.local.twilio import AudioConversation
from callguard.speech.port import OnResult, Recognised, TrackRecogniser

SECOND: Final = 8000
_SILENCE: Final = b"\xff"


class Script:
    """Each turn is spoken in a second of its own, which repeats one byte. Implements `RecogniserFactory`."""

    def __init__(self, turns: Sequence[tuple[Speaker, str]], *, silent_seconds: int = 0) -> None:
        self._turns = turns
        self._silence = _SILENCE * SECOND * silent_seconds

    @property
    def conversation(self) -> AudioConversation:
        """Both sides; after the last turn the line is silent for a while."""
        caller, callee = (
            b"".join(
                (bytes([number]) if speaker is side else _SILENCE) * SECOND
                for number, (speaker, _) in enumerate(self._turns)
            )
            for side in (Speaker.CALLER, Speaker.CALLEE)
        )
        return AudioConversation(caller + self._silence, callee + self._silence)

    def open(self, _language: str, on_result: OnResult) -> TrackRecogniser:
        return _Reader([text for _, text in self._turns], on_result)


class _Reader:
    """Tells a turn when its first byte is heard."""

    def __init__(self, texts: Sequence[str], on_result: OnResult) -> None:
        self._texts = texts
        self._on_result = on_result
        self._read: set[int] = set()
        self._telling: asyncio.Queue[str | None] = asyncio.Queue()
        self._teller = asyncio.create_task(self._tell())

    def feed(self, mulaw: bytes) -> None:
        if mulaw[0] < len(self._texts) and mulaw[0] not in self._read:
            self._read.add(mulaw[0])
            self._telling.put_nowait(self._texts[mulaw[0]])

    async def _tell(self) -> None:
        while (text := await self._telling.get()) is not None:
            await self._on_result(Recognised(text, True, 0.9, None, 0, 0))

    async def close(self) -> None:
        self._telling.put_nowait(None)
        await self._teller
