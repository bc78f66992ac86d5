"""Processes that score voices, away from the event loop and from the call path's core.

They start with the first window and are started again if one dies; what it had is lost, and the next window
comes two seconds later.
"""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from multiprocessing import get_context
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.errors import CallguardError
from callguard.voice.deepfake.port import Detector, WindowScore
from callguard.voice.deepfake.shipped import load

SCORE_SECONDS: Final = 20.0
"""A batch that takes longer is given up with its process."""
_NICENESS: Final = 10

Windows = Sequence[NDArray[np.float32]]


class VoiceScoringFailed(CallguardError):
    """The windows were not scored."""

    code = "VOICE_SCORING_FAILED"


class VoiceWorkers:
    """At most `count` processes, each with the detector in its memory."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool: ProcessPoolExecutor | None = None

    async def score(self, windows: Windows) -> list[WindowScore]:
        """Each window's score. Raises VoiceScoringFailed."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._count, mp_context=get_context("spawn"), initializer=os.nice, initargs=(_NICENESS,)
            )
        try:
            async with asyncio.timeout(SCORE_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._pool, _score, list(windows))
        except (BrokenProcessPool, TimeoutError) as error:
            self.close()
            raise VoiceScoringFailed(
                f"A process that scores voices ended or hung ({type(error).__name__}); it is started again."
            ) from None

    def close(self) -> None:
        """Ends the processes."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


@lru_cache(1)
def _detector() -> Detector:
    return load()


def _score(windows: Windows) -> list[WindowScore]:
    return _detector().score(windows)
