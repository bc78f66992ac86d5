"""Several that listen along with one stream."""

from collections.abc import Sequence

import structlog

from callguard.media.endpoint import AdmittedStream, StreamEar
from callguard.media.session import StreamEvent, StreamSession

log = structlog.get_logger(__name__)


class Ears:
    """Implements `StreamEar` for all of them, in their order. What befalls one is neither the others' matter
    nor the audio's.
    """

    def __init__(self, *ears: StreamEar) -> None:
        self._ears = ears

    def opened(self, stream: AdmittedStream, session: StreamSession) -> None:
        for ear in self._ears:
            try:
                ear.opened(stream, session)
            except Exception as error:  # noqa: BLE001  # the docstring says why
                _failed(ear, error)

    def heard(self, stream: AdmittedStream, events: Sequence[StreamEvent]) -> None:
        for ear in self._ears:
            try:
                ear.heard(stream, events)
            except Exception as error:  # noqa: BLE001  # the docstring says why
                _failed(ear, error)

    async def closed(self, stream: AdmittedStream) -> None:
        for ear in self._ears:
            try:
                await ear.closed(stream)
            except Exception as error:  # noqa: BLE001  # the docstring says why
                _failed(ear, error)


def _failed(ear: StreamEar, error: Exception) -> None:
    log.error("media.ear.failed", ear=type(ear).__name__, error=type(error).__name__)
