"""The WebSocket below the media endpoint: uvicorn's, made quicker for streams of many small messages.

Twilio sends a message for every 20 ms of every track. A whole, unfragmented text frame is unpacked here; all
else goes to `websockets`' parser, frame by frame. Messages are handed on together, a tenth of a second's
worth at a time, since to wake the reader costs more than to read; and reading pauses when much waits, not
after every message, since to pause and to resume are system calls.
"""

import asyncio
from typing import Any, Final

from uvicorn._types import ASGIReceiveEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Opcode
from websockets.speedups import apply_mask

from callguard.media.messages import MAX_FRAME_BYTES

MOST_WAITING_BYTES: Final = MAX_FRAME_BYTES
TOGETHER_SECONDS: Final = 0.1

_WHOLE_TEXT: Final = 0x80 | Opcode.TEXT
_CONTROL: Final = frozenset(0x80 | opcode for opcode in (Opcode.CLOSE, Opcode.PING, Opcode.PONG))
_MASKED: Final = 0x80
_MASK_BYTES: Final = 4
_LONG_BYTES: Final = 4096  # no frame of audio; put together piece by piece it would be copied too often
_TWO_BYTE_LENGTH: Final = 126  # below it, the length itself; above it, one of eight bytes


class MediaSocket(WebSocketsSansIOProtocol):
    """uvicorn makes one for each WebSocket."""

    _rest = b""
    _is_plain = True
    _waiting_bytes = 0
    _handing_on: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  # uvicorn's, whatever they are
        super().__init__(*arguments, **options)
        self._waiting: list[str] = []

    def data_received(self, data: bytes) -> None:
        if not self._is_plain or not self.handshake_complete or self.close_sent:
            super().data_received(self._rest + data if self._rest else data)
            self._rest = b""
            return
        if self._rest:
            data = self._rest + data
        self._rest = self._unpack(data)

    def _unpack(self, data: bytes) -> bytes:
        """Takes the whole frames; what is left of one that has not come wholly yet."""
        start, size = 0, len(data)
        while size - start >= 2:  # a frame's opcode and its length
            length, at = data[start + 1] ^ _MASKED, start + 2
            if length == _TWO_BYTE_LENGTH:
                if size < at + 2:
                    break
                length, at = int.from_bytes(data[at : at + 2]), at + 2
            elif length > _TWO_BYTE_LENGTH:  # very long, or not masked
                return self._pass_on(data[start:])
            end = at + _MASK_BYTES + length
            opcode = data[start]
            if opcode != _WHOLE_TEXT and opcode not in _CONTROL:
                return self._pass_on(data[start:])
            if size < end:
                if length > _LONG_BYTES:
                    return self._pass_on(data[start:])
                break
            if opcode == _WHOLE_TEXT:
                self._take(apply_mask(data[at + _MASK_BYTES : end], data[at : at + _MASK_BYTES]))
            else:
                self._hand_on()
                super().data_received(data[start:end])
            if self.transport.is_closing():
                return b""
            start = end
        return data[start:] if start else data

    def _pass_on(self, data: bytes) -> bytes:
        """From here on everything is `websockets`' to read."""
        self._is_plain = False
        self._hand_on()
        super().data_received(data)
        return b""

    def _take(self, payload: bytes) -> None:
        try:
            self._waiting.append(payload.decode())
        except UnicodeDecodeError:
            self._hand_on()
            self.conn.fail(1007)
            self.handle_parser_exception()
            return
        self._waiting_bytes += len(payload)
        if self._waiting_bytes > MOST_WAITING_BYTES:
            self._hand_on()
            if not self.read_paused:
                self.read_paused = True
                self.transport.pause_reading()
        elif self._handing_on is None:
            self._handing_on = self.loop.call_later(TOGETHER_SECONDS, self._hand_on)

    def _hand_on(self) -> None:
        if self._handing_on is not None:
            self._handing_on.cancel()
            self._handing_on = None
        for text in self._waiting:
            self.queue.put_nowait({"type": "websocket.receive", "text": text})
        self._waiting.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        self._hand_on()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        self._hand_on()
        super().shutdown()

    async def receive(self) -> ASGIReceiveEvent:
        message = await super().receive()
        if self.queue.empty():
            self._waiting_bytes = 0
        return message
