"""Migrations: once, whole, in order, and only those that this version knows."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from callguard.db import migrate
from callguard.db.pool import Database
from callguard.errors import DatabaseError, DatabaseUnavailable, SchemaOutdated
from callguard.local.postgres import Cluster
from tests.integration.population import connected, household, rows, value

OUTSIDERS = ("anon", "authenticated")
ROLES = ("callguard_app", "callguard_resolver")


@pytest.fixture
async def empty(postgres: Cluster) -> AsyncIterator[Cluster]:
    """A database without any table."""
    name = f"empty_{secrets.token_hex(6)}"
    await rows(postgres, f"CREATE DATABASE {name} TEMPLATE template0")
    owner, app = (
        urlunsplit(urlsplit(dsn)._replace(path=f"/{name}")) for dsn in (postgres.owner_dsn, postgres.app_dsn)
    )
    yield Cluster(owner_dsn=owner, app_dsn=app)
    await rows(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def written(folder: Path, *statements: str) -> tuple[migrate.Migration, ...]:
    """Files 0001_step.sql, 0002_step.sql and so on, as migrations."""
    for number, statement in enumerate(statements, start=1):
        (folder / f"{number:04}_step.sql").write_text(statement)
    return migrate.migrations(folder)


async def exists(cluster: Cluster, table: str) -> bool:
    return await value(cluster, "SELECT to_regclass($1) IS NOT NULL", table) is True


async def test_each_migration_is_applied_once_and_in_order(empty: Cluster, tmp_path: Path) -> None:
    first = written(tmp_path, "CREATE TABLE step (n int)")
    both = written(tmp_path, "CREATE TABLE step (n int)", "INSERT INTO step VALUES (2)")
    assert await migrate.pending(empty.owner_dsn, both) == ("0001_step", "0002_step")
    assert await migrate.migrate(empty.owner_dsn, first) == ("0001_step",)
    assert await migrate.pending(empty.owner_dsn, both) == ("0002_step",)
    assert await migrate.migrate(empty.owner_dsn, both) == ("0002_step",)
    assert await migrate.migrate(empty.owner_dsn, both) == ()
    assert await migrate.pending(empty.owner_dsn, both) == ()
    assert await value(empty, "SELECT count(*) FROM step") == 1


async def test_four_processes_at_once_apply_the_real_ones_once(empty: Cluster) -> None:
    applied = await asyncio.gather(*(migrate.migrate(empty.owner_dsn) for _ in range(4)))
    assert sorted(name for names in applied for name in names) == [m.name for m in migrate.migrations()]
    assert await exists(empty, "transcription_events")


async def test_a_landed_file_that_changed_is_refused(empty: Cluster, tmp_path: Path) -> None:
    await migrate.migrate(empty.owner_dsn, written(tmp_path, "CREATE TABLE step (n int)"))
    changed = written(tmp_path, "CREATE TABLE step (n bigint)", "CREATE TABLE other ()")
    for refused in (migrate.migrate, migrate.pending):
        with pytest.raises(SchemaOutdated, match="0001_step was changed"):
            await refused(empty.owner_dsn, changed)
    assert not await exists(empty, "other")


async def test_a_database_newer_than_this_version_is_refused(empty: Cluster, tmp_path: Path) -> None:
    both = written(tmp_path, "CREATE TABLE step (n int)", "CREATE TABLE other ()")
    await migrate.migrate(empty.owner_dsn, both)
    for refused in (migrate.migrate, migrate.pending):
        with pytest.raises(SchemaOutdated, match="0002_step, which this version lacks"):
            await refused(empty.owner_dsn, both[:1])


async def test_a_migration_that_fails_leaves_nothing_behind(empty: Cluster, tmp_path: Path) -> None:
    broken = written(tmp_path, "CREATE TABLE step (n int)", "CREATE TABLE other (); SELECT 1 / 0")
    with pytest.raises(DatabaseError) as caught:
        await migrate.migrate(empty.owner_dsn, broken)
    assert caught.value.code == "DATABASE_22012"
    assert await exists(empty, "step")
    assert not await exists(empty, "other")
    mended = written(tmp_path, "CREATE TABLE step (n int)", "CREATE TABLE other ()")
    assert await migrate.migrate(empty.owner_dsn, mended) == ("0002_step",)


async def test_a_database_that_is_away_is_told_as_such(tmp_path: Path) -> None:
    nowhere = f"postgresql://nobody@/callguard?host={tmp_path}"
    for refused in (migrate.migrate, migrate.pending):
        with pytest.raises(DatabaseUnavailable):
            await refused(nowhere)


async def test_the_ledger_is_closed_to_the_application(cluster: Cluster) -> None:
    async with connected(cluster.app_dsn) as app:
        for statement in (
            "SELECT * FROM callguard_migrations",
            "INSERT INTO callguard_migrations VALUES ('9999_from_the_future', '')",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(statement)


@asynccontextmanager
async def like_supabase(empty: Cluster) -> AsyncIterator[Cluster]:
    """The database belongs to no superuser, and what its owner makes is opened to the API's roles."""
    owner, name = f"owner_{secrets.token_hex(6)}", urlsplit(empty.owner_dsn).path[1:]
    host = urlsplit(empty.owner_dsn).query
    async with connected(empty.owner_dsn) as superuser:
        await superuser.execute(f"CREATE ROLE {owner} LOGIN PASSWORD 'secret' CREATEROLE CREATEDB BYPASSRLS")
        for role in OUTSIDERS:
            await superuser.execute(f"CREATE ROLE {role}")
            for kind in ("TABLES", "FUNCTIONS", "SEQUENCES"):
                new = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public"
                await superuser.execute(f"{new} GRANT ALL ON {kind} TO {role}")
        for role in ROLES:  # as a role's maker has it from Postgres 16 on
            membership = f"GRANT {role} TO {owner} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"
            await superuser.execute(membership)
        await superuser.execute("CREATE TABLE somebody_elses (n int)")
        await superuser.execute(f"ALTER DATABASE {name} OWNER TO {owner}")
        try:
            yield replace(empty, owner_dsn=f"postgresql://{owner}:secret@/{name}?{host}")
        finally:
            for role in (owner, *OUTSIDERS):
                await superuser.execute(f"DROP OWNED BY {role} CASCADE")
            await superuser.execute(f"ALTER DATABASE {name} OWNER TO CURRENT_USER")
            for role in (owner, *OUTSIDERS):
                await superuser.execute(f"DROP ROLE {role}")


async def test_an_owner_who_is_no_superuser_migrates_and_serves(empty: Cluster) -> None:
    async with like_supabase(empty) as cluster:
        await migrate.migrate(cluster.owner_dsn)
        assert await migrate.pending(cluster.owner_dsn) == ()
        database = Database(cluster.owner_dsn, size=2)
        home = await household(database)
        async with database.session() as session:
            found = await session.row("people.resolve_number", home.twilio_number)
        await database.close()
        assert found is not None
        assert found["tenant_id"] == home.tenant_id


async def test_the_roles_of_supabases_api_are_shut_out(empty: Cluster) -> None:
    tables = """
        SELECT format('%s on %s for %s', p, relname, r) FROM pg_class
        CROSS JOIN unnest($1::text[]) r CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND has_table_privilege(r, oid, p)
            AND relname <> 'callguard_migrations'"""
    resolvers = """
        SELECT format('%s for %s', proname, r) FROM pg_proc CROSS JOIN unnest($1::text[]) r
        WHERE pronamespace = 'public'::regnamespace AND prosecdef
            AND has_function_privilege(r, oid, 'EXECUTE')"""
    async with like_supabase(empty) as cluster:
        await migrate.migrate(cluster.owner_dsn)
        assert await rows(cluster, tables, OUTSIDERS) == []
        assert await rows(cluster, resolvers, OUTSIDERS) == []
        async with connected(empty.owner_dsn) as connection:
            await connection.execute("SET ROLE anon")
            assert await connection.fetch("SELECT * FROM callguard_migrations") == []
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(
                    "INSERT INTO callguard_migrations VALUES ('9999_from_the_future', '')"
                )


async def test_contacts_who_were_written_to_before_count_as_confirmed_and_new_ones_do_not(
    empty: Cluster,
) -> None:
    known = migrate.migrations()
    before = tuple(m for m in known if m.name < "0006")
    await migrate.migrate(empty.owner_dsn, before)
    tenant = "INSERT INTO tenants (name) VALUES ('A family') RETURNING id"
    person = (
        "INSERT INTO users (tenant_id, email, name, phone_number) "
        "VALUES ($1, 'm@example.com', 'Margaret', '+12025550110') RETURNING id"
    )
    contact = (
        "INSERT INTO emergency_contacts (tenant_id, user_id, name, phone_number) "
        "SELECT tenant_id, id, $1, $2 FROM users"
    )
    await rows(empty, person, await value(empty, tenant))
    await rows(empty, contact, "Anna", "+12025550120")
    await migrate.migrate(empty.owner_dsn, known)
    await rows(empty, contact, "Ben", "+12025550121")

    confirmed = "SELECT name, verified_at IS NOT NULL AS confirmed FROM emergency_contacts"
    assert {row["name"]: row["confirmed"] for row in await rows(empty, confirmed)} == {
        "Anna": True,
        "Ben": False,
    }
