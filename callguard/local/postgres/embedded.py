"""The embedded Postgres's door for asynchronous code."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import asyncpg

from callguard.errors import EmbeddedPostgresError
from callguard.local.postgres.record import Cluster
from callguard.local.postgres.server import ClusterServer

T = TypeVar("T")

_FOREIGN_ERRORS = (OSError, subprocess.SubprocessError, asyncpg.PostgresError, asyncpg.InterfaceError)


class EmbeddedPostgres:
    """A data folder's Postgres, running while anybody is inside an `async with` on it.

    Several processes may be: the first starts it, the last one stops it. After a kill -9 of its users, of
    Postgres, or of both, the next start goes on with the same data. `say` hears of slow steps, on the event
    loop.
    Raises EmbeddedPostgresError, and nothing else, when it can't be made, started, joined or stopped.
    """

    def __init__(self, data_dir: Path, *, say: Callable[[str], None] | None = None) -> None:
        self._data_dir = data_dir
        self._say = say
        self._server = ClusterServer(data_dir, self._tell)
        self._loop: asyncio.AbstractEventLoop | None = None
        # One thing at a time: a supervisor's check must not meet the end of the `async with`.
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Cluster:
        self._loop = asyncio.get_running_loop()
        try:
            return await self._in_thread(self._server.open)
        except asyncio.CancelledError:
            await self._in_thread(self._server.close)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._in_thread(self._server.close)

    async def ensure_running(self) -> None:
        """Start it again if it is down; takes a millisecond when it runs."""
        await self._in_thread(self._server.ensure_running)

    def _tell(self, message: str) -> None:
        if self._say is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._say, message)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Run blocking work to its end even if the caller is cancelled: half a start can't be undone."""
        async with self._turn:
            future = asyncio.get_running_loop().run_in_executor(None, work)
            try:
                return await asyncio.shield(future)
            except asyncio.CancelledError:
                await asyncio.wait([future])
                future.exception()  # the cancellation outweighs it
                raise
            except _FOREIGN_ERRORS as error:
                raise EmbeddedPostgresError(
                    f"The embedded database in {self._data_dir} failed ({error}): see that the folder "
                    "belongs to you and the disk has room, or set CALLGUARD_DATA_DIR or DATABASE_URL."
                ) from error
