"""Calls whose end nobody told."""

from typing import Any

from callguard.local.postgres import Cluster
from callguard.local.stage import Stage
from tests.integration.eventually import eventually
from tests.integration.population import rows
from tests.integration.webhooks import SignedClient, heard, new_call_sid, ringing

AGE = "interval '11 minutes'"


async def look_now(cluster: Cluster) -> None:
    await rows(cluster, "UPDATE work SET run_after = clock_timestamp() WHERE kind = 'look_after'")


async def age(cluster: Cluster) -> None:
    await rows(cluster, f"UPDATE active_calls SET started_at = started_at - {AGE}")
    await rows(cluster, f"UPDATE call_legs SET updated_at = updated_at - {AGE}")
    await rows(cluster, f"UPDATE transcription_events SET created_at = created_at - {AGE}")


async def looks(cluster: Cluster) -> list[tuple[Any, ...]]:
    found = await rows(
        cluster,
        "SELECT w.state, c.status, w.run_after > clock_timestamp() + interval '5 minutes' "
        "FROM work w JOIN active_calls c ON c.id = w.call_id WHERE w.kind = 'look_after' ORDER BY w.id",
    )
    return [tuple(row) for row in found]


async def test_a_call_that_twilio_no_longer_knows_is_ended_with_its_last_analysis(
    twilio: SignedClient, stage: Stage, cluster: Cluster
) -> None:
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    await twilio.post("/transcription", heard(sid, 1, "buy gift cards"))
    await stage.simulator.settle(sid)
    await age(cluster)
    analyses = len(await rows(cluster, "SELECT id FROM work WHERE kind = 'analyse'"))
    await look_now(cluster)

    async def status() -> str:
        (call,) = await rows(cluster, "SELECT status FROM active_calls")
        return str(call["status"])

    await eventually(status, lambda seen: seen == "ended")
    await stage.simulator.settle(sid)
    assert len(await rows(cluster, "SELECT id FROM work WHERE kind = 'analyse'")) == analyses + 1
    assert await rows(cluster, "SELECT id FROM work WHERE state = 'pending'") == []


async def test_a_call_that_was_heard_of_lately_is_looked_at_again_later(
    twilio: SignedClient, stage: Stage, cluster: Cluster
) -> None:
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    await stage.simulator.settle(sid)
    await look_now(cluster)
    seen = await eventually(lambda: looks(cluster), lambda found: len(found) == 2 and found[0][0] == "done")
    assert seen == [("done", "active", False), ("pending", "active", True)]
    assert not [r for r in stage.stand_in.requests if r.method == "GET" and f"/Calls/{sid}" in r.path]


async def test_the_end_of_a_call_takes_back_what_waits_for_it(
    twilio: SignedClient, stage: Stage, cluster: Cluster
) -> None:
    sid = new_call_sid()
    await twilio.post("/incoming-call", ringing(sid))
    await stage.simulator.settle(sid)
    await twilio.post("/call-status", ringing(sid, CallStatus="completed"))
    assert await rows(cluster, "SELECT id FROM work WHERE state = 'pending'") == []
    assert await rows(cluster, "SELECT id FROM work WHERE payload <> '{}'") == [], "no call token is left"
