"""A database of its own for one run, beside the real ones in the same Postgres, gone afterwards."""

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from callguard.db import migrate
from callguard.db.errors import database_errors
from callguard.local.postgres import Cluster

_DATABASE = re.compile(r"(?<=/)callguard(?=\?)")


@asynccontextmanager
async def scratch_database(cluster: Cluster) -> AsyncIterator[Cluster]:
    """A new, migrated database in the embedded cluster. Raises DatabaseError."""
    name = f"scratch_{secrets.token_hex(6)}"
    with database_errors():
        await _on(cluster, f"CREATE DATABASE {name}")
    scratch = Cluster(
        owner_dsn=_DATABASE.sub(name, cluster.owner_dsn, count=1),
        app_dsn=_DATABASE.sub(name, cluster.app_dsn, count=1),
    )
    try:
        await migrate.migrate(scratch.owner_dsn)
        yield scratch
    finally:
        with database_errors():
            await _on(cluster, f"DROP DATABASE {name} WITH (FORCE)")


async def _on(cluster: Cluster, statement: str) -> None:
    connection = await asyncpg.connect(cluster.owner_dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
