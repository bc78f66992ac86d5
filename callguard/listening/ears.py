"""Several that listen along with one stream."""

from collections.abc import Sequence

from callguard.media.endpoint import AdmittedStream, StreamEar
from callguard.media.session import StreamEvent, StreamSession


class Ears:
    """Implements `StreamEar` for all of them, in their order."""

    def __init__(self, *ears: StreamEar) -> None:
        self._ears = ears

    def opened(self, stream: AdmittedStream, session: StreamSession) -> None:
        for ear in self._ears:
            ear.opened(stream, session)

    def heard(self, stream: AdmittedStream, events: Sequence[StreamEvent]) -> None:
        for ear in self._ears:
            ear.heard(stream, events)

    async def closed(self, stream: AdmittedStream) -> None:
        for ear in self._ears:
            await ear.closed(stream)
