"""`callguard llm usage`, and what `callguard check` says of the day."""

import json
from uuid import uuid4

from callguard.db.pool import Database
from callguard.local.postgres import Cluster
from tests.integration.cli.conftest import Shell

TENANT = uuid4()


async def test_each_organisations_days_are_shown(shell: Shell, cluster: Cluster, database: Database) -> None:
    """Of one whose judge answered once, and whose budget was then spent."""
    async with database.tenant(TENANT) as session:
        await session.run("tenants.create", TENANT, "Sunny House")
        for outcome, requests, tokens, cost in (("answered", 2, 900, 195), ("budget_spent", 0, 0, 0)):
            await session.value(
                "llm.add", TENANT, None, 1, outcome, "m1", "judge.v2", 10, 40, requests, 700,
                tokens, tokens // 9, False, cost, None,
            )  # fmt: skip
    there = {"DATABASE_URL": cluster.owner_dsn, "DATABASE_APP_URL": cluster.app_dsn}

    shown = await shell.run("llm", "usage", COLUMNS="200", **there)
    told = await shell.run("llm", "usage", "--json", "--days", "1", **there)
    checked = await shell.run("check", COLUMNS="250", OPENAI_API_KEY="x", **there)

    assert all(word in shown.out for word in ("Sunny House", "m1", "900", "$0.0002", "700", "budget spent"))
    (day,) = json.loads(told.out)
    assert (day["questions"], day["answered"], day["requests"], day["micro_usd"]) == (1, 1, 2, 195)
    assert day["budget_spent"] is True
    assert "today 1 questions, 1000 tokens; a day's budget is spent" in checked.out
