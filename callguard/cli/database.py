"""The database, for commands that read and write it beside a running server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callguard.bootstrap import database_urls
from callguard.cli.running import tell
from callguard.config import Settings
from callguard.db import migrate
from callguard.db.pool import Database
from callguard.errors import SchemaOutdated


@asynccontextmanager
async def opened_database(settings: Settings, *, migrating: bool = True) -> AsyncIterator[Database]:
    """The database of the settings; the embedded one is brought up to date where `migrating`.

    Raises EmbeddedPostgresError, SchemaOutdated, DatabaseError.
    """
    async with database_urls(settings, tell) as cluster:
        if migrating and settings.database_url is None:
            await migrate.migrate(cluster.owner_dsn)
        elif missing := await migrate.pending(cluster.owner_dsn):
            raise SchemaOutdated(f"The database lacks {', '.join(missing)}. Run: callguard migrate")
        database = Database(cluster.app_dsn, size=2)
        try:
            yield database
        finally:
            await database.close()
