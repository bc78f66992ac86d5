"""`callguard migrate`."""

from callguard.bootstrap import database_urls
from callguard.cli.running import run, tell
from callguard.config import Settings, load_settings
from callguard.db import migrate as migrations


def migrate() -> None:
    """Bring the database up to date: the one of DATABASE_URL, or the embedded one."""
    run(_migrate(load_settings()))


async def _migrate(settings: Settings) -> None:
    async with database_urls(settings, tell) as cluster:
        applied = await migrations.migrate(cluster.owner_dsn)
    for name in applied:
        print(f"applied {name}")
    if not applied:
        print("The database is up to date.")
