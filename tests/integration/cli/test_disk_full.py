"""No file can be written any more, by the server or by its Postgres: calls connect, and all is well after."""

import shutil
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import httpx
import pytest

from callguard.config import load_settings
from callguard.db.pool import Database
from callguard.local.family import DEMO_FAMILY, move_in
from callguard.local.postgres import EmbeddedPostgres
from callguard.local.stage import Stage
from callguard.trust.keys import load_keys
from tests.integration.cli.conftest import Shell
from tests.integration.eventually import eventually
from tests.integration.webhooks import SignedClient, heard, new_call_sid, ringing

TWIML_SECONDS = 2.0


class Disk:
    """The disk of a server and its Postgres, by what the kernel lets them write."""

    def __init__(self, server: int, data_dir: Path) -> None:
        self._server = server
        self._pid_file = data_dir / "postgres" / "postmaster.pid"

    def fill(self) -> None:
        self._limit("0")

    def empty(self) -> None:
        self._limit("unlimited")

    def _limit(self, most_bytes: str) -> None:
        for pid in (self._server, *self._postgres()):
            try:
                owner = Path(f"/proc/{pid}").stat()
            except FileNotFoundError:
                continue
            # Only its owner may limit a process.
            command = ["prlimit", "--pid", str(pid), f"--fsize={most_bytes}:unlimited"]
            subprocess.run(
                command,
                user=owner.st_uid,
                group=owner.st_gid,
                check=False,  # a process may have ended since
                stderr=subprocess.DEVNULL,
            )

    def _postgres(self) -> list[int]:
        try:
            postmaster = int(self._pid_file.read_text().splitlines()[0])
            children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return []
        return [postmaster, *map(int, children.split())]


@pytest.mark.promise("F15")
async def test_calls_connect_while_the_disk_is_full_and_all_goes_on_when_it_is_not(shell: Shell) -> None:
    async with shell.serving("--port", "0", TWILIO_API_URL="http://127.0.0.1:9", LOG_FORMAT="json") as server:
        settings = load_settings(_env_file=None, data_dir=shell.data_dir)
        async with EmbeddedPostgres(shell.data_dir) as cluster:
            database = Database(cluster.app_dsn, size=1)
            await move_in(database)
            await database.close()
        disk = Disk(server.process.pid, shell.data_dir)
        token = load_keys(settings).twilio_auth_token
        async with SignedClient(server.url, token) as twilio, httpx.AsyncClient() as client:

            async def health() -> dict[str, object]:
                answer: dict[str, object] = (await client.get(f"{server.url}/health", timeout=10)).json()
                return answer

            async def ring(caller: str) -> tuple[str, ET.Element]:
                sid, begun = new_call_sid(), time.monotonic()
                reply = await twilio.post("/incoming-call", ringing(sid, From=caller))
                assert time.monotonic() - begun < TWIML_SECONDS
                return sid, ET.fromstring(reply.text)

            async def tell(sid: str) -> int:
                return (await twilio.post("/transcription", heard(sid, 2, "hello grandma"))).status_code

            sid, twiml = await ring("+12025550140")
            assert twiml.find("Dial/Conference") is not None

            disk.fill()
            _, twiml = await ring("+12025550141")
            assert twiml.findtext("Dial/Number") == DEMO_FAMILY.phone_number
            # Neither the database nor the spool can keep it: Twilio is asked to tell again.
            assert await tell(sid) == 503
            assert (await health())["status"] == "degraded"

            disk.empty()
            await eventually(health, lambda seen: seen["status"] == "ok", seconds=30)
            assert await tell(sid) == 204
            _, twiml = await ring("+12025550142")
            assert twiml.find("Dial/Conference") is not None


@pytest.mark.promise("F15")
async def test_the_operator_is_told_before_the_disk_is_full(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stage.services is not None
    async with httpx.AsyncClient() as client:
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=100 * 2**20))
        health = (await client.get(f"{stage.services.settings.base_url}/health")).json()
    assert (health["status"], health["database"], health["disk_free_mb"]) == ("degraded", "up", 100)
