"""Any server that speaks the voice API as a detector: `POST /v1/voice/deepfake`, a request for each window.

This sends a caller's voice to whoever runs that server. Only an operator's own setting turns it on, and in a
call nothing goes there before a keyword was heard. Sent are the window's samples as WAV and the key; no
number, no name, no identifier of the call. What the server says in errors is not repeated, since it may quote
what it was sent.
"""

import asyncio
import math
import random
import struct
import time
from collections.abc import Callable, Sequence
from typing import Final

import httpx
import msgspec
import numpy as np
from numpy.typing import NDArray

from callguard.domain.breaker import Breaker
from callguard.errors import DetectorError
from callguard.voice.deepfake.port import Detector, Reason, WindowScore

RATE: Final = 8000
PATH: Final = "/v1/voice/deepfake"
SECONDS: Final = 8.0
"""For all windows of one question together."""
AT_ONCE: Final = 4
LARGEST_ANSWER: Final = 1 << 16
_NO_SPEECH: Final = frozenset({"AUDIO_TOO_SHORT", "AUDIO_NO_SPEECH", "AUDIO_EMPTY"})

Samples = NDArray[np.float32]


class _Answer(msgspec.Struct):
    """What is needed of an answer; servers say more."""

    score: float
    confidence: float | None = None
    model_version: str = "unknown"


class _Refusal(msgspec.Struct):
    code: str = ""


class RemoteDetector:
    """Asks the server, within SECONDS; a breaker leaves one alone that keeps failing.

    Where it gives no answer, `fallback` judges these windows, all of them; without one, DetectorError is
    raised with the code DETECTOR_UNREACHABLE, _UNAUTHORISED, _REFUSED, _STRANGE or _RESTING. `version` is
    that of the model which judged last.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        fallback: Detector | None = None,
        *,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._fallback = url.rstrip("/") + PATH, fallback
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._seconds, self._clock = seconds, clock
        self._breaker = Breaker()
        self.version = "remote"

    def score(self, windows: Sequence[Samples]) -> list[WindowScore]:
        """For threads and processes without an event loop; see `judge`."""
        return asyncio.run(self.judge(windows))

    async def judge(self, windows: Sequence[Samples]) -> list[WindowScore]:
        """One answer for each window, in order."""
        try:
            return await self._ask(windows) if windows else []
        except DetectorError:
            if self._fallback is None:
                raise
        scores = await asyncio.to_thread(self._fallback.score, windows)
        self.version = self._fallback.version
        return scores

    async def _ask(self, windows: Sequence[Samples]) -> list[WindowScore]:
        now = self._clock()
        if self._breaker.rest(now):
            raise DetectorError("The voice server is left alone for a while.", code="DETECTOR_RESTING")
        self._breaker = self._breaker.asked(now)
        gate = asyncio.Semaphore(AT_ONCE)
        try:
            async with asyncio.timeout(self._seconds), httpx.AsyncClient(headers=self._headers) as client:
                scores = await asyncio.gather(*(self._window(client, gate, window) for window in windows))
        except _Failure as failure:
            self._breaker = self._breaker.failed(self._clock(), _chance(), failure.wanted)
            raise failure.told from None
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            self._breaker = self._breaker.failed(self._clock(), _chance())
            raise DetectorError(
                f"The voice server gave no answer ({type(error).__name__}). Check DEEPFAKE_API_URL.",
                code="DETECTOR_UNREACHABLE",
            ) from None
        self._breaker = self._breaker.succeeded()
        return scores

    async def _window(
        self, client: httpx.AsyncClient, gate: asyncio.Semaphore, window: Samples
    ) -> WindowScore:
        files = {"audio": ("speech.wav", wav(window), "audio/wav")}
        async with gate, client.stream("POST", self._url, files=files, timeout=self._seconds) as response:
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > LARGEST_ANSWER:
                    raise _strange()
        speech_s = len(window) / RATE
        if response.status_code in (400, 422) and _code(body) in _NO_SPEECH:
            return WindowScore(None, Reason.NOT_ENOUGH_SPEECH, speech_s)
        if response.status_code != 200:
            raise _refused(response)
        try:
            answer = msgspec.json.decode(body, type=_Answer)
        except msgspec.DecodeError:
            raise _strange() from None
        if not 0 <= answer.score <= 1:
            raise _strange()
        self.version = "remote " + "".join(c for c in answer.model_version if c.isprintable())[:60]
        if answer.confidence == 0:  # the protocol's way to say that there was too little speech
            return WindowScore(None, Reason.NOT_ENOUGH_SPEECH, speech_s)
        return WindowScore(answer.score, None, speech_s)


class _Failure(Exception):
    """The server failed; `wanted`: seconds for which it wants to be left alone."""

    def __init__(self, told: DetectorError, wanted: float = 0.0) -> None:
        super().__init__()
        self.told, self.wanted = told, wanted


def _strange() -> _Failure:
    return _Failure(
        DetectorError("The voice server's answer is none of the voice API.", code="DETECTOR_STRANGE")
    )


def _refused(response: httpx.Response) -> _Failure:
    status = response.status_code
    if status in (401, 403):
        told = "The voice server doesn't accept the key. Check DEEPFAKE_API_KEY."
        return _Failure(DetectorError(told, code="DETECTOR_UNAUTHORISED"))
    told = f"The voice server answers with HTTP {status}. Check that DEEPFAKE_API_URL is a voice API's."
    return _Failure(DetectorError(told, code="DETECTOR_REFUSED"), _seconds(response.headers))


def _seconds(headers: httpx.Headers) -> float:
    """Of Retry-After; its other form, a date, is not read, and the breaker's own rests do."""
    try:
        wanted = float(headers.get("Retry-After", 0))
    except ValueError:
        return 0.0
    return max(0.0, wanted) if math.isfinite(wanted) else 0.0


def _code(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Refusal).code
    except msgspec.DecodeError:
        return ""


def _chance() -> float:
    return random.random()  # noqa: S311  # spreads the rests; nothing depends on its secrecy


def wav(window: Samples) -> bytes:
    """Mono samples at 8 kHz as a WAV file of 16 bits."""
    data = np.rint(np.clip(window, -1, 1) * 32767).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    return (
        struct.pack("<4sI4s4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", len(form))
        + form
        + struct.pack("<4sI", b"data", len(data))
        + data
    )
