"""LISTEN on a connection of its own. A notification is a hint: whoever waits here must also poll.

The same connection is this process's sign of life: it holds a lock under the process's number, which the
database gives back when the process is gone.
"""

import asyncio
import contextlib
import secrets

import asyncpg
import structlog

from callguard.db.errors import database_errors
from callguard.db.queries import QUERIES
from callguard.errors import DatabaseError

PING_SECONDS = 10.0
RETRY_SECONDS = 1.0
ECHO_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Listener:
    """Sets `heard` for every notification on `channel`, and reconnects for as long as `run` runs.

    A half-open connection is noticed by a ping; after each reconnect `heard` is set, since what was notified
    meanwhile is lost. `listening` is set while notifications are known to arrive: a pooler that lends its
    connections by the transaction takes LISTEN, and drops what it should bring.
    """

    def __init__(self, dsn: str, channel: str, heard: asyncio.Event) -> None:
        self._dsn = dsn
        self._channel = channel
        self._heard = heard
        self.listening = asyncio.Event()
        self._number = secrets.randbelow(2**31)
        self._echo = ""
        self._echoed = asyncio.Event()

    def present(self) -> int | None:
        """The number of this process, while the database can see that it lives."""
        return self._number if self.listening.is_set() else None

    async def run(self) -> None:
        while True:
            try:
                await self._listen()
            except DatabaseError as error:
                log.warning("listen_lost", channel=self._channel, code=error.code)
            self.listening.clear()
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self) -> None:
        with database_errors():
            connection = await asyncpg.connect(self._dsn, timeout=PING_SECONDS)
            closed = asyncio.Event()
            connection.add_termination_listener(lambda _connection: closed.set())
            try:
                await connection.execute(QUERIES["work.present"], self._number)
                await connection.add_listener(self._channel, self._notified)
                self._heard.set()
                if await self._hears():
                    self.listening.set()
                    self._heard.set()
                else:
                    log.error(
                        "listen_deaf",
                        channel=self._channel,
                        why="notifications do not arrive: a transaction pooler stands before the database?",
                        todo="give DATABASE_APP_URL a direct or session connection; till then work is polled",
                    )
                while True:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(PING_SECONDS):
                            await closed.wait()
                    await connection.execute("SELECT 1", timeout=PING_SECONDS / 2)
            finally:
                self.listening.clear()
                with contextlib.suppress(
                    OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError
                ):
                    await connection.close(timeout=1)

    async def _hears(self) -> bool:
        """Whether a notification from another connection comes through."""
        self._echo = f"echo {secrets.token_hex(8)}"
        self._echoed.clear()
        speaking = await asyncpg.connect(self._dsn, timeout=PING_SECONDS)
        try:
            async with asyncio.timeout(ECHO_SECONDS):
                await speaking.execute("SELECT pg_notify($1, $2)", self._channel, self._echo)
                await self._echoed.wait()
        except (TimeoutError, asyncpg.ProgramLimitExceededError):
            return False
        finally:
            await speaking.close(timeout=1)
        return True

    def _notified(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        if payload == self._echo:
            self._echoed.set()
        self._heard.set()
