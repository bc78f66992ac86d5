"""Connections, and what becomes of the driver's errors."""

import asyncio
import inspect
import ssl
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from callguard.db import pool
from callguard.db.errors import database_errors
from callguard.db.pool import Database
from callguard.errors import CallguardError, DatabaseError, DatabaseUnavailable
from callguard.local.postgres import Cluster, EmbeddedPostgres
from tests.integration.local.postgres_bench import passable_folder
from tests.integration.population import DEADLINE_S, household, value
from tests.integration.wire import Wire

SECRET = "grandson in jail"


@pytest.fixture
def folder() -> Iterator[Path]:
    with passable_folder() as folder:
        yield folder / "data"


WORTH_A_RETRY = {
    "AdminShutdownError",
    "CannotConnectNowError",
    "ConnectionDoesNotExistError",
    "ConnectionFailureError",
    "CrashShutdownError",
    "DatabaseDroppedError",
    "DeadlockDetectedError",
    "DiskFullError",
    "InvalidCatalogNameError",
    "InvalidPasswordError",
    "LockNotAvailableError",
    "OutOfMemoryError",
    "PostgresIOError",
    "QueryCanceledError",
    "ReadOnlySQLTransactionError",
    "SerializationError",
    "TooManyConnectionsError",
}
NEVER = {
    "CharacterNotInRepertoireError",
    "CheckViolationError",
    "ForeignKeyViolationError",
    "InsufficientPrivilegeError",
    "NumericValueOutOfRangeError",
    "PostgresSyntaxError",
    "ProgramLimitExceededError",
    "UndefinedTableError",
    "UniqueViolationError",
}


def raisable() -> Iterator[type[Exception]]:
    """Every error class of the driver."""
    for name in dir(asyncpg.exceptions):
        found = getattr(asyncpg.exceptions, name)
        if inspect.isclass(found) and issubclass(found, Exception) and not issubclass(found, Warning):
            yield found


def ours(error: Exception) -> CallguardError:
    with pytest.raises(CallguardError) as caught, database_errors():
        raise error
    return caught.value


def test_every_error_of_the_driver_becomes_one_of_ours() -> None:
    classes = list(raisable())
    assert len(classes) > 200
    for kind in classes:
        error = ours(kind(SECRET))
        assert isinstance(error, DatabaseError)
        assert SECRET not in "".join(traceback.format_exception(error))
        assert kind.__name__ in error.message
        if type(error) is DatabaseError and issubclass(kind, asyncpg.PostgresError):
            assert error.code == f"DATABASE_{kind.sqlstate}"


def test_what_is_worth_a_retry_is_told_from_what_is_not() -> None:
    away = {kind.__name__ for kind in raisable() if isinstance(ours(kind(SECRET)), DatabaseUnavailable)}
    assert away >= WORTH_A_RETRY
    assert away.isdisjoint(NEVER)
    for lost in (ConnectionRefusedError(), TimeoutError(), ssl.SSLError(), FileNotFoundError()):
        assert isinstance(ours(lost), DatabaseUnavailable)


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(ZeroDivisionError), database_errors():
        raise ZeroDivisionError
    with pytest.raises(asyncio.CancelledError), database_errors():
        raise asyncio.CancelledError


async def test_a_violated_constraint_is_told_without_the_rows_values(database: Database) -> None:
    home = await household(database)
    with pytest.raises(DatabaseError) as caught:
        async with database.tenant(home.tenant_id) as session:
            await session.run(
                "people.add_person",
                home.tenant_id,
                "other@example.com",
                "Eve",
                home.phone_number,
                None,
                "en",
                True,
            )
    assert not isinstance(caught.value, DatabaseUnavailable)
    assert caught.value.code == "DATABASE_23505"
    assert home.phone_number not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("sequence", [2**31, "one"])
async def test_a_value_that_no_column_holds_is_refused_for_good(database: Database, sequence: object) -> None:
    with pytest.raises(DatabaseError) as caught:
        async with database.session() as session:
            await session.row("transcripts.neighbours", uuid4(), "GT", sequence, "caller", uuid4())
    assert not isinstance(caught.value, DatabaseUnavailable)


def test_a_malformed_address_is_refused_for_good() -> None:
    assert type(ours(asyncpg.exceptions.ClientConfigurationError(SECRET))) is DatabaseError


async def test_a_transaction_that_raises_is_undone(cluster: Cluster, database: Database) -> None:
    tenant_id = uuid4()

    async def create_and_fail() -> None:
        async with database.tenant(tenant_id) as session:
            assert await session.run("tenants.create", tenant_id, "Nobody") == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await create_and_fail()
    assert await value(cluster, "SELECT count(*) FROM tenants") == 0


async def test_run_tells_how_many_rows_were_touched(database: Database) -> None:
    home = await household(database)
    async with database.tenant(home.tenant_id) as session:
        assert await session.run("tenants.create", home.tenant_id, "Again") == 0
        assert await session.run("people.verify_contact", home.contact_id) == 1
        assert await session.run("calls.live", uuid4(), False, True) == 0
        assert await session.value("calls.by_sid", "CA") is None
        assert await session.row("calls.by_sid", "CA") is None


async def test_it_opens_when_first_used_and_again_after_an_outage(
    cluster: Cluster, database: Database
) -> None:
    home = await household(database)

    async def found(through: Database) -> UUID | None:
        async with through.session() as session:
            row = await session.row("people.resolve_number", home.twilio_number)
        return row["tenant_id"] if row else None

    async with Wire(cluster.app_dsn) as wire:
        await wire.cut()
        through = Database(wire.dsn, size=2)
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                await found(through)
            await wire.mend()
            assert await found(through) == home.tenant_id
            await wire.cut()
        await through.close()


async def test_an_exhausted_pool_is_told_as_away(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "CONNECT_SECONDS", 0.05)
    monkeypatch.setattr(pool, "STATEMENT_SECONDS", DEADLINE_S)
    narrow = Database(cluster.app_dsn, size=1)
    async with narrow.session():
        with pytest.raises(DatabaseUnavailable):
            async with narrow.session():
                pass
    async with narrow.session():
        pass
    await narrow.close()


async def test_a_statement_that_hangs_is_told_as_away(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "STATEMENT_SECONDS", 0.1)
    database = Database(cluster.app_dsn, size=2)
    async with database.tenant(uuid4(), one_at_a_time="GT"):
        with pytest.raises(DatabaseUnavailable):
            async with database.tenant(uuid4(), one_at_a_time="GT"):
                pass
    async with database.tenant(uuid4(), one_at_a_time="GT"):
        pass
    await database.close()


async def test_transactions_of_one_name_follow_one_another(database: Database) -> None:
    inside: list[str] = []

    async def one(name: str) -> None:
        async with database.tenant(uuid4(), one_at_a_time=name) as session:
            assert name not in inside
            inside.append(name)
            await session.value("tenants.ids")
            inside.remove(name)

    async with database.tenant(uuid4(), one_at_a_time="another"):
        await asyncio.gather(*(one(name) for name in ("GTa", "GTb") * 4))


async def test_a_silent_database_is_not_waited_for_once_given_up(cluster: Cluster) -> None:
    async with Wire(cluster.app_dsn) as wire:
        through = Database(wire.dsn, size=2)
        async with through.tenant(uuid4()) as session:
            await session.value("tenants.ids")
        wire.silence()
        began = time.monotonic()
        for given_up in (through.tenant(uuid4()), through.session()):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1), given_up as session:
                    await session.value("tenants.ids")
        assert time.monotonic() - began < 1
        wire.resume()
        async with through.tenant(uuid4()) as session:
            await session.value("tenants.ids")
        await through.close()


async def test_closing_does_not_wait_for_a_database_that_is_silent(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "CONNECT_SECONDS", 0.2)
    async with Wire(cluster.app_dsn) as wire:
        through = Database(wire.dsn, size=2)
        async with through.session() as session:
            await session.value("tenants.ids")
        wire.silence()
        await through.close()
        wire.resume()
        await through.close()


async def test_a_stopped_database_is_away_and_serves_again_after_its_start(folder: Path) -> None:
    async with EmbeddedPostgres(folder) as stopped:
        database = Database(stopped.app_dsn, size=2, role=None)
        async with database.session() as session:
            assert await session._connection.fetchval("SELECT 1") == 1
    with pytest.raises(DatabaseUnavailable) as caught:
        async with database.session():
            pass
    assert caught.value.code == "DATABASE_UNAVAILABLE"
    async with EmbeddedPostgres(folder):
        async with database.session() as session:
            assert await session._connection.fetchval("SELECT 1") == 1
        await database.close()
