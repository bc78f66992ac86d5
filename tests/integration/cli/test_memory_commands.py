"""`callguard memory` and `callguard evaluate feedback`, as an operator runs them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from callguard.cli.main import app
from callguard.config import Settings, load_settings
from callguard.db.pool import Database
from callguard.domain.feedback import Answer
from callguard.intake import records
from callguard.local.postgres import Cluster
from callguard.memory import feedback
from callguard.memory.book import PURPOSE, Memory
from callguard.trust.keys import load_keys
from tests.integration.population import CALLER, Household, arrival, call_sid, household, value

Run = Callable[..., Awaitable[Result]]


@pytest.fixture
def callguard(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in this process; in a thread, since it has a loop of its own."""
    for name in Settings.model_fields.values():
        if name.alias is not None:
            monkeypatch.delenv(name.alias, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLGUARD_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", cluster.owner_dsn)
    monkeypatch.setenv("DATABASE_APP_URL", cluster.app_dsn)
    return lambda *arguments: asyncio.to_thread(CliRunner().invoke, app, list(arguments))


async def spoken_about(
    database: Database, home: Household, number: int, answer: Answer, risk: float | None = None
) -> None:
    """Call `number` was judged, where there is a risk, and somebody said what it was; both are remembered."""
    await records.arrive(database, arrival(home, number, caller=f"+1202555{100 + number:04}"))
    memory = Memory(load_keys(load_settings()).derive(PURPOSE), is_on=True)
    async with database.tenant(home.tenant_id) as session:
        call_id = await session.value("calls.known", call_sid(number))
        if risk is not None:
            told: list[object] = [[], "", {}, risk, risk >= 60, "SCAM" if risk >= 80 else "SAFE"]
            await session.value("analyses.add", home.tenant_id, call_id, *told, None, "So.", [], {}, 1)
        await feedback.give(session, home.tenant_id, call_id, answer, "dashboard", "operator")
        await memory.put(session, home.tenant_id, call_id)


async def test_a_number_is_shown_and_forgotten(callguard: Run, database: Database, cluster: Cluster) -> None:
    home, neighbour = await household(database, 1), await household(database, 2)
    await spoken_about(database, home, 90, Answer.SCAM, 95)
    await spoken_about(database, neighbour, 91, Answer.NOT_SCAM)

    shown = await callguard("memory", "show", "+1 202 555 0190")
    assert shown.exit_code == 0
    assert "Household 1\n" in shown.stdout
    assert "a call to Margaret; judged SCAM; said to be a scam" in shown.stdout
    assert "not vouched for: 70 (-100 safe, 100 fraud)" in shown.stdout
    assert "A call from this number was reported as a fraud less than a day ago." in shown.stdout
    assert "Household 2" not in shown.stdout

    forgotten = await callguard("memory", "forget", CALLER)
    assert (forgotten.exit_code, forgotten.stderr) == (0, "Forgot 1 call.\n")
    assert (await callguard("memory", "show", CALLER)).stdout == "Nothing is remembered of this number.\n"
    assert await value(cluster, "SELECT count(*) FROM remembered_calls") == 1
    assert await value(cluster, "SELECT count(*) FROM feedback") == 2, "what people said stays with the call"


async def test_a_persons_callers_and_all_are_forgotten(
    callguard: Run, database: Database, cluster: Cluster
) -> None:
    for number in (1, 2, 3):
        await spoken_about(database, await household(database, number), number, Answer.SCAM)
    left = "SELECT count(*) FROM remembered_calls"
    assert (await callguard("memory", "forget", "--person", "Person2@example.com")).exit_code == 0
    assert await value(cluster, left) == 2
    assert (await callguard("memory", "forget", "--all")).exit_code == 1, "nobody confirmed it"
    assert await value(cluster, left) == 2
    assert (await callguard("memory", "forget", "--all", "--yes")).exit_code == 0
    assert await value(cluster, left) == 0


@pytest.mark.parametrize(
    "arguments",
    [("show", "12"), ("show", "anonymous"), ("forget",), ("forget", CALLER, "--all"), ("forget", "x")],
)
async def test_what_can_not_be_meant_is_told(callguard: Run, arguments: tuple[str, ...]) -> None:
    refused = await callguard("memory", *arguments)
    assert refused.exit_code == 2
    assert "Usage" in refused.stderr


async def test_feedback_is_evaluated_without_telling_of_anybody(callguard: Run, database: Database) -> None:
    home = await household(database, 1)
    for number, answer, risk in (
        (1, Answer.SCAM, 92),
        (2, Answer.SCAM, 55),
        (3, Answer.SCAM, None),
        (4, Answer.NOT_SCAM, 66),
        (5, Answer.NOT_SCAM, 3),
        (6, Answer.UNSURE, 99),
    ):
        await spoken_about(database, home, number, answer, risk)

    figures = json.loads((await callguard("evaluate", "feedback", "--json")).stdout)
    assert figures["calls"] == {"scam": 3, "not_scam": 2, "unsure": 1}
    assert figures["never_judged"] == 1
    assert figures["shipped_threshold"] == 60
    by_threshold = {row.pop("threshold"): row for row in figures["thresholds"]}
    assert list(by_threshold) == list(range(40, 95, 5))
    counts = ("caught", "missed", "false_alarms", "left_alone")
    assert [by_threshold[60][name] for name in counts] == [1, 2, 1, 1]
    assert [by_threshold[50][name] for name in counts] == [2, 1, 1, 1]
    assert [by_threshold[70][name] for name in counts] == [1, 2, 0, 2]
    assert by_threshold[60]["precision"] == pytest.approx(
        {"value": 0.5, "low": 0.095, "high": 0.905}, abs=0.01
    )

    shown = (await callguard("evaluate", "feedback")).stdout
    assert "6 calls that people spoke about: 3 scams, 2 fine, 1 not sure of; 1 were never judged." in shown
    assert "60*" in shown
    assert "Too few answers to judge by" in shown
    assert not any(personal in shown for personal in ("2025550", "Margaret", "Household"))


async def test_only_what_was_said_since_a_day_counts(callguard: Run, database: Database) -> None:
    await spoken_about(database, await household(database, 1), 1, Answer.SCAM, 92)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d")
    for day, count in (("2025-01-01", 1), (tomorrow, 0)):
        figures = json.loads((await callguard("evaluate", "feedback", "--json", "--since", day)).stdout)
        assert figures["calls"]["scam"] == count
    empty = await callguard("evaluate", "feedback", "--since", tomorrow)
    assert "0 calls that people spoke about" in empty.stdout
