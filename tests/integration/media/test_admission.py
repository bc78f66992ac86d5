"""Who may stream: a fresh, unused pass of ours for the call that is named; a reconnect brings another one."""

import time
from uuid import uuid4

import pytest

from callguard.db.pool import Database
from callguard.domain.listening import Fault
from callguard.intake.signature import SignatureGate
from callguard.local.postgres import Cluster
from callguard.media.admission import Admission
from callguard.media.messages import Track
from callguard.media.session import StreamStarted
from callguard.transcript import notices
from callguard.trust.passes import LIFETIME_SECONDS, PassIssuer
from tests.integration.population import Household, call_sid, household, open_call, value

PASSES = PassIssuer(b"k" * 32)


def admission(database: Database) -> Admission:
    return Admission(database, SignatureGate(["token"], "https://calls.example.org"), PASSES)


def started(token: str, number: int = 1, stream: str = "MZ1") -> StreamStarted:
    return StreamStarted(stream, call_sid(number), tuple(Track), {"token": token})


def fresh_pass(number: int = 1, age_seconds: float = 0) -> str:
    return PASSES.issue(call_sid(number), uuid4(), time.time() - age_seconds)


@pytest.mark.promise("A6")
async def test_a_stream_that_reconnects_needs_a_fresh_pass(database: Database, cluster: Cluster) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    door, first = admission(database), fresh_pass()

    stream = await door.admit(started(first))
    assert stream is not None
    assert (stream.tenant_id, stream.call_id, stream.language) == (home.tenant_id, call_id, "en")
    assert await door.admit(started(first)) is None
    assert await door.admit(started(first, stream="MZ2")) is None
    assert await door.admit(started(fresh_pass(), stream="MZ2")) is not None
    assert await value(cluster, "SELECT count(*) FROM media_streams") == 2


@pytest.mark.promise("A6")
async def test_a_pass_opens_only_the_call_it_was_made_for_and_only_for_a_while(database: Database) -> None:
    home = await household(database)
    for number in (1, 2):
        await open_call(database, home, number)
    door = admission(database)

    assert await door.admit(started(fresh_pass(2), 1)) is None
    assert await door.admit(started(fresh_pass(3), 3)) is None
    assert await door.admit(started(fresh_pass(1, LIFETIME_SECONDS))) is None
    assert await door.admit(started(fresh_pass(1) + "x")) is None
    assert await door.admit(started("")) is None


async def test_audio_that_is_back_ends_the_fault(database: Database, cluster: Cluster) -> None:
    home: Household = await household(database)
    call_id = await open_call(database, home)
    async with database.tenant(home.tenant_id) as session:
        await notices.declare(session, home.tenant_id, call_id, Fault.AUDIO_LOST)
    await admission(database).admit(started(fresh_pass()))
    assert await value(cluster, "SELECT count(*) FROM notices WHERE ended_at IS NULL") == 0
