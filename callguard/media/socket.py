"""The WebSocket below the media endpoint: uvicorn's, made quicker for streams of many small messages.

Twilio sends a message for every 20 ms of every track. A whole, unfragmented text frame is unpacked here; all
else goes to `websockets`' parser, frame by frame. After each read the socket rests for a tenth of a second,
so that the next one brings ten messages: to be woken for a message costs more than to read it. It rests until
what was read is taken, too, so that no more than one read ever waits.
"""

import asyncio
from typing import Final

from uvicorn._types import ASGIReceiveEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Opcode
from websockets.speedups import apply_mask

REST_SECONDS: Final = 0.1

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
    _resting: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        if not self._is_plain or not self.handshake_complete or self.close_sent:
            super().data_received(self._rest + data if self._rest else data)
            self._rest = b""
            return
        if self._rest:
            data = self._rest + data
        self._rest = self._unpack(data)
        if not self.transport.is_closing():
            self.read_paused = True
            self.transport.pause_reading()
            self._resting = self.loop.call_later(REST_SECONDS, self._rested)

    def _rested(self) -> None:
        self._resting = None
        self._read_on()

    def _read_on(self) -> None:
        """If it has rested, and all that was read is taken."""
        if (
            self.read_paused
            and self._resting is None
            and self.queue.empty()
            and not self.transport.is_closing()
        ):
            self.read_paused = False
            self.transport.resume_reading()

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
                super().data_received(data[start:end])
            if self.transport.is_closing():
                return b""
            start = end
        return data[start:] if start else data

    def _pass_on(self, data: bytes) -> bytes:
        """From here on everything is `websockets`' to read."""
        self._is_plain = False
        super().data_received(data)
        return b""

    def _take(self, payload: bytes) -> None:
        try:
            self.queue.put_nowait({"type": "websocket.receive", "text": payload.decode()})
        except UnicodeDecodeError:
            self.conn.fail(1007)
            self.handle_parser_exception()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._resting is not None:
            self._resting.cancel()
        super().connection_lost(exc)

    async def receive(self) -> ASGIReceiveEvent:
        message = await self.queue.get()
        self._read_on()
        return message
