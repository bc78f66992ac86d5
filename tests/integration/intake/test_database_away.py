"""Postgres stopped in mid-call: the phone still rings, and what was spoken is stored after it is back."""

import math
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from xml.etree import ElementTree as ET

import asyncpg
import pytest

from callguard.config import Settings
from callguard.db import migrate
from callguard.db.queue import LEASE_SECONDS
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster, EmbeddedPostgres
from callguard.local.stage import Stage, in_process
from callguard.server import serving
from callguard.trust.sealing import Sealer
from tests.conftest import settings_for
from tests.integration.eventually import eventually
from tests.integration.intake.wishes import SOFTPHONE, rule, ways, wish
from tests.integration.local.postgres_bench import passable_folder
from tests.integration.population import rows
from tests.integration.webhooks import SignedClient, heard, new_call_sid, ringing

TWIML_SECONDS = 2.0


class Outage:
    """A Postgres of the test's own, which can be taken away: crashed and brought back, or frozen and
    thawed.
    """

    def __init__(self, embedded: EmbeddedPostgres, cluster: Cluster, folder: Path) -> None:
        self._embedded = embedded
        self.cluster = cluster
        self._folder = folder

    async def crash(self) -> None:
        """All at once, and not before the last of them is gone."""
        self.thaw()
        postmaster = self._postmaster()
        self._signal(signal.SIGKILL)

        async def alive() -> bool:
            return is_alive(postmaster)

        await eventually(alive, lambda running: not running)

    async def come_back(self) -> None:
        await self._embedded.ensure_running()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _postmaster(self) -> int:
        return int((self._folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])

    def _signal(self, number: signal.Signals) -> None:
        """To the postmaster and every one of its backends."""
        postmaster = self._postmaster()
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in (postmaster, *map(int, children)):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@asynccontextmanager
async def _house(settings: Settings, cluster: Cluster) -> AsyncIterator[tuple[Stage, SignedClient]]:
    own = settings_for(cluster, settings.data_dir)
    async with in_process(own, speed=math.inf) as stage:
        assert stage.services is not None
        base_url, token = stage.services.settings.base_url, stage.services.keys.twilio_auth_token
        async with SignedClient(base_url, token) as client:
            yield stage, client


@pytest.fixture
async def outage() -> AsyncIterator[Outage]:
    with passable_folder() as folder:
        embedded = EmbeddedPostgres(folder)
        async with embedded as cluster:
            await migrate.migrate(cluster.owner_dsn)
            outage = Outage(embedded, cluster, folder)
            yield outage
            outage.thaw()
            await outage.come_back()


async def _texts(cluster: Cluster, sid: str) -> list[str]:
    connection = await asyncpg.connect(cluster.owner_dsn)
    try:
        rows = await connection.fetch(
            "SELECT e.text FROM transcription_events e JOIN active_calls c ON c.id = e.call_id "
            "WHERE c.call_sid = $1 ORDER BY e.sequence_number",
            sid,
        )
    finally:
        await connection.close()
    return [row["text"] for row in rows]


@pytest.mark.promise("F3", "F11")
async def test_words_of_a_running_call_survive_a_crash_and_still_alert(
    settings: Settings, outage: Outage
) -> None:
    async with _house(settings, outage.cluster) as (stage, twilio):
        sid = new_call_sid()
        await twilio.post("/incoming-call", ringing(sid))
        await stage.simulator.settle(sid)
        await twilio.post("/transcription", heard(sid, 1, "this is the social security administration"))
        await outage.crash()
        spoken = [
            "there is a warrant for your arrest",
            "do not tell anyone about this call",
            "go and buy gift cards right now",
        ]
        for number, text in enumerate(spoken, start=2):
            assert (await twilio.post("/transcription", heard(sid, number, text))).status_code == 204
        assert stage.services is not None
        assert len(stage.services.spool) >= len(spoken)
        files = list((settings.data_dir / "spool").iterdir())
        assert not any(b"gift" in file.read_bytes() for file in files)

        await outage.come_back()
        texts = await eventually(lambda: _texts(outage.cluster, sid), lambda found: len(found) == 4)
        assert texts[1:] == spoken
        spool = stage.services.spool

        async def waiting() -> int:
            return len(spool)

        await eventually(waiting, lambda left: left == 0)

        async def messages() -> int:
            return len(stage.stand_in.messages)

        # A claim whose reply the crash swallowed is held by nobody until its lease runs out.
        patience = LEASE_SECONDS + 15
        assert await eventually(messages, lambda sent: sent >= len(DEMO_FAMILY.relatives), patience) >= 2


@pytest.mark.promise("F3")
@pytest.mark.parametrize("how", ["crashed", "frozen"])
async def test_a_call_that_rings_meanwhile_is_dialled_within_two_seconds(
    settings: Settings, outage: Outage, how: str
) -> None:
    async with _house(settings, outage.cluster) as (stage, twilio):
        earlier = new_call_sid()
        await twilio.post("/incoming-call", ringing(earlier, From="+12025550188"))
        await stage.simulator.settle(earlier)
        await outage.crash() if how == "crashed" else outage.freeze()
        sid = new_call_sid()
        asked = time.monotonic()
        reply = await twilio.post("/incoming-call", ringing(sid))
        assert time.monotonic() - asked < TWIML_SECONDS
        dial = ET.fromstring(reply.text)
        assert dial.findtext("Dial/Number") == DEMO_FAMILY.phone_number
        assert dial.find("Start/Transcription") is not None
        assert (
            await twilio.post("/transcription", heard(sid, 1, "hello grandma it is me"))
        ).status_code == 204

        if how == "crashed":
            await outage.come_back()
        else:
            outage.thaw()
        assert await eventually(lambda: _texts(outage.cluster, sid), bool) == ["hello grandma it is me"]
        await stage.simulator.settle(sid)
        # Twilio dialled the person itself: nobody is rung a second time for this call.
        dialled = [
            request for request in stage.stand_in.requests if request.path.endswith("/Participants.json")
        ]
        assert len(dialled) == 1


@pytest.mark.promise("F3")
async def test_a_server_that_starts_without_its_database_connects_calls_from_the_route_book(
    settings: Settings, outage: Outage
) -> None:
    async with _house(settings, outage.cluster) as (_, twilio):
        await twilio.post("/incoming-call", ringing(new_call_sid()))
    await outage.crash()

    own = settings_for(outage.cluster, settings.data_dir)
    async with (
        serving(own) as services,
        SignedClient(services.settings.base_url, services.keys.twilio_auth_token) as twilio,
    ):
        reply = await twilio.post("/incoming-call", ringing(new_call_sid()))
        assert ET.fromstring(reply.text).findtext("Dial/Number") == DEMO_FAMILY.phone_number
        health = (await twilio.send("GET", "/health")).json()
        assert (health["status"], health["database"], health["spooled"]) == ("degraded", "away", 1)
    await outage.come_back()


@pytest.mark.promise("F3")
async def test_a_persons_wishes_hold_while_the_database_is_away(settings: Settings, outage: Outage) -> None:
    friend, foe, stranger = "+12025550180", "+12025550181", "+12025550182"
    async with _house(settings, outage.cluster) as (stage, twilio):
        await rule(outage.cluster, friend, "allow")
        await rule(outage.cluster, foe, "block")
        await wish(outage.cluster, "quiet_from = '00:00', quiet_until = '23:59:59.999999'")
        await ways(outage.cluster, ("client", SOFTPHONE), ("same_number", None))
        assert stage.services is not None

        async def known() -> bool:
            return SOFTPHONE.encode() in await _book(stage)

        await eventually(known, bool)
        await outage.crash()
        answers = {
            caller: ET.fromstring(
                (await twilio.post("/incoming-call", ringing(new_call_sid(), From=caller))).text
            )
            for caller in (friend, foe, stranger, "911")
        }
        assert {caller: [verb.tag for verb in answer] for caller, answer in answers.items()} == {
            friend: ["Dial"],
            foe: ["Reject"],
            stranger: ["Say", "Hangup"],
            "911": ["Dial"],
        }
        assert answers[friend].findtext("Dial/Client") == SOFTPHONE.removeprefix("client:")

        # What was done then is what is stored, whatever the person has wished since.
        await outage.come_back()
        await rows(outage.cluster, "DELETE FROM caller_rules")

        async def stored() -> dict[str, tuple[str, str]]:
            found = await rows(
                outage.cluster, "SELECT caller_number, decision, decision_reason FROM active_calls"
            )
            return {row["caller_number"]: (row["decision"], row["decision_reason"]) for row in found}

        assert await eventually(stored, lambda calls: len(calls) == len(answers)) == {
            friend: ("connect", "allowed"),
            foe: ("reject", "blocked"),
            stranger: ("tell_later", "quiet_hours"),
            "911": ("connect", "emergency"),
        }


async def _book(stage: Stage) -> bytes:
    """The route book as it lies on disk, opened."""
    assert stage.services is not None
    sealer = Sealer(stage.services.keys.derive("routes"))
    path = stage.services.settings.data_dir / "routes.sealed"
    return sealer.open(path.read_bytes(), b"routes") if path.exists() else b""


async def _fill_notifications(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for number in range(1000):
        await connection.execute("SELECT pg_notify('other', $1 || repeat('x', 7000))", str(number))


@pytest.mark.promise("F13")
async def test_a_full_notification_queue_costs_no_word_and_no_alert(
    settings: Settings, outage: Outage
) -> None:
    connection = await asyncpg.connect(outage.cluster.owner_dsn)
    await connection.execute("ALTER SYSTEM SET max_notify_queue_pages = 64")
    await connection.close()
    await outage.crash()
    await outage.come_back()
    async with _house(settings, outage.cluster) as (stage, twilio):
        sid = new_call_sid()
        await twilio.post("/incoming-call", ringing(sid))
        await stage.simulator.settle(sid)
        # A listener that sits in a transaction keeps the queue from being emptied.
        idle = await asyncpg.connect(outage.cluster.owner_dsn)
        filler = await asyncpg.connect(outage.cluster.owner_dsn)
        try:
            await idle.execute("LISTEN keyword_detected")
            await idle.execute("BEGIN; SELECT 1")
            with pytest.raises(asyncpg.ProgramLimitExceededError):
                await _fill_notifications(filler)
            words = "there is an arrest warrant do not tell anyone buy gift cards right now"
            assert (await twilio.post("/transcription", heard(sid, 1, words))).status_code == 204
            assert await _texts(outage.cluster, sid) == [words]
            await stage.simulator.settle(sid)
            assert len(stage.stand_in.messages) == len(DEMO_FAMILY.relatives)
        finally:
            await idle.close()
            await filler.close()
