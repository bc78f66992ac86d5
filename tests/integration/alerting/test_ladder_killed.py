"""F8: a server that is killed just after Twilio took a step: the next one finds the step and does it once."""

import asyncio
from typing import cast
from uuid import UUID

import pytest

from callguard.alerting.ladder import TAKE_STEP, UNDO_STEP, Ladder, ask
from callguard.alerting.speech import AlertSpeech
from callguard.db import queue
from callguard.db.pool import Database
from callguard.domain.ladder import AskedBy, Rung, Step, Wording
from callguard.local.postgres import Cluster
from callguard.telephony.destinations import Destinations
from callguard.telephony.port import Telephony
from tests.integration.population import Household, household, open_call, rows, value


class Line:
    """The line as Twilio knows it. While `deadly` the server that asks for something dies of the reply."""

    def __init__(self) -> None:
        self.deadly = True
        self.announced: list[str] = []
        self._held = False
        self.rung: list[str] = []
        self.ended = False

    def holds(self) -> bool:
        return self._held

    def _reply(self) -> None:
        if self.deadly:
            raise asyncio.CancelledError

    async def announce(self, *, label: str, url: str, **_where: str) -> bool:
        assert label == "person"
        self.announced.append(url)
        self._reply()
        return True

    async def hold(self, *, label: str, on: bool, **_where: str) -> None:
        assert label == "caller"
        self._held = on
        self._reply()

    async def leg_in_conference(self, _conference: str, label: str) -> str | None:
        return label if label in self.rung else None

    async def add_contact(self, *, label: str, **_where: str) -> str:
        self.rung.append(label)
        self._reply()
        return "CA1"

    async def end_leg(self, _call_sid: str) -> None:
        self.ended = True
        self._reply()


class Scene:
    """A step that was asked for in a call that goes on."""

    def __init__(self, database: Database, cluster: Cluster, home: Household, call_id: UUID) -> None:
        self.database, self.cluster, self.home, self.call_id = database, cluster, home, call_id
        self.line = Line()
        speech = AlertSpeech("https://calls.example.org")
        self.ladder = Ladder(database, cast("Telephony", self.line), speech, Destinations(()), None)

    async def dies_in(self, rung: Rung) -> None:
        """The step is asked for, and the first who takes it is killed."""
        async with self.database.tenant(self.home.tenant_id) as session:
            contact = self.home.contact_id
            await ask(session, self.home.tenant_id, self.call_id, rung, AskedBy.POLICY, contact_id=contact)
        with pytest.raises(asyncio.CancelledError):
            await self.work(TAKE_STEP)
        await rows(self.cluster, "UPDATE work SET lease_until = now() WHERE state = 'running'")
        self.line.deadly = False

    async def work(self, kind: str) -> None:
        (work,) = await queue.claim(self.database, [kind], 1)
        await self.ladder.move(work)

    async def state(self) -> object:
        return await value(self.cluster, "SELECT state FROM call_steps ORDER BY asked_at LIMIT 1")


@pytest.fixture
async def scene(database: Database, cluster: Cluster) -> Scene:
    home = await household(database)
    return Scene(database, cluster, home, await open_call(database, home))


@pytest.mark.promise("F8")
async def test_f8_a_whisper_that_twilio_fetched_is_not_asked_for_again(scene: Scene) -> None:
    await scene.dies_in(Rung(Step.WHISPER, Wording.DANGER))
    step = UUID(str(await value(scene.cluster, "SELECT id FROM call_steps")))
    assert await scene.ladder.whisper(step, "first")
    await scene.work(TAKE_STEP)
    assert len(scene.line.announced) == 1
    assert await scene.state() == "done"


async def test_f8_a_whisper_asked_for_twice_is_spoken_for_one_request(scene: Scene) -> None:
    await scene.dies_in(Rung(Step.WHISPER, Wording.DANGER))
    await scene.work(TAKE_STEP)
    assert len(set(scene.line.announced)) == 1
    step = UUID(str(await value(scene.cluster, "SELECT id FROM call_steps")))
    spoken = [await scene.ladder.whisper(step, request) for request in ("second", "first", "second")]
    assert spoken == [True, False, True]  # Twilio's repetition of a request carries the same token
    assert await scene.state() == "done"


async def test_f8_the_end_of_a_hold_waits_before_the_hold_begins(scene: Scene) -> None:
    await scene.dies_in(Rung(Step.HOLD))
    waiting = "SELECT count(*) FROM work WHERE kind = $1 AND state = 'pending'"
    assert scene.line.holds()
    assert await value(scene.cluster, waiting, UNDO_STEP) == 1

    # Nobody takes the step again before its time is over.
    await rows(scene.cluster, "UPDATE call_steps SET asked_at = asked_at - interval '3 minutes'")
    await rows(scene.cluster, "UPDATE work SET run_after = now() WHERE kind = $1", UNDO_STEP)
    await scene.work(UNDO_STEP)
    assert not scene.line.holds()
    assert await scene.state() == "undone"
    await scene.work(TAKE_STEP)
    assert not scene.line.holds()


@pytest.mark.promise("F8")
async def test_f8_a_contact_is_rung_once(scene: Scene) -> None:
    await scene.dies_in(Rung(Step.BRING_IN))
    await scene.work(TAKE_STEP)
    assert scene.line.rung == [f"contact-{scene.home.contact_id}"]
    assert await scene.state() == "taken"


@pytest.mark.promise("F8")
async def test_f8_a_call_is_ended_and_told_so(scene: Scene) -> None:
    await scene.dies_in(Rung(Step.END))
    await scene.work(TAKE_STEP)
    assert scene.line.ended
    assert await scene.state() == "done"


async def test_the_policy_asks_once_whoever_concludes_at_the_same_time(scene: Scene) -> None:
    async def once() -> None:
        async with scene.database.tenant(scene.home.tenant_id) as session:
            await ask(session, scene.home.tenant_id, scene.call_id, Rung(Step.HOLD), AskedBy.POLICY)

    await asyncio.gather(*(once() for _ in range(5)))
    assert await value(scene.cluster, "SELECT count(*) FROM call_steps") == 1
    assert await value(scene.cluster, "SELECT count(*) FROM work WHERE kind = $1", TAKE_STEP) == 1


async def test_another_tenant_sees_no_step(scene: Scene) -> None:
    await scene.dies_in(Rung(Step.END))
    stranger = await household(scene.database, 2)
    async with scene.database.tenant(stranger.tenant_id) as session:
        found = await session.rows("ladder.of_calls", scene.home.tenant_id, [scene.call_id])
    assert found == []
