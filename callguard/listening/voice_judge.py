"""Who judges windows of a caller's speech: the processes of this house, and a server where one is set up."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import structlog
from numpy.typing import NDArray

from callguard.errors import DetectorError
from callguard.listening.voice_worker import Compared, samples_of
from callguard.listening.voice_workers import VoiceWorkers
from callguard.voice.deepfake.port import WindowScore
from callguard.voice.deepfake.remote import RemoteDetector
from callguard.voiceprints.book import Opened

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Speech:
    """A window of a caller's speech, 16-bit samples at 8 kHz; `may_leave`: to a server of somebody else's."""

    pcm: bytes = field(repr=False)
    may_leave: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """A window's score, or why there is none, and the model that says so."""

    score: WindowScore
    model: str


class VoiceJudge:
    """The workers' score stands wherever the server is not asked, or gives no answer. What is no speech to
    them is not sent to it.
    """

    def __init__(self, workers: VoiceWorkers, server: RemoteDetector | None = None) -> None:
        self._workers = workers
        self._server = server

    async def score(self, windows: Sequence[Speech]) -> list[Verdict]:
        """One verdict for each window, in order. Raises VoiceNotJudged."""
        told = await self._workers.score([window.pcm for window in windows])
        verdicts = [Verdict(score, told.model) for score in told.scores]
        if self._server is not None:
            leaving = [
                place
                for place, window in enumerate(windows)
                if window.may_leave and verdicts[place].score.score is not None
            ]
            for place, verdict in zip(
                leaving,
                await self._asked(self._server, [samples_of(windows[p].pcm) for p in leaving]),
                strict=False,
            ):
                verdicts[place] = verdict
        return verdicts

    async def compare(self, mulaw: bytes, voiceprints: Sequence[Opened]) -> Compared:
        """A caller's voice beside enrolled ones, here in the house. Raises VoiceNotJudged."""
        return await self._workers.compare(mulaw, [(each.packed, each.network) for each in voiceprints])

    async def _asked(self, server: RemoteDetector, windows: Sequence[NDArray[np.float32]]) -> list[Verdict]:
        """The server's verdicts; none where it gives no answer."""
        try:
            return [Verdict(score, server.version) for score in await server.judge(windows)]
        except DetectorError as error:
            log.warning("voice_server_failed", code=error.code)
            return []
