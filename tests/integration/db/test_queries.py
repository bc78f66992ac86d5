"""The named queries against the real schema."""

import asyncpg

from callguard.db.queries import QUERIES
from callguard.local.postgres import Cluster


async def test_each_statement_fits_the_schema(cluster: Cluster) -> None:
    connection = await asyncpg.connect(cluster.app_dsn)
    refused: dict[str, str] = {}
    try:
        for name, statement in QUERIES.items():
            try:
                await connection.prepare(statement)
            except asyncpg.PostgresError as error:
                refused[name] = str(error)
    finally:
        await connection.close()
    assert QUERIES
    assert refused == {}
