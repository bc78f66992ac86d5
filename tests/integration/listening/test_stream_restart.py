"""F26: a media stream that breaks in mid-call is started again; until then the call is degraded."""

import asyncio
import time
from typing import cast
from uuid import UUID, uuid4

import pytest

from callguard.config import Settings
from callguard.dashboard.source import DatabaseSnapshots
from callguard.db import queue
from callguard.db.pool import Database
from callguard.db.queue import Work
from callguard.domain.listening import MOST_RESTARTS
from callguard.errors import TelephonyUnreachable
from callguard.intake.twiml import Twiml
from callguard.listening.watch import LOOK_SECONDS, WATCH_STREAM, ListeningWatch, look_at_stream
from callguard.local.family import DEMO_FAMILY
from callguard.local.postgres import Cluster
from callguard.local.stage import Stage, in_process
from callguard.local.twilio import AudioConversation, CallPlan
from callguard.media.endpoint import LiveStreams
from callguard.telephony.port import Telephony
from callguard.trust.passes import PassIssuer
from tests.integration.eventually import eventually
from tests.integration.local.stand_in_bench import api_document
from tests.integration.population import Household, call_sid, connected, household, open_call, rows, value

PASSES = PassIssuer(b"k" * 32)


class Streams:
    """Notes the streams that are asked for; answers the first `lost` requests never."""

    def __init__(self, lost: int = 0) -> None:
        self.lost = lost
        self.asked: list[dict[str, str]] = []

    async def start_stream(self, call_sid: str, *, name: str, url: str, token: str) -> None:
        self.asked.append({"call": call_sid, "name": name, "url": url, "token": token})
        if len(self.asked) <= self.lost:
            raise TelephonyUnreachable("Nobody answers.")


def watching(database: Database, telephony: Streams) -> ListeningWatch:
    twiml = Twiml("https://calls.example.org", PASSES, {})
    return ListeningWatch(database, cast("Telephony", telephony), twiml, LiveStreams(1), transcribed=True)


async def taken(database: Database, home: Household, call_id: UUID) -> Work:
    """The work of looking after the call's stream, due now and claimed."""
    async with database.tenant(home.tenant_id) as session:
        await look_at_stream(session, home.tenant_id, call_id, 0)
    (work,) = await queue.claim(database, [WATCH_STREAM], 1)
    return work


@pytest.mark.promise("F26")
async def test_a_stream_is_asked_for_with_a_fresh_pass_and_three_times_at_the_most(
    database: Database, cluster: Cluster
) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    telephony = Streams()
    watch = watching(database, telephony)
    for _ in range(MOST_RESTARTS + 2):
        await watch.stream(await taken(database, home, call_id))

    assert [asked["name"] for asked in telephony.asked] == ["callguard-1", "callguard-2", "callguard-3"]
    assert {(asked["call"], asked["url"]) for asked in telephony.asked} == {
        (call_sid(1), "wss://calls.example.org/media-stream")
    }
    passes = [PASSES.check(asked["token"], time.time()) for asked in telephony.asked]
    assert {shown.call_sid for shown in passes if shown} == {call_sid(1)}
    assert len({shown.id for shown in passes if shown}) == MOST_RESTARTS
    assert [tuple(row) for row in await rows(cluster, "SELECT kind, ended_at FROM notices")] == [
        ("audio_lost", None)
    ]


async def test_no_stream_is_asked_for_where_one_runs_or_the_call_is_over(
    database: Database, cluster: Cluster
) -> None:
    home = await household(database)
    running, over = await open_call(database, home, 1), await open_call(database, home, 2)
    async with database.tenant(home.tenant_id) as session:
        await session.value("streams.admit", home.tenant_id, running, uuid4(), "MZ1")
        await session.run("calls.live", over, True, False)
    telephony = Streams()
    watch = watching(database, telephony)
    for call_id in (running, over):
        await watch.stream(await taken(database, home, call_id))
    assert telephony.asked == []
    assert await value(cluster, "SELECT count(*) FROM notices") == 0
    (again,) = await rows(
        cluster,
        "SELECT call_id, extract(epoch FROM run_after - clock_timestamp()) AS due FROM work"
        " WHERE kind = $1 AND state = 'pending'",
        WATCH_STREAM,
    )
    assert again["call_id"] == running
    assert LOOK_SECONDS - 5 < again["due"] <= LOOK_SECONDS


@pytest.mark.promise("F26")
async def test_a_stream_whose_server_was_killed_is_started_again(
    database: Database, cluster: Cluster
) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    async with database.tenant(home.tenant_id) as session:
        await session.value("streams.admit", home.tenant_id, call_id, uuid4(), "MZ1")
    async with connected(cluster.owner_dsn) as owner:
        await owner.execute("ALTER TABLE media_streams NO FORCE ROW LEVEL SECURITY")
        await owner.execute("UPDATE media_streams SET seen_at = seen_at - interval '21 seconds'")
    telephony = Streams()
    await watching(database, telephony).stream(await taken(database, home, call_id))
    assert [asked["call"] for asked in telephony.asked] == [call_sid(1)]


async def test_a_request_without_a_reply_is_not_counted_and_keeps_its_name(database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    telephony = Streams(lost=1)
    watch = watching(database, telephony)
    work = await taken(database, home, call_id)
    with pytest.raises(TelephonyUnreachable):
        await watch.stream(work)
    await watch.stream(work)
    assert [asked["name"] for asked in telephony.asked] == ["callguard-1", "callguard-1"]


@pytest.mark.promise("F26")
async def test_f26_a_cut_stream_comes_back_and_the_call_is_whole_again(
    settings: Settings, cluster: Cluster
) -> None:
    plan = CallPlan(
        from_number="+12025550199",
        to_number=DEMO_FAMILY.twilio_number,
        conversation=AudioConversation(caller=bytes(8000 * 60)),
    )

    async def degraded(stage: Stage) -> list[str | None]:
        return [call.degraded for call in (await DatabaseSnapshots(stage.database)()).calls]

    async def streams() -> list[tuple[object, ...]]:
        found = await rows(cluster, "SELECT end_reason, token_id FROM media_streams ORDER BY started_at")
        return [tuple(row) for row in found]

    async with in_process(settings, speed=1.0) as stage:
        calling = asyncio.create_task(stage.stand_in.place_call(plan))
        await eventually(streams, bool)
        stage.stand_in.faults.refuse("POST", r"/Streams\.json$", times=1)
        stage.stand_in.cut_streams()

        await eventually(lambda: degraded(stage), lambda seen: seen == ["The call's audio does not arrive."])
        await eventually(streams, lambda seen: len(seen) == 2)
        await eventually(lambda: degraded(stage), lambda seen: seen == [None])
        first, second = await streams()
        assert (first[0], second[0]) == ("disconnected", None)
        assert first[1] != second[1]
        for request in stage.stand_in.requests:
            api_document().check_request(request.method, request.path, request.params)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
