"""Connections to Postgres. Every statement runs in a tenant's name, or through a resolver function.

The pool logs in as (or assumes) `callguard_app`, which row-level security binds. `tenant()` opens a
transaction in which `callguard.tenant` names the tenant; outside it a table shows no row.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

from callguard.db.errors import database_errors
from callguard.db.queries import QUERIES

APP_ROLE = "callguard_app"
CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 10.0

Row = asyncpg.Record


class Session:
    """One connection, asked by a query's name."""

    def __init__(self, connection: "asyncpg.pool.PoolConnectionProxy[Row]") -> None:
        self._connection = connection

    async def rows(self, query: str, *arguments: object) -> list[Row]:
        return await self._connection.fetch(QUERIES[query], *arguments)

    async def row(self, query: str, *arguments: object) -> Row | None:
        return await self._connection.fetchrow(QUERIES[query], *arguments)

    async def value(self, query: str, *arguments: object) -> Any:  # noqa: ANN401  # a column of any type
        return await self._connection.fetchval(QUERIES[query], *arguments)

    async def run(self, query: str, *arguments: object) -> int:
        """Executes and returns how many rows were touched."""
        status = await self._connection.execute(QUERIES[query], *arguments)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0


class Database:
    """A lazily opened pool: the server starts, and connects calls, while Postgres is away."""

    def __init__(self, dsn: str, *, size: int, role: str | None = APP_ROLE) -> None:
        self._dsn = dsn
        self._size = size
        self._settings = {"application_name": "callguard"} | ({"role": role} if role else {})
        self._pool: asyncpg.Pool[Row] | None = None
        self._opening = asyncio.Lock()

    async def _opened(self) -> "asyncpg.Pool[Row]":
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._dsn,
                    min_size=0,
                    max_size=self._size,
                    timeout=CONNECT_SECONDS,
                    command_timeout=STATEMENT_SECONDS,
                    init=_prepare,
                    reset=_leave_as_it_is,
                    server_settings=self._settings,
                )
        return self._pool

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A connection without a tenant: only the resolver functions give rows. Raises DatabaseError."""
        with database_errors():
            async with self._connection() as connection:
                yield Session(connection)

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID, *, one_at_a_time: str | None = None) -> AsyncIterator[Session]:
        """One transaction in a tenant's name; those with the same `one_at_a_time` follow one another.

        Raises DatabaseError.
        """
        with database_errors():
            async with self._connection() as connection:
                await connection.execute(_opening(tenant_id, one_at_a_time))
                try:
                    yield Session(connection)
                except TimeoutError:
                    raise
                except Exception:
                    if not connection.is_closed():
                        await connection.execute("ROLLBACK")
                    raise
                await connection.execute("COMMIT")

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator["asyncpg.pool.PoolConnectionProxy[Row]"]:
        """A connection of the pool; thrown away where the wait for it was given up, since its server may be
        frozen.

        To give such a one back, asyncpg would wait for the server to confirm that the statement is cancelled.
        """
        pool = self._pool or await self._opened()
        async with pool.acquire(timeout=CONNECT_SECONDS) as connection:
            try:
                yield connection
            except (asyncio.CancelledError, TimeoutError):
                connection.terminate()
                raise

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await pool.close()
            except (TimeoutError, OSError, asyncpg.PostgresError):
                pool.terminate()


def _opening(tenant_id: UUID, one_at_a_time: str | None) -> str:
    """Everything that a transaction starts with in one round trip; only a UUID and a number are put in."""
    statements = ["BEGIN", f"SELECT set_config('callguard.tenant', '{tenant_id}', true)"]
    if one_at_a_time is not None:
        digest = hashlib.blake2b(one_at_a_time.encode(), digest_size=8).digest()
        statements.append(f"SELECT pg_advisory_xact_lock({int.from_bytes(digest, signed=True)})")
    return ";".join(statements)


async def _leave_as_it_is(_connection: "asyncpg.Connection[Row]") -> None:
    """Nothing outlives a transaction here, and an open one is rolled back anyway: asyncpg's reset would
    only cost a round trip.
    """


async def _prepare(connection: "asyncpg.Connection[Row]") -> None:
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
