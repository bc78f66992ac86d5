"""Commands as a person runs them: in a process of their own, with a data folder of their own."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from callguard.cli.main import main
from callguard.config import Settings
from tests.integration.local.postgres_bench import passable_folder

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs `callguard` with this data folder; `environment` adds to it."""

    data_dir: Path
    folder: Path

    def environment(self, extra: dict[str, str]) -> dict[str, str]:
        ours = {field.alias for field in Settings.model_fields.values()}
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        return kept | {"CALLGUARD_DATA_DIR": str(self.data_dir), "PYTHONPATH": str(Path.cwd())} | extra

    async def start(self, *arguments: str, **extra: str) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "callguard", *arguments,
            stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE,
            env=self.environment(extra), cwd=self.folder,
        )  # fmt: skip

    async def run(self, *arguments: str, **extra: str) -> Finished:
        process = await self.start(*arguments, **extra)
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate()
        assert process.returncode is not None
        return Finished(process.returncode, out.decode(), err.decode())

    @asynccontextmanager
    async def serving(self, *arguments: str, **extra: str) -> AsyncIterator["Server"]:
        """A running `callguard serve`, killed at the end if it still runs."""
        process = await self.start("serve", *arguments, **extra)
        try:
            yield Server(
                process, await said(process, "callguard serves at "), await said(process, "Dashboard: ")
            )
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@dataclass(frozen=True, slots=True)
class Server:
    """A server process, its address and the one that opens the dashboard."""

    process: Process
    url: str
    dashboard: str


async def said(process: Process, opening: str) -> str:
    """The rest of the line on standard error that begins so."""
    assert process.stderr is not None
    seen: list[str] = []
    async with asyncio.timeout(SECONDS):
        while line := (await process.stderr.readline()).decode():
            if line.startswith(opening):
                return line.removeprefix(opening).strip()
            seen.append(line)
    raise AssertionError(f"the process ended without saying {opening!r}: {''.join(seen[-5:])}")


def inside(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> Finished:
    """`callguard` in this process, which need not start first: for commands that ask nothing of it."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["callguard", *arguments])
    status = 0
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
    return Finished(status, out.getvalue(), err.getvalue())


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with passable_folder() as folder:
        yield Shell(folder, tmp_path)


def lines(*objects: str) -> str:
    return "\n".join(objects) + "\n"


def write(folder: Path, name: str, content: Sequence[str]) -> str:
    (folder / name).write_text(lines(*content))
    return name
