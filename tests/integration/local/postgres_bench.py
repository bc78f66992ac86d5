"""What the tests of the embedded Postgres share: other processes, and looks at a cluster from outside."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import asyncpg

from callguard.local.postgres import Cluster

AS_ROOT = os.geteuid() == 0

USE_IT = """
import asyncio, sys
from pathlib import Path
from callguard.local.postgres import EmbeddedPostgres

async def main():
    async with EmbeddedPostgres(Path(sys.argv[1]), say=lambda text: print("says", text, flush=True)):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""

SERVE_IT = """
import sys
from pathlib import Path
from callguard.local.postgres import DataFolderLock

with DataFolderLock(Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.read()
"""


@contextmanager
def passable_folder() -> Iterator[Path]:
    """A folder that any user may pass through, which pytest's own temporary folders aren't."""
    folder = Path(tempfile.mkdtemp(prefix="callguard-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def process(script: str, data_dir: Path, until: str = "ready") -> AsyncIterator[Process]:
    """Another Python process that runs `script`, once it has printed a line that begins with `until`."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", script, str(data_dir)),
        stdin=PIPE,
        stdout=PIPE,
    )
    assert child.stdout is not None
    try:
        while not (line := await child.stdout.readline()).startswith(until.encode()):
            assert line, f"the process ended without printing {until!r}"
        yield child
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.communicate()


async def let_go(child: Process) -> int:
    """Let another process end by itself; its exit code."""
    await child.communicate(b"")
    assert child.returncode is not None
    return child.returncode


async def fetch(dsn: str, query: str, *arguments: object) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query, *arguments)
    finally:
        await connection.close()


async def remember(cluster: Cluster, word: str) -> None:
    await fetch(cluster.owner_dsn, "create table if not exists memory (word text)")
    await fetch(cluster.owner_dsn, "insert into memory values ($1)", word)


async def remembers(cluster: Cluster, word: str) -> bool:
    return bool(await fetch(cluster.owner_dsn, "select exists (select from memory where word = $1)", word))


async def folder_of(cluster: Cluster) -> Path:
    return Path(str(await fetch(cluster.owner_dsn, "show data_directory")))


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def socket_folder_of(cluster: Cluster) -> Path:
    return Path(cluster.owner_dsn.partition("host=")[2].partition("&")[0])


async def is_down(cluster: Cluster) -> bool:
    try:
        await fetch(cluster.owner_dsn, "select 1")
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    return False


async def kill_postmaster(cluster: Cluster) -> None:
    """Kill -9 the server, and wait until it is gone: its children end after it."""
    pid = int((await folder_of(cluster) / "postmaster.pid").read_text().split()[0])
    gone = asyncio.Event()
    connection = await asyncpg.connect(cluster.owner_dsn)
    connection.add_termination_listener(lambda _: gone.set())
    os.kill(pid, signal.SIGKILL)
    await gone.wait()
    connection.terminate()
