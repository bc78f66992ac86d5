"""`uvicorn callguard.app:app`, as the README says."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE

import httpx

from tests.integration.cli.conftest import Shell
from tests.integration.cli.test_serve import free_port
from tests.integration.eventually import eventually


async def test_the_application_runs_under_uvicorn_itself(shell: Shell) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "callguard.app:app", "--port", str(port)),
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
        env=shell.environment({"PORT": str(port)}),
        cwd=shell.folder,
    )
    try:
        async with httpx.AsyncClient() as client:

            async def status() -> str:
                try:
                    return str((await client.get(f"http://127.0.0.1:{port}/health")).json()["status"])
                except httpx.TransportError:
                    return "not up yet"

            assert await eventually(status, lambda seen: seen == "ok", seconds=90) == "ok"
            unsigned = await client.post(f"http://127.0.0.1:{port}/incoming-call", data={"CallSid": "CA1"})
            assert unsigned.status_code == 403
    finally:
        process.terminate()
        await process.wait()
