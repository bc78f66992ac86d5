"""A socket between the application and Postgres, which can be cut, mended, made to go silent, and to drop
notifications.
"""

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

SOCKET = ".s.PGSQL.5432"
NOTIFICATION = b"A"


class Wire:
    """`dsn` leads to the database through this wire while the `async with` runs."""

    def __init__(self, dsn: str) -> None:
        parts = urlsplit(dsn)
        self._to = Path(parse_qs(parts.query)["host"][0]) / SOCKET
        self._folder = Path(tempfile.mkdtemp(prefix="wire-"))
        self.dsn = urlunsplit(parts._replace(query=f"host={quote(str(self._folder), safe='/')}&port=5432"))
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._pools = False
        self._ends: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.cut()
        shutil.rmtree(self._folder)

    async def mend(self) -> None:
        """Connections come through again."""
        self._flowing.set()
        self._server = await asyncio.start_unix_server(self._connect, self._folder / SOCKET)

    async def cut(self) -> None:
        """Every connection breaks, and new ones are refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
        (self._folder / SOCKET).unlink(missing_ok=True)
        for end in self._ends:
            end.transport.abort()

    def silence(self) -> None:
        """Connections stay open, and nothing comes through."""
        self._flowing.clear()

    def resume(self) -> None:
        """What was held back comes through."""
        self._flowing.set()

    def pool(self) -> None:
        """From now on it is what a transaction pooler is to LISTEN: taken, and nothing comes of it."""
        self._pools = True

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = {writer}
        try:
            behind_reader, behind_writer = await asyncio.open_unix_connection(str(self._to))
            ends.add(behind_writer)
            self._ends |= ends
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, behind_writer))
                both.create_task((self._sift if self._pools else self._pump)(behind_reader, writer))
        finally:
            self._ends -= ends
            for end in ends:
                end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _sift(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The server's messages, each a kind and its length, without those that bring a notification."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                opening = await reader.readexactly(5)
                message = opening + await reader.readexactly(int.from_bytes(opening[1:]) - 4)
                await self._flowing.wait()
                if opening[:1] != NOTIFICATION:
                    writer.write(message)
                    await writer.drain()
        writer.close()
