"""Callbacks that we answer with an error: Twilio tells again, and what is lost in the end is shown."""

from uuid import UUID

import pytest

from callguard.alerting.outbox import Outbox
from callguard.dashboard.snapshot import LiveCall
from callguard.dashboard.source import DatabaseSnapshots
from callguard.db.pool import Database
from callguard.domain.facts import AnyFact, WordsHeard
from callguard.domain.transcript import Speaker, as_text
from callguard.errors import DatabaseError
from callguard.intake import records
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.simulation import Ring
from callguard.local.stage import Stage
from callguard.transcript import store
from tests.integration.population import value
from tests.integration.test_one_call import SCAM
from tests.integration.webhooks import SignedClient, heard, new_call_sid, ringing

RING = Ring("+12025550199", "A")
BEFORE, LOST, AFTER = "hello this is margaret", "buy some cake on your way", "and see you on sunday"
TURNS = [(Speaker.CALLEE, BEFORE), (Speaker.CALLER, LOST), (Speaker.CALLEE, AFTER)]


class Failing:
    """Recording as ever, except that one result's final fails a number of times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        self.left = times
        self._record = records.record
        monkeypatch.setattr(records, "record", self.record)

    async def record(self, database: Database, fact: AnyFact, known: records.KnownCalls) -> None:
        if isinstance(fact, WordsHeard) and fact.is_final and fact.text == LOST and self.left:
            self.left -= 1
            raise DatabaseError("The database refused a statement.")
        await self._record(database, fact, known)


async def after_the_call(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> LiveCall:
    monkeypatch.setattr(store, "UNDER_WAY_SECONDS", 0.0)
    await stage.simulator.place("family", stage.simulator.dialogue(TURNS, "en", stepwise=True), RING)
    (call,) = (await DatabaseSnapshots(stage.database)()).calls
    return call


@pytest.mark.promise("F7")
async def test_what_failed_four_times_is_stored_once_by_the_fifth(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Failing(monkeypatch, times=4)
    call = await after_the_call(stage, monkeypatch)

    assert failing.left == 0
    assert as_text(call.transcript) == f"callee: {BEFORE}\ncaller: {LOST}\ncallee: {AFTER}"
    assert call.degraded is None
    assert list(stage.stand_in.debugger) == []


@pytest.mark.promise("F7")
async def test_a_result_that_never_came_through_is_shown_as_a_gap(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    Failing(monkeypatch, times=5)
    call = await after_the_call(stage, monkeypatch)

    assert AFTER in as_text(call.transcript)
    assert call.degraded == ("1 result of the transcription did not arrive, so some words may be missing.")
    assert call.status == "ended"


@pytest.mark.promise("F7")
async def test_our_announcements_are_no_gap_and_a_late_result_closes_one(
    stage: Stage, twilio: SignedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "UNDER_WAY_SECONDS", 0.0)
    sid, ours = new_call_sid(), "the person you are calling can't be reached at the moment"

    async def degraded_after(sequence: int, text: str) -> str | None:
        told = await twilio.post("/transcription", heard(sid, sequence, text, track="outbound_track"))
        assert told.status_code == 204
        return (await DatabaseSnapshots(stage.database)()).calls[0].degraded

    await twilio.post("/incoming-call", ringing(sid))
    assert await degraded_after(2, ours) is None
    assert await degraded_after(3, "hello") is None
    assert "2 results" in (await degraded_after(6, "who is this") or "")
    assert "1 result " in (await degraded_after(4, "yes") or "")
    assert await degraded_after(5, "this is margaret") is None


@pytest.mark.promise("F7")
async def test_a_delivery_that_we_failed_to_hear_of_is_told_again(
    stage: Stage, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, failures = Outbox.told, [DatabaseError("The database refused a statement.")] * 4

    async def failing(outbox: Outbox, alert_id: UUID, status: str, sid: str, error_code: str | None) -> bool:
        if status == "delivered" and failures:
            raise failures.pop()
        return await told(outbox, alert_id, status, sid, error_code)

    monkeypatch.setattr(Outbox, "told", failing)
    await stage.simulator.place("scam", stage.simulator.dialogue(SCAM, "en", stepwise=True), RING)
    await stage.stand_in.settled()

    assert failures == []
    delivered = "SELECT count(*) FROM alerts WHERE level = 'danger' AND status = 'delivered'"
    assert await value(cluster, delivered) == len(DEMO_FAMILY.relatives)
