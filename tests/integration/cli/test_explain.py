"""`callguard explain`: the whole story of a call, for people and as JSON."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from callguard.cli.main import app
from callguard.errors import CallUnknown
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from tests.integration.alerting.alarm import scam
from tests.integration.population import call_sid


@pytest.fixture
def callguard(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Awaitable[Result]]:
    """Runs the command in this process; in a thread, since it has a loop of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", cluster.owner_dsn)
    monkeypatch.setenv("DATABASE_APP_URL", cluster.app_dsn)
    return lambda *arguments: asyncio.to_thread(CliRunner().invoke, app, list(arguments))


async def test_the_story_of_a_scam(stage: Stage, callguard: Callable[..., Awaitable[Result]]) -> None:
    async def nothing(_call_sid: str) -> None: ...

    record = await scam(stage, nothing)
    shown = (await callguard("explain", record.call_sid)).stdout
    story = json.loads((await callguard("explain", record.call_sid, "--json")).stdout)

    assert "0:00  callee: hello this is margaret" in shown
    assert "What makes it" in shown
    assert "Words spoken: The words contain:" in shown
    assert "danger to Anna" in shown.replace("Anna Hill", "Anna")
    assert "versions: callguard " in shown
    last = story["verdicts"][-1]
    assert last["verdict"] == "SCAM"
    assert sum(signal["points"] for signal in last["signals"]) == last["measured"]
    assert [turn["speaker"] for turn in story["turns"]] == ["callee", "caller"]
    assert story["alerts"][0]["level"] == "danger"
    assert story["language"] == "en"


async def test_a_call_that_nobody_stored(callguard: Callable[..., Awaitable[Result]]) -> None:
    assert isinstance((await callguard("explain", call_sid(99))).exception, CallUnknown)
