"""Server processes of one installation, which can be killed, stalled and stopped."""

import asyncio
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import uvloop

from callguard import server
from callguard.config import Settings
from callguard.trust.logs import set_up_logs

START_SECONDS = 60.0

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["callguard.server"])


class ServerProcess:
    """One process that serves, as `callguard serve` does, from `start` to `kill` or `stop`."""

    def __init__(self, name: str, settings: Settings, log: Path) -> None:
        self.name = name
        self.url = ""
        self.settings = settings
        self._log = log
        self._process: BaseProcess | None = None
        self._stalled = False

    @property
    def is_up(self) -> bool:
        """Whether it takes requests."""
        return bool(self.url) and not self._stalled

    @property
    def said(self) -> str:
        """What it has logged so far, from warnings on."""
        return self._log.read_text() if self._log.exists() else ""

    async def start(self) -> None:
        """Returns once it takes requests."""
        ours, theirs = _processes.Pipe()
        process = _processes.Process(
            target=_serve, args=(self.settings, str(self._log), theirs), name=self.name, daemon=True
        )
        self._process = process
        await asyncio.to_thread(process.start)
        theirs.close()
        try:
            ready = await asyncio.to_thread(ours.poll, START_SECONDS)
            if ready and process is self._process:
                self.url = ours.recv()
        except EOFError:
            raise AssertionError(f"The server did not start; its log: {self._log}") from None
        finally:
            ours.close()

    def kill(self) -> None:
        """At once, as when the machine's power goes."""
        self.signal(signal.SIGKILL)
        self.url = ""

    def stop(self) -> None:
        """As a deployment does: it drains, and takes nothing new."""
        self.signal(signal.SIGTERM)
        self.url = ""

    def stall(self) -> None:
        """It stands still."""
        self._stalled = True
        self.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """As if nothing had been."""
        self.signal(signal.SIGCONT)
        self._stalled = False

    def signal(self, number: signal.Signals) -> None:
        """Any signal."""
        assert self._process is not None
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    async def gone(self) -> int | None:
        """Its exit code, once it has ended."""
        assert self._process is not None
        await asyncio.to_thread(self._process.join)
        self.url = ""
        return self._process.exitcode


def _serve(settings: Settings, log: str, pipe: Connection) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    set_up_logs("warning", "text")
    address = "http://127.0.0.1:{}".format
    uvloop.run(server.serve(settings, lambda services: pipe.send(address(services.settings.port))))
