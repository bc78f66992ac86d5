"""One media stream, without a socket: messages go in, what they mean comes out, nothing touches a disk.

    connected?  start  (media | mark | dtmf | unknown)*  stop

Anything else is a `ProtocolError`. Not thread-safe: the event loop that feeds a session is also the one that
reads it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from callguard.errors import ProtocolError
from callguard.media.messages import Media, Message, Start, Stop, Track
from callguard.media.ring import AudioRing
from callguard.media.vad import VoiceActivity

WINDOW_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class StreamFigures:
    """What one track has brought so far, in milliseconds."""

    speech_ms: int
    received_ms: int
    lost_ms: int


@dataclass(frozen=True, slots=True)
class StreamStarted:
    """The stream told which call it belongs to. Its parameters carry a token and stay out of its repr."""

    stream_sid: str
    call_sid: str
    tracks: tuple[Track, ...]
    parameters: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Window:
    """About a second of one track, heard once: 8 000 bytes, or fewer before a long gap and at the end."""

    track: Track
    start_ms: int
    mulaw: bytes = field(repr=False)
    speech_ms: int


@dataclass(frozen=True, slots=True)
class StreamStopped:
    """The stream is over; these figures are its last."""

    heard: Mapping[Track, StreamFigures]


StreamEvent = StreamStarted | Window | StreamStopped


class StreamSession:
    """The rules of one stream and what was heard on it."""

    def __init__(self) -> None:
        self._started: StreamStarted | None = None
        self._finished = False
        self._tracks: dict[Track, _TrackListener] = {}

    def receive(self, message: Message) -> Sequence[StreamEvent]:
        """Take one message; what it brought about, in order. Raises `ProtocolError` where none may come."""
        if isinstance(message, Media):
            self._check(message.stream_sid)
            media = message.media
            listener = self._tracks.get(media.track)
            if listener is None:
                raise ProtocolError("A media stream sent a track not announced; the stream ends.")
            return listener.hear(media.timestamp, media.payload)
        if isinstance(message, Start):
            return (self._start(message),)
        if isinstance(message, Stop):
            self._check(message.stream_sid)
            return self.finish()
        return ()

    def finish(self) -> Sequence[StreamEvent]:
        """End the stream, stopped or not: the open windows, then `StreamStopped`; nothing if none runs."""
        if self._started is None or self._finished:
            return ()
        self._finished = True
        windows = [window for listener in self._tracks.values() for window in listener.close_window()]
        return (*windows, StreamStopped(self.figures()))

    def figures(self) -> dict[Track, StreamFigures]:
        """What each announced track has brought so far."""
        return {track: listener.figures() for track, listener in self._tracks.items()}

    def last(self, track: Track, ms: int) -> bytes:
        """The newest mu-law of a track, 30 s at most; empty for a track the stream does not carry."""
        listener = self._tracks.get(track)
        return listener.ring.last(ms) if listener else b""

    def told(self, track: Track, ms: int) -> bytes:
        """The last `ms` of mu-law that windows have told of a track, as far as they are still held."""
        listener = self._tracks.get(track)
        return listener.told(ms) if listener else b""

    def _start(self, message: Start) -> StreamStarted:
        start = message.start
        if self._started is not None:
            raise ProtocolError("A media stream started twice; the stream ends.")
        if message.stream_sid != start.stream_sid:
            raise ProtocolError("A media stream's start names two streams; the stream ends.")
        if not start.media_format.is_telephone():
            raise ProtocolError("A media stream is not mu-law at 8 kHz in one channel; the stream ends.")
        self._tracks = {track: _TrackListener(track) for track in start.tracks}
        self._started = StreamStarted(
            start.stream_sid, start.call_sid, tuple(self._tracks), start.custom_parameters
        )
        return self._started

    def _check(self, stream_sid: str) -> None:
        if self._started is None:
            raise ProtocolError("A media stream sent audio or a stop before its start; the stream ends.")
        if stream_sid != self._started.stream_sid:
            raise ProtocolError("A media stream sent a frame of another stream; the stream ends.")
        if self._finished:
            raise ProtocolError("A media stream went on after its stop; the stream ends.")


class _TrackListener:
    """One track: its ring, its detector, and the window being filled.

    Voice is looked for a window at a time, not a frame at a time: it is a third of the work. A window starts
    at the track's first payload, where the one before it ended, or after a gap that reached beyond its end.
    """

    def __init__(self, track: Track) -> None:
        self.ring = AudioRing()
        self._track = track
        self._voice = VoiceActivity()
        self._speech_ms = 0
        self._window_start: int | None = None

    def hear(self, timestamp_ms: int, payload: bytes) -> Sequence[Window]:
        """Place a payload; the windows it filled."""
        if self._window_start is None:
            self._window_start = timestamp_ms
        windows: list[Window] = []
        if timestamp_ms >= self._window_start + WINDOW_MS:
            windows += self.close_window()
            self._window_start = timestamp_ms
        self.ring.place(timestamp_ms, payload)
        while self.ring.end_ms >= self._window_start + WINDOW_MS:
            windows.append(self._listen(self._window_start + WINDOW_MS))
        return windows

    def close_window(self) -> Sequence[Window]:
        """What the open window holds, if anything."""
        if self._window_start is None or self.ring.end_ms <= self._window_start:
            return ()
        return (self._listen(self.ring.end_ms),)

    def told(self, ms: int) -> bytes:
        """The newest closed windows."""
        end = self._window_start or 0
        return self.ring.between(end - ms, end)

    def figures(self) -> StreamFigures:
        """The track so far."""
        return StreamFigures(self._speech_ms, self.ring.received_ms, self.ring.lost_ms)

    def _listen(self, until_ms: int) -> Window:
        start_ms = self._window_start or 0
        mulaw = self.ring.between(start_ms, until_ms)
        speech_ms = self._voice.feed(mulaw)
        self._speech_ms += speech_ms
        self._window_start = until_ms
        return Window(self._track, start_ms, mulaw, speech_ms)
