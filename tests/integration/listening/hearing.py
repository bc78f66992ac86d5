"""A recogniser that says what its audio is made of, and streams of a stored call to listen to."""

from collections.abc import Sequence
from uuid import UUID

from callguard.domain.facts import AnyFact, WordsHeard
from callguard.errors import ConfigurationError
from callguard.media.endpoint import AdmittedStream
from callguard.media.messages import Media, MediaFormat, Payload, Start, StartDetails, Track
from callguard.media.session import StreamEvent, StreamSession
from callguard.speech.port import OnResult, Recognised, TrackRecogniser
from callguard.speech.recogniser import NOT_INSTALLED, OTHER_LANGUAGE
from tests.integration.population import call_sid

SECOND = 8000
NOBODY = UUID(int=0)


class EchoTrack:
    """Tells, at the end, how many seconds it was fed."""

    def __init__(self, on_result: OnResult) -> None:
        self._on_result = on_result
        self._fed = b""

    def feed(self, mulaw: bytes) -> None:
        self._fed += mulaw

    async def close(self) -> None:
        seconds = len(self._fed) // SECOND
        if seconds:
            text = f"heard {seconds} seconds, the last of {self._fed[-1]}"
            await self._on_result(Recognised(text, True, 0.9, None, 0, seconds * 1000))


class Echoes:
    """Opens EchoTracks for English, unless nothing is installed."""

    def __init__(self, *, installed: bool = True) -> None:
        self._installed = installed

    def open(self, language: str, on_result: OnResult) -> TrackRecogniser:
        if not self._installed:
            raise ConfigurationError("Nothing is installed.", code=NOT_INSTALLED)
        if language != "en":
            raise ConfigurationError("English only.", code=OTHER_LANGUAGE)
        return EchoTrack(on_result)


class Facts:
    """Records facts in memory, in the recorder's place."""

    def __init__(self) -> None:
        self.words: list[WordsHeard] = []

    async def record(self, fact: AnyFact) -> None:
        assert isinstance(fact, WordsHeard)
        self.words.append(fact)


def stream_of(
    number: int, *, tenant_id: UUID = NOBODY, call_id: UUID = NOBODY, language: str = "en"
) -> AdmittedStream:
    """Stream `number`, of call `number`."""
    return AdmittedStream(tenant_id, call_id, call_sid(number), f"MZ{number:032x}", language)


def session_of(stream: AdmittedStream) -> StreamSession:
    """The stream's session, started."""
    session = StreamSession()
    details = StartDetails(
        stream.stream_sid, stream.call_sid, tuple(Track), MediaFormat("audio/x-mulaw", SECOND, 1)
    )
    session.receive(Start(stream.stream_sid, details))
    return session


def play(
    stream: AdmittedStream, session: StreamSession, second: int, sound: int, track: Track = Track.INBOUND
) -> Sequence[StreamEvent]:
    """One second of one byte; what came of it."""
    return hear(stream, session, second * SECOND, bytes([sound]) * SECOND, track)


def hear(
    stream: AdmittedStream, session: StreamSession, at: int, mulaw: bytes, track: Track = Track.INBOUND
) -> Sequence[StreamEvent]:
    """Audio from its byte `at` on; what came of it."""
    return session.receive(Media(stream.stream_sid, Payload(track, at * 1000 // SECOND, mulaw)))
