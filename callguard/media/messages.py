"""Twilio's media-stream frames, parsed once: JSON and base64 in one step, and numbers that arrive as strings.

Source: Twilio's reference of Media Streams WebSocket messages. Fields that nothing here reads are left out;
fields and events that Twilio adds later are passed over.
"""

from enum import StrEnum
from typing import Annotated, Final

import msgspec

from callguard.domain.audio import SAMPLE_RATE
from callguard.errors import ProtocolError

MAX_FRAME_BYTES: Final = 64 * 1024
LONGEST_CALL_MS: Final = 25 * 3_600_000  # Twilio ends a call after 24 hours

_Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=LONGEST_CALL_MS)]
_Sid = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Track(StrEnum):
    """Whose voice: on the leg that came in, the caller's is inbound and the callee's outbound."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class _Part(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What every frame and its inner object share."""


class _Frame(_Part, frozen=True, tag=str.lower, tag_field="event"):
    """One text frame, told apart by `event`."""


class MediaFormat(_Part, frozen=True):
    """How payloads are encoded."""

    encoding: str
    sample_rate: int
    channels: int

    def is_telephone(self) -> bool:
        """Whether it is the one format Twilio sends: mu-law, 8 kHz, one channel."""
        return self.encoding == "audio/x-mulaw" and self.sample_rate == SAMPLE_RATE and self.channels == 1


class StartDetails(_Part, frozen=True):
    """What a stream says of itself before its first audio."""

    stream_sid: _Sid
    call_sid: _Sid
    tracks: Annotated[tuple[Track, ...], msgspec.Meta(min_length=1, max_length=2)]
    media_format: MediaFormat
    custom_parameters: dict[str, str] = {}


class Payload(_Part, frozen=True):
    """A stretch of one track: mu-law bytes of any length, from `timestamp` ms after the stream's start."""

    track: Track
    timestamp: _Milliseconds
    payload: bytes


class Connected(_Frame, frozen=True):
    """The socket is open; nothing is known of the call yet."""


class Start(_Frame, frozen=True):
    """The stream begins."""

    stream_sid: _Sid
    start: StartDetails


class Media(_Frame, frozen=True):
    """Audio."""

    stream_sid: _Sid
    media: Payload


class Stop(_Frame, frozen=True):
    """The stream, or its call, has ended."""

    stream_sid: _Sid


class Mark(_Frame, frozen=True):
    """Audio we sent was played. Only bidirectional streams carry it, and ours are not."""

    stream_sid: _Sid


class Dtmf(_Frame, frozen=True):
    """A key was pressed. Only bidirectional streams carry it, and ours are not."""

    stream_sid: _Sid


class Unknown(_Part, frozen=True):
    """An event added to the protocol after this was written."""


_Known = Connected | Start | Media | Stop | Mark | Dtmf
Message = _Known | Unknown

_KNOWN_EVENTS: Final = {"connected", "start", "media", "stop", "mark", "dtmf"}
_decoder: Final[msgspec.json.Decoder[_Known]] = msgspec.json.Decoder(_Known, strict=False)


class _Envelope(msgspec.Struct):
    event: str


_envelope_decoder: Final = msgspec.json.Decoder(_Envelope)


def decode(frame: str | bytes) -> Message:
    """Read one frame. Raises `ProtocolError` when it is malformed or longer than `MAX_FRAME_BYTES`."""
    if len(frame) > MAX_FRAME_BYTES:
        raise ProtocolError(f"A media frame is longer than {MAX_FRAME_BYTES} bytes; the stream ends.")
    try:
        return _decoder.decode(frame)
    except msgspec.ValidationError:
        if _names_a_new_event(frame):
            return Unknown()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    # Raised outside the handlers: what they caught may quote the frame.
    raise ProtocolError("A media frame is malformed; the stream ends.")


def _names_a_new_event(frame: str | bytes) -> bool:
    try:
        return _envelope_decoder.decode(frame).event not in _KNOWN_EVENTS
    except (msgspec.DecodeError, RecursionError):
        return False
