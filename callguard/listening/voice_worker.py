"""A process that judges voices: requests on its standard input, answers on its standard output.

`voice_process` is its start, `voice_workers` feeds and ends it. When its input ends, it ends, whatever it is
at: so it outlives no server, not even one that was killed. It has the models in its memory, and writes
nothing anywhere.
"""

import os
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from queue import SimpleQueue
from typing import BinaryIO, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from callguard.domain.audio import mulaw_decode
from callguard.errors import CallguardError
from callguard.voice.deepfake.detectors import Choice
from callguard.voice.deepfake.port import Detector
from callguard.voice.speaker import model as speaker
from callguard.voice.speaker.verification import verify
from callguard.voice.speaker.voiceprint import Voiceprint

LENGTH_BYTES: Final = 4
FULL_SCALE: Final = np.float32(1 / 32768)


class Score(msgspec.Struct, frozen=True, tag="score", array_like=True):
    """Windows of speech, 16-bit samples at 8 kHz each, to be scored."""

    windows: list[bytes]


class Compare(msgspec.Struct, frozen=True, tag="compare", array_like=True):
    """A caller's mu-law, to be compared with voiceprints: packed, each with the network that made it."""

    mulaw: bytes
    voiceprints: list[tuple[bytes, str]]


class Scored(msgspec.Struct, frozen=True, tag="scored", array_like=True):
    """For each window its score or a reason why not, and its seconds of speech."""

    model: str
    windows: list[tuple[float | None, str | None, float]]


class Compared(msgspec.Struct, frozen=True, tag="compared", array_like=True):
    """For each voiceprint the reason of the verdict and the similarity, None where there is none."""

    model: str
    found: list[tuple[str, float | None]]


class Failed(msgspec.Struct, frozen=True, tag="failed", array_like=True):
    """Nothing could be judged; `code` is stable, and says nothing of what was sent."""

    code: str


Request = Score | Compare
Answer = Scored | Compared | Failed
OUTDATED: Final = "VOICEPRINT_OUTDATED"


def framed(message: Request | Answer) -> bytes:
    """As it goes through the pipe: its length, then it."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(LENGTH_BYTES) + body


class Judge:
    """Answers requests. Each model is loaded when it is asked for first."""

    def __init__(self, detector: Callable[[], Detector]) -> None:
        self._detector = lru_cache(1)(detector)

    def answer(self, request: Request) -> Answer:
        try:
            return self._score(request) if isinstance(request, Score) else _compare(request)
        except CallguardError as error:
            return Failed(error.code)
        except Exception as error:  # noqa: BLE001  # whatever a model trips over, the next window is another
            return Failed(type(error).__name__)

    def _score(self, request: Score) -> Scored:
        detector = self._detector()
        found = detector.score([samples_of(pcm) for pcm in request.windows])
        return Scored(detector.version, [(each.score, each.reason, each.speech_s) for each in found])


def samples_of(pcm: bytes) -> NDArray[np.float32]:
    """16-bit samples as float32 of full scale 1."""
    return np.frombuffer(pcm, np.int16) * FULL_SCALE


def _compare(request: Compare) -> Compared:
    model = speaker.load()
    samples = mulaw_decode(request.mulaw) * FULL_SCALE
    found: list[tuple[str, float | None]] = []
    for packed, network in request.voiceprints:
        if network != model.encoder.checksum:
            found.append((OUTDATED, None))
            continue
        # Without a detector's score: whether the voice is synthetic is shown beside it, and counts by itself.
        told = verify(Voiceprint.unpack(packed), samples, model)
        found.append((told.reason, told.similarity))
    return Compared(model.version, found)


def serve(judge: Judge, requests: BinaryIO, answers: BinaryIO, leave: Callable[[], None]) -> None:
    """Answers until the requests end; then leaves, by a thread of its own: a model may be computing."""
    waiting: SimpleQueue[bytes] = SimpleQueue()

    def read() -> None:
        while body := _frame(requests):
            waiting.put(body)
        leave()

    threading.Thread(target=read, daemon=True).start()
    while True:
        request = msgspec.msgpack.decode(waiting.get(), type=Request)
        answers.write(framed(judge.answer(request)))
        answers.flush()


def _frame(pipe: BinaryIO) -> bytes:
    """The next message; empty where there is none any more."""
    return pipe.read(int.from_bytes(pipe.read(LENGTH_BYTES)))


def main(detector: str) -> None:
    """Answers on standard input and output until they close."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(
        sys.stderr.fileno(), sys.stdout.fileno()
    )  # what libraries print must not end up among the answers
    serve(Judge(Choice(detector).load), sys.stdin.buffer, answers, lambda: os._exit(0))
