"""The processes that judge voices, seen from the server: a bounded number, away from the call path's core.

Each starts when it is first needed and has one request at a time. One that dies, or takes longer than it may,
is ended and started again with the next request; if that happens again and again, it rests in between.
"""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from callguard.errors import CallguardError
from callguard.listening.voice_worker import (
    LENGTH_BYTES,
    Answer,
    Compare,
    Compared,
    Failed,
    Request,
    Score,
    Scored,
    framed,
)
from callguard.voice.deepfake.port import Reason, WindowScore

ANSWER_SECONDS: Final = 20.0
"""For one request, the start of the process and of its models included."""
_REST_SECONDS: Final = 30.0
"""The longest rest of one that keeps failing."""

A = TypeVar("A", Scored, Compared)


class VoiceNotJudged(CallguardError):
    """A process that judges voices died, hung, rests, or could not judge; the code says which."""

    code = "VOICE_NOT_JUDGED"


@dataclass(frozen=True, slots=True)
class Judged:
    """Windows' scores, in order, and the model they come from."""

    model: str
    scores: list[WindowScore]


class VoiceWorkers:
    """At most `count` processes with the detector of this name (`voice.deepfake.detectors.Choice`)."""

    def __init__(self, detector: str, count: int, *, seconds: float = ANSWER_SECONDS) -> None:
        self._workers = [_Worker(detector, seconds) for _ in range(count)]
        self._idle: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()
        for worker in reversed(self._workers):
            self._idle.put_nowait(worker)  # the last one used comes first: the others need not start

    async def score(self, windows: Sequence[bytes]) -> Judged:
        """Scores windows of 16-bit samples at 8 kHz. Raises VoiceNotJudged."""
        told = await self._ask(Score(list(windows)), Scored)
        scores = [WindowScore(score, Reason(why) if why else None, s) for score, why, s in told.windows]
        return Judged(told.model, scores)

    async def compare(self, mulaw: bytes, voiceprints: Sequence[tuple[bytes, str]]) -> Compared:
        """A caller's voice beside enrolled ones. Raises VoiceNotJudged."""
        return await self._ask(Compare(mulaw, list(voiceprints)), Compared)

    async def close(self) -> None:
        """Ends the processes."""
        await asyncio.gather(*(worker.end() for worker in self._workers))

    async def _ask(self, request: Request, answer: type[A]) -> A:
        worker = await self._idle.get()
        try:
            told = await worker.ask(request)
        finally:
            self._idle.put_nowait(worker)
        if isinstance(told, Failed):
            raise VoiceNotJudged(
                "A voice could not be judged. Check the detector with: callguard score", code=told.code
            )
        assert isinstance(told, answer), "a worker answers what it was asked"
        return told


def _environment() -> dict[str, str]:
    """Ours, with which the process finds the same packages, wherever this one found them."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(os.path.abspath(place) for place in sys.path)}  # noqa: PTH100


class _Worker:
    """One process, or none yet."""

    def __init__(self, detector: str, seconds: float) -> None:
        self._command = (sys.executable, "-P", "-m", "callguard.listening.voice_process", detector)
        self._seconds = seconds
        self._process: Process | None = None
        self._failures = 0
        self._rests_until = 0.0

    async def ask(self, request: Request) -> Answer:
        """Raises VoiceNotJudged."""
        now = asyncio.get_running_loop().time()
        if now < self._rests_until:
            raise VoiceNotJudged("Processes that judge voices keep failing.", code="VOICE_WORKER_RESTS")
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._exchange(request)
        except (OSError, EOFError, TimeoutError, msgspec.DecodeError) as error:
            await self.end()
            self._failures += 1
            if self._failures > 1:
                self._rests_until = now + min(_REST_SECONDS, 0.5 * 2**self._failures)
            hung = isinstance(error, TimeoutError)
            raise VoiceNotJudged(
                "A process that judges voices was lost; another one takes its place.",
                code="VOICE_WORKER_HUNG" if hung else "VOICE_WORKER_DIED",
            ) from None
        except asyncio.CancelledError:
            await self.end()  # its answer would be taken for the next one's
            raise
        self._failures = 0
        return answer

    async def _exchange(self, request: Request) -> Answer:
        if self._process is None:
            # A session of its own: Ctrl-C in a terminal is the server's to answer.
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, start_new_session=True, env=_environment()
            )
        to, back = self._process.stdin, self._process.stdout
        assert to is not None, "piped"
        assert back is not None, "piped"
        to.write(framed(request))
        await to.drain()
        body = await back.readexactly(int.from_bytes(await back.readexactly(LENGTH_BYTES)))
        answer: Answer = msgspec.msgpack.decode(body, type=Answer)
        return answer

    async def end(self) -> None:
        """Kills the process, if there is one, and sees it gone."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        assert process.stdin is not None, "piped"
        assert process.stdout is not None, "piped"
        process.stdin.close()
        await process.stdout.read()
        await process.wait()
