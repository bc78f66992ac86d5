"""What tests share: one embedded Postgres a run, and for each test a database cloned from a template."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
import structlog

from callguard.config import Settings, load_settings
from callguard.db import migrate
from callguard.db.pool import Database
from callguard.local.postgres import Cluster, EmbeddedPostgres
from tests.integration.local.postgres_bench import passable_folder

TEMPLATE = "template_callguard"


def _in_database(cluster: Cluster, name: str) -> Cluster:
    return replace(
        cluster,
        owner_dsn=cluster.owner_dsn.replace("/callguard?", f"/{name}?"),
        app_dsn=cluster.app_dsn.replace("/callguard?", f"/{name}?"),
    )


async def _run(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Commands set logging up for their whole process; the next test's is as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """The run's Postgres, with a migrated template database."""
    with passable_folder() as folder, asyncio.Runner() as runner:
        embedded = EmbeddedPostgres(folder)
        cluster = runner.run(embedded.__aenter__())
        try:
            # A database a test costs a checkpoint each; what must survive a crash is tested on clusters of
            # its own.
            runner.run(_run(cluster.owner_dsn, "ALTER SYSTEM SET fsync = off"))
            runner.run(_run(cluster.owner_dsn, "SELECT pg_reload_conf()"))
            runner.run(_run(cluster.owner_dsn, f"CREATE DATABASE {TEMPLATE}"))
            runner.run(migrate.migrate(_in_database(cluster, TEMPLATE).owner_dsn))
            yield cluster
        finally:
            runner.run(embedded.__aexit__(None, None, None))


@pytest.fixture
async def cluster(postgres: Cluster) -> AsyncIterator[Cluster]:
    """A migrated, empty database of this test's own."""
    name = f"test_{secrets.token_hex(6)}"
    await _run(postgres.owner_dsn, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield _in_database(postgres, name)
    await _run(postgres.owner_dsn, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(cluster: Cluster) -> AsyncIterator[Database]:
    """That database as the application sees it."""
    database = Database(cluster.app_dsn, size=12)
    yield database
    await database.close()


def settings_for(cluster: Cluster, data_dir: Path) -> Settings:
    """Settings of a server on a database and a free port; a `.env` file that lies about is not read."""
    return load_settings(
        _env_file=None,
        data_dir=data_dir,
        port=0,
        database_url=cluster.owner_dsn,
        database_app_url=cluster.app_dsn,
    )


@pytest.fixture
def settings(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a server on this test's database and a free port, whatever the environment says."""
    for name in Settings.model_fields.values():
        if name.alias is not None:
            monkeypatch.delenv(name.alias, raising=False)
    return settings_for(cluster, tmp_path / "data")
