"""The clock here jumps by an hour: calls, alerts and leases go on, by the database's clock."""

import time
from datetime import datetime, timedelta, tzinfo
from typing import Self

import pytest

from callguard.db import queue
from callguard.db.pool import Database
from callguard.domain.transcript import Speaker
from callguard.intake import endpoints
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.simulation import Ring
from callguard.local.stage import Stage
from callguard.local.twilio import DialogueConversation, SpokenTurn
from tests.integration.population import household, open_call, rows, value
from tests.integration.test_one_call import SCAM

HOUR = 3600.0


class JumpingClock:
    """Both ways in which the call path asks what time it is here."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        real, clock = time.time, self

        class Jumped(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                return super().now(tz) + timedelta(seconds=clock.ahead)

        monkeypatch.setattr(time, "time", lambda: real() + self.ahead)
        monkeypatch.setattr(endpoints, "datetime", Jumped)


@pytest.mark.promise("F16")
@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["ahead", "back"])
async def test_a_call_goes_on_when_the_clock_jumps(
    stage: Stage, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    clock = JumpingClock(monkeypatch)

    async def after_turn(call_sid: str, _turn: int) -> None:
        clock.ahead = jump - clock.ahead
        await stage.simulator.settle(call_sid)

    turns = [SpokenTurn(Speaker(speaker), text) for speaker, text in SCAM]
    for caller in ("+12025550140", "+12025550141"):
        # The second call rings after the jump.
        report = await stage.simulator.place(
            "scam", DialogueConversation(turns, after_turn=after_turn), Ring(caller, "A")
        )
        assert (report.alert_level, report.transcript.count("\n")) == ("danger", len(SCAM) - 1)
    sent = await rows(
        cluster,
        "SELECT call_id, contact_id, count(*) AS times FROM alerts "
        "WHERE level = 'danger' GROUP BY call_id, contact_id",
    )
    assert [row["times"] for row in sent] == [1] * 2 * len(DEMO_FAMILY.relatives)
    assert await value(cluster, "SELECT count(*) FROM notices") == 0


@pytest.mark.promise("F16")
@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["ahead", "back"])
async def test_a_lease_runs_by_the_databases_clock(
    cluster: Cluster, database: Database, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    home, clock = await household(database), JumpingClock(monkeypatch)
    call_id = await open_call(database, home)
    async with database.tenant(home.tenant_id) as session:
        await queue.add(session, home.tenant_id, "chore", subject=call_id, call_id=call_id, urgency=1)
    [work] = await queue.claim(database, ["chore"], 1)
    clock.ahead = jump
    assert await queue.claim(database, ["chore"], 1) == []
    assert await queue.renew(database, work)
    await rows(cluster, "UPDATE work SET lease_until = clock_timestamp() WHERE id = $1", work.id)
    [again] = await queue.claim(database, ["chore"], 1)
    assert again.id == work.id
