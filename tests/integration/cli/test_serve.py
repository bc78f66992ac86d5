"""`callguard serve`: started, joined, killed, stopped."""

import asyncio
import json
import os
import signal
import socket

import httpx
import pytest

from tests.integration.cli.conftest import Shell, write
from tests.integration.cli.test_commands import BENIGN, SCAM
from tests.integration.eventually import eventually


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


async def test_calls_simulated_against_a_running_server_show_on_its_dashboard(shell: Shell) -> None:
    stand_in = f"http://127.0.0.1:{free_port()}"
    write(shell.folder, "calls.jsonl", [SCAM, BENIGN])
    async with shell.serving("--port", "0", TWILIO_API_URL=stand_in) as server:
        ended = await shell.run(
            "simulate",
            "--dialogue",
            "calls.jsonl",
            "--speed",
            "max",
            "--server",
            server.url,
            TWILIO_API_URL=stand_in,
        )
        assert ended.status == 0, ended.err
        scam, benign = map(json.loads, ended.out.splitlines())
        assert (scam["alerted"], benign["alerted"]) == (True, False)
        async with httpx.AsyncClient(follow_redirects=True) as browser:
            assert (await browser.get(f"{server.url}/dashboard")).status_code == 401
            page = await browser.get(server.dashboard)
            assert page.status_code == 200
            assert "gift cards" in page.text.replace("</mark>", "").replace("<mark>", "")
            health = (await browser.get(f"{server.url}/health")).json()
        assert health["status"] == "ok"


async def test_a_second_server_on_the_same_data_is_told_so_and_other_commands_join(shell: Shell) -> None:
    async with shell.serving("--port", "0") as server:
        second = await shell.run("serve", "--port", "0")
        assert second.status == 2
        assert "[DATA_FOLDER_IN_USE]" in second.err
        assert str(server.process.pid) in second.err
        assert (await shell.run("migrate")).out == "The database is up to date.\n"


async def test_a_taken_port_is_told(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = await shell.run("serve", "--port", str(taken.getsockname()[1]))
    assert ended.status == 2
    assert "--port" in ended.err


@pytest.mark.promise("F8")
async def test_killed_without_warning_it_starts_again_on_the_same_data(shell: Shell) -> None:
    stand_in = f"http://127.0.0.1:{free_port()}"
    write(shell.folder, "calls.jsonl", [SCAM])
    async with shell.serving("--port", "0", TWILIO_API_URL=stand_in) as server:
        await shell.run(
            "simulate",
            "--dialogue",
            "calls.jsonl",
            "--speed",
            "max",
            "--server",
            server.url,
            TWILIO_API_URL=stand_in,
        )
        server.process.send_signal(signal.SIGKILL)
        await server.process.wait()
    async with shell.serving("--port", "0") as again, httpx.AsyncClient(follow_redirects=True) as browser:
        assert "Margaret" in (await browser.get(again.dashboard)).text


@pytest.mark.promise("F23")
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_soon_with_a_dashboard_open(shell: Shell, stop: signal.Signals) -> None:
    async with shell.serving("--port", "0") as server, httpx.AsyncClient(follow_redirects=True) as browser:
        await browser.get(server.dashboard)
        async with browser.stream("GET", f"{server.url}/dashboard/events", timeout=30) as events:
            chunks = events.aiter_bytes()
            assert await anext(chunks)
            server.process.send_signal(stop)
            async with asyncio.timeout(10):
                status = await server.process.wait()
    assert status in (0, -stop, 130)


@pytest.mark.promise("F11")
async def test_its_embedded_postgres_comes_back_after_a_crash(shell: Shell) -> None:
    async with shell.serving("--port", "0") as server, httpx.AsyncClient() as client:
        pid_file = shell.data_dir / "postgres" / "postmaster.pid"
        first = pid_file.read_text().splitlines()[0]
        os.kill(int(first), signal.SIGKILL)

        async def health() -> object:
            return (await client.get(f"{server.url}/health", timeout=10)).json()["database"]

        async def pid() -> str:
            return pid_file.read_text().splitlines()[0] if pid_file.exists() else first

        await eventually(pid, lambda seen: seen != first, seconds=30)
        assert await eventually(health, lambda seen: seen == "up", seconds=30) == "up"


async def test_the_log_holds_no_number_no_word_and_no_key(shell: Shell) -> None:
    stand_in = f"http://127.0.0.1:{free_port()}"
    write(shell.folder, "calls.jsonl", [SCAM])
    async with shell.serving("--port", "0", TWILIO_API_URL=stand_in, LOG_LEVEL="debug") as server:
        await shell.run(
            "simulate",
            "--dialogue",
            "calls.jsonl",
            "--speed",
            "max",
            "--server",
            server.url,
            TWILIO_API_URL=stand_in,
        )
        async with httpx.AsyncClient(follow_redirects=True) as browser:
            await browser.get(server.dashboard)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.stderr is not None
        logged = (await server.process.stderr.read()).decode()
    key = server.dashboard.partition("key=")[2]
    for secret in ("2025550", "gift cards", "Margaret", "social security", key, "CallToken"):
        assert secret not in logged
