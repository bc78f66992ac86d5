"""The embedded Postgres's life, for real: started, joined, killed, started again, with the same data."""

import asyncio
import os
import signal
import socket
import stat
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from callguard.local.postgres import EmbeddedPostgres
from tests.integration.local.postgres_bench import (
    AS_ROOT,
    USE_IT,
    fetch,
    folder_of,
    is_down,
    kill_postmaster,
    let_go,
    names_in,
    passable_folder,
    process,
    remember,
    remembers,
    socket_folder_of,
)

pytestmark = pytest.mark.timeout(40)


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


async def test_a_first_start_gives_a_powerless_role_its_database(fresh: Path) -> None:
    said: list[str] = []
    with socket.socket() as taken:
        with suppress(OSError):
            taken.bind(("127.0.0.1", 5432))
            taken.listen()
        async with EmbeddedPostgres(fresh, say=said.append) as cluster:
            app = await asyncpg.connect(cluster.app_dsn)
            who = await app.fetchrow(
                "select current_user as role, current_database() as database, rolsuper or rolbypassrls or "
                "rolcreaterole or rolcreatedb as power from pg_roles where rolname = current_user"
            )
            await app.close()
            assert who is not None
            assert dict(who) == {"role": "callguard_app", "database": "callguard", "power": False}
            assert await fetch(cluster.owner_dsn, "select usesuper from pg_user where usename = current_user")
            assert await fetch(cluster.owner_dsn, "show listen_addresses") == ""
            assert await fetch(cluster.owner_dsn, "show data_checksums") == "on"
            assert stat.S_IMODE((await folder_of(cluster)).stat().st_mode) == 0o700
            assert stat.S_IMODE(socket_folder_of(cluster).stat().st_mode) == 0o700
    assert stat.S_IMODE((fresh / "postgres.json").stat().st_mode) == 0o600
    assert said == [f"Making a new database in {fresh / 'postgres'}.", "Starting the database."]


async def test_words_are_found_whatever_the_language_and_the_quotes(home: Path) -> None:
    async with EmbeddedPostgres(home) as cluster:
        assert await fetch(cluster.app_dsn, "select 'AÑO' ~* $1", r"\maño\M")
        assert await fetch(
            cluster.app_dsn, "select to_tsvector('simple', $1) @@ to_tsquery('simple', 'año')", "“Año” — sí"
        )


async def test_data_survive_a_restart_at_a_path_too_long_for_a_socket(home: Path) -> None:
    assert len(os.fsencode(home)) > 107
    async with EmbeddedPostgres(home) as cluster:
        await remember(cluster, "restart")
    assert await is_down(cluster)
    assert not socket_folder_of(cluster).exists()
    async with EmbeddedPostgres(home) as again:
        assert again == cluster
        assert await remembers(again, "restart")


async def test_the_last_of_two_processes_stops_it(home: Path) -> None:
    async with process(USE_IT, home) as other:
        async with EmbeddedPostgres(home) as cluster:
            assert await fetch(cluster.app_dsn, "select 1") == 1
        assert await fetch(cluster.app_dsn, "select 1") == 1
        assert await let_go(other) == 0
        assert await is_down(cluster)


async def test_the_first_of_two_users_leaves_it_to_the_second(home: Path) -> None:
    first, second = EmbeddedPostgres(home), EmbeddedPostgres(home)
    cluster = await first.__aenter__()
    async with second:
        await first.__aexit__(None, None, None)
        assert await fetch(cluster.app_dsn, "select 1") == 1
    assert await is_down(cluster)


async def test_many_can_start_it_at_once(home: Path) -> None:
    users = [EmbeddedPostgres(home) for _ in range(4)]
    clusters = await asyncio.gather(*(user.__aenter__() for user in users))
    assert len(set(clusters)) == 1
    await asyncio.gather(*(user.__aexit__(None, None, None) for user in users))
    assert await is_down(clusters[0])


async def test_the_next_start_joins_what_a_killed_process_left_running(home: Path) -> None:
    async with EmbeddedPostgres(home) as cluster, process(USE_IT, home) as other:
        await remember(cluster, "killed user")
        started = await fetch(cluster.owner_dsn, "select pg_postmaster_start_time()")
        other.kill()
        await other.wait()
    assert await is_down(cluster)  # a killed user doesn't count as one

    async with process(USE_IT, home) as other:
        started = await fetch(cluster.owner_dsn, "select pg_postmaster_start_time()")
        other.kill()
        await other.wait()
    assert not await is_down(cluster)
    async with EmbeddedPostgres(home) as again:
        assert await fetch(again.owner_dsn, "select pg_postmaster_start_time()") == started
        assert await remembers(again, "killed user")
    assert await is_down(cluster)


async def test_it_comes_back_at_once_after_a_kill_of_postgres(home: Path) -> None:
    postgres = EmbeddedPostgres(home)
    async with postgres as cluster:
        for attempt in range(3):
            await remember(cluster, f"killed postmaster {attempt}")
            await kill_postmaster(cluster)
            await postgres.ensure_running()
            assert await remembers(cluster, f"killed postmaster {attempt}")
    assert await is_down(cluster)


async def test_ensure_running_leaves_a_running_one_alone(home: Path) -> None:
    postgres = EmbeddedPostgres(home)
    async with postgres as cluster:
        started = await fetch(cluster.owner_dsn, "select pg_postmaster_start_time()")
        await postgres.ensure_running()
        assert await fetch(cluster.owner_dsn, "select pg_postmaster_start_time()") == started
    with pytest.raises(RuntimeError):
        await postgres.ensure_running()
    assert await is_down(cluster)


async def test_it_starts_after_a_kill_of_everything(home: Path) -> None:
    async with process(USE_IT, home) as other, EmbeddedPostgres(home) as cluster:
        await remember(cluster, "killed everything")
        other.kill()
        await kill_postmaster(cluster)
    async with EmbeddedPostgres(home) as cluster:
        assert await remembers(cluster, "killed everything")


async def test_it_waits_for_what_a_killed_server_still_does(home: Path) -> None:
    postgres = EmbeddedPostgres(home)
    async with postgres as cluster:
        busy = await asyncpg.connect(cluster.owner_dsn)
        orphan = await busy.fetchval("select pg_backend_pid()")
        counting = asyncio.create_task(busy.execute("select count(*) from generate_series(1, 1e12::bigint)"))
        running = "select exists (select from pg_stat_activity where pid = $1 and state = 'active')"
        while not await fetch(cluster.owner_dsn, running, orphan):
            pass
        await kill_postmaster(cluster)
        revival = asyncio.create_task(postgres.ensure_running())
        assert await asyncio.wait([revival], timeout=0.5) == (set(), {revival})
        os.kill(orphan, signal.SIGKILL)
        await revival
        with pytest.raises((asyncpg.PostgresError, OSError)):
            await counting
        assert await fetch(cluster.app_dsn, "select 1") == 1


async def test_it_starts_although_another_process_got_the_dead_servers_number(home: Path) -> None:
    async with EmbeddedPostgres(home) as cluster:
        await remember(cluster, "number")
        folder = await folder_of(cluster)
        left_behind = (folder / "postmaster.pid").read_text().split("\n", 1)[1]
        await kill_postmaster(cluster)
    owner = folder.stat()
    innocent = await asyncio.create_subprocess_exec(
        "/bin/cat",
        stdin=PIPE,
        user=owner.st_uid if AS_ROOT else None,
        group=owner.st_gid if AS_ROOT else None,
    )
    (folder / "postmaster.pid").write_text(f"{innocent.pid}\n{left_behind}")
    async with EmbeddedPostgres(home) as cluster:
        assert await remembers(cluster, "number")
    assert innocent.returncode is None
    assert await let_go(innocent) == 0


async def test_a_first_start_killed_halfway_is_done_over(fresh: Path) -> None:
    async with process(USE_IT, fresh, until="says Making") as other:
        other.kill()
        await other.wait()
    async with EmbeddedPostgres(fresh) as cluster:
        assert await fetch(cluster.app_dsn, "select 1") == 1
    assert "postgres.new" not in names_in(fresh)


async def test_a_cancelled_start_leaves_nothing_running(fresh: Path) -> None:
    starting = asyncio.Event()
    start = asyncio.create_task(EmbeddedPostgres(fresh, say=lambda _: starting.set()).__aenter__())
    await starting.wait()
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    async with EmbeddedPostgres(fresh) as cluster:
        assert await fetch(cluster.app_dsn, "select 1") == 1
    assert await is_down(cluster)
