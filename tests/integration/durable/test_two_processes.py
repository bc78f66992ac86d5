"""The acceptance call over two server processes on one database, every webhook dealt to either."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from callguard.config import Settings
from callguard.db.pool import Row
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.twilio import CallPlan, Connected, Conversation
from tests.chaos.house import SCAM, House, open_house
from tests.integration.durable.scripted import Script
from tests.integration.eventually import eventually
from tests.integration.population import rows, value
from tests.integration.webhooks import SignedClient

ANNA = DEMO_FAMILY.relatives[0].phone_number
SPEED = 4
WATCHES = "WHERE kind LIKE 'watch_%' AND state = 'pending'"
SENT = "SELECT status FROM alerts WHERE level = 'danger' AND alert_type = 'sms'"
TAKEN_OVER = "SELECT count(*) FROM work WHERE kind = 'send_alert' AND state = 'done' AND attempts > 1"
STREAMS = "SELECT received_ms, end_reason FROM media_streams ORDER BY started_at"


async def open_streams(house: House) -> dict[str, int]:
    """By server: how many streams it has."""
    async with httpx.AsyncClient() as client:
        return {
            server.name: (await client.get(f"{server.url}/health")).json()["streams"]
            for server in house.servers
            if server.is_up
        }


async def ended_streams(cluster: Cluster) -> list[Row]:
    """All streams, once the newest has ended: its last frames are read a moment after the call."""
    return await eventually(
        lambda: rows(cluster, STREAMS), lambda streams: streams[-1]["end_reason"] is not None
    )


def texts(house: House) -> Callable[[], Awaitable[int]]:
    """How many messages were sent to relatives."""

    async def count() -> int:
        return sum(message.direction == "outbound-api" for message in house.stand_in.messages)

    return count


async def test_a_call_dealt_over_two_processes_is_one_call(
    cluster: Cluster, settings: Settings, tmp_path: Path
) -> None:
    script = Script(SCAM, silent_seconds=8)
    async with open_house(
        cluster, settings, tmp_path, seed=5, speed=SPEED, recogniser=script, shared_folder=False
    ) as house:
        calling = asyncio.create_task(house.place(conversation=script.conversation))
        await eventually(texts(house), lambda sent: sent == len(DEMO_FAMILY.relatives))

        # The stream is where it was let in, and whoever looks after it knows that it runs.
        assert await open_streams(house) == {"0": 0, "1": 0} | house.dealer.streams
        assert sum(house.dealer.streams.values()) == 1
        await rows(cluster, f"UPDATE work SET run_after = now() {WATCHES}")

        # One answer, told four times, to whichever server.
        keys = house.servers[0].settings
        assert keys.twilio_auth_token is not None
        reply = {"MessageSid": f"SM{7:032x}", "From": ANNA, "To": DEMO_FAMILY.twilio_number, "Body": "SAFE"}
        async with SignedClient(house.dealer.url, keys.twilio_auth_token.get_secret_value()) as twilio:
            replies = [(await twilio.post("/sms", reply)).text for _ in range(4)]
        assert "<Message>" in replies[0]

        outcome = await calling
        assert outcome.faults == []
        assert await value(cluster, "SELECT count(*) FROM answers WHERE action = 'safe'") == 1
        assert await value(cluster, "SELECT stream_restarts FROM active_calls") == 0
        (stream,) = await ended_streams(cluster)
        assert stream["received_ms"] > 0
        assert stream["end_reason"] == "stopped"
        assert set(house.dealt) == {"0", "1"}


@pytest.mark.promise("F23")
async def test_a_deployment_under_load_loses_nothing(
    cluster: Cluster, settings: Settings, tmp_path: Path
) -> None:
    script = Script(SCAM, silent_seconds=14)
    async with open_house(cluster, settings, tmp_path, seed=6, speed=SPEED, recogniser=script) as house:
        conversations: list[Conversation] = [script.conversation]
        conversations += [house.dialogue(SCAM[:4]) for _ in range(4)]
        calls = [
            asyncio.create_task(
                house.stand_in.place_call(
                    CallPlan(f"+120255501{number}", DEMO_FAMILY.twilio_number, conversation, stir="A")
                )
            )
            for number, conversation in enumerate(conversations, 60)
        ]
        await eventually(texts(house), lambda sent: sent >= 1)
        leaving = next(server for server in house.servers if house.dealer.streams.get(server.name, 0))
        begun = time.monotonic()
        leaving.stop()
        assert await leaving.gone() == 0
        assert time.monotonic() - begun < 10

        records = await asyncio.gather(*calls)
        await house.stand_in.settled()
        assert await house.settle() == ()
        assert all(record.of(Connected) for record in records)
        alerts = await rows(cluster, SENT)
        assert [alert["status"] for alert in alerts] == ["delivered"] * 2 * len(calls)
        # Each alert's text carries a code of its own.
        bodies = Counter(message.body for message in house.stand_in.messages)
        assert set(bodies.values()) == {1}
        ends = [row["end_reason"] for row in await rows(cluster, STREAMS)]
        assert "server_stops" in ends
        assert await value(cluster, "SELECT max(stream_restarts) FROM active_calls") == 1


@pytest.mark.promise("F26")
async def test_the_stream_of_a_killed_process_is_asked_for_again_by_the_other(
    cluster: Cluster, settings: Settings, tmp_path: Path
) -> None:
    script = Script(SCAM, silent_seconds=16)
    async with open_house(cluster, settings, tmp_path, seed=8, speed=SPEED, recogniser=script) as house:
        calling = asyncio.create_task(house.place(conversation=script.conversation))
        await eventually(texts(house), lambda sent: sent >= 1)
        [name] = [name for name, count in house.dealer.streams.items() if count]
        house.kill(next(server for server in house.servers if server.name == name))
        # Nothing is heard of the stream, and the next look at it is due.
        await rows(cluster, "UPDATE media_streams SET seen_at = seen_at - interval '12 seconds'")
        await rows(cluster, f"UPDATE work SET run_after = now() {WATCHES}")

        outcome = await calling
        assert outcome.faults == []
        assert [stream["end_reason"] for stream in await ended_streams(cluster)] == [None, "stopped"]
        assert await value(cluster, "SELECT stream_restarts FROM active_calls") == 1


@pytest.mark.promise("F9")
async def test_a_stalled_process_that_wakes_up_changes_nothing(house: House, cluster: Cluster) -> None:
    calling = asyncio.create_task(
        house.place("REST POST /Accounts/Messages.json asked 1", act=lambda server: server.stall())
    )

    async def stalled() -> str | None:
        return house.killer.victim

    victim = await eventually(stalled, bool)
    server = next(server for server in house.servers if server.name == victim)
    # Its lease runs out, as after half a minute.
    await rows(cluster, "UPDATE work SET lease_until = now() WHERE state = 'running'")
    await eventually(lambda: value(cluster, TAKEN_OVER), bool)
    server.go_on()
    outcome = await calling
    assert outcome.faults == []

    async def said() -> str:
        return server.said

    assert "work_lease_lost" in await eventually(said, lambda log: "work_lease_lost" in log)
