"""Forward-only migrations: numbered plain SQL files, each in a transaction, recorded with its checksum.

The same files apply with `psql -f` or the Supabase CLI. A landed file never changes: its checksum is
compared.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from callguard.db.errors import database_errors
from callguard.errors import SchemaOutdated
from callguard.resources import MIGRATIONS

# Any fixed number does: it keeps two migrating processes apart.
_LOCK = 727_118_001

# Supabase grants new tables to its own roles; row-level security without a policy closes this one to them.
_LEDGER = """
CREATE TABLE IF NOT EXISTS callguard_migrations (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE callguard_migrations ENABLE ROW LEVEL SECURITY"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `sql/migrations`."""

    name: str
    checksum: str
    sql: str


def migrations(folder: Path = MIGRATIONS) -> tuple[Migration, ...]:
    """Every migration, in order."""
    return tuple(
        Migration(path.stem, hashlib.sha256(path.read_bytes()).hexdigest(), path.read_text())
        for path in sorted(folder.glob("*.sql"))
    )


async def migrate(dsn: str, wanted: tuple[Migration, ...] | None = None) -> tuple[str, ...]:
    """Applies what is missing and returns the names applied. Safe to run from several processes at once.

    Raises:
        SchemaOutdated: a landed migration was changed, or the database is newer than this program.
        DatabaseError: the database is away, or refused a statement.

    """
    wanted = migrations() if wanted is None else wanted
    with database_errors():
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
            await connection.execute("SET client_min_messages = warning")
            await connection.execute(_LEDGER)
            done = await _recorded(connection)
            _refuse_changed(wanted, done)
            missing = [m for m in wanted if m.name not in done]
            for migration in missing:
                async with connection.transaction():
                    await connection.execute(migration.sql)
                    await connection.execute(
                        "INSERT INTO callguard_migrations (name, checksum) VALUES ($1, $2)",
                        migration.name,
                        migration.checksum,
                    )
            return tuple(m.name for m in missing)
        finally:
            await connection.close()


async def pending(dsn: str, wanted: tuple[Migration, ...] | None = None) -> tuple[str, ...]:
    """The names of the migrations that the database lacks. Raises as `migrate` does."""
    wanted = migrations() if wanted is None else wanted
    with database_errors():
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            if await connection.fetchval("SELECT to_regclass('callguard_migrations')") is None:
                return tuple(m.name for m in wanted)
            done = await _recorded(connection)
        finally:
            await connection.close()
    _refuse_changed(wanted, done)
    return tuple(m.name for m in wanted if m.name not in done)


async def _recorded(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, str]:
    return {
        r["name"]: r["checksum"]
        for r in await connection.fetch("SELECT name, checksum FROM callguard_migrations")
    }


def _refuse_changed(wanted: tuple[Migration, ...], done: dict[str, str]) -> None:
    known = {m.name: m.checksum for m in wanted}
    for name, checksum in done.items():
        if name not in known:
            raise SchemaOutdated(
                f"The database has migration {name}, which this version lacks. Update callguard."
            )
        if known[name] != checksum:
            raise SchemaOutdated(
                f"Migration {name} was changed after it landed. Restore the file; add a new one instead."
            )
