"""A worker that is stopped in the middle of its work, and wakes up when another has done it."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE

import pytest

from callguard.db import queue
from callguard.db.pool import Database
from callguard.db.queue import Work
from callguard.local.postgres import Cluster
from tests.integration.eventually import eventually
from tests.integration.population import household, open_call, value

CHORE = "chore"
LEASE_SECONDS = 0.3
TOO_LATE = "written too late"

# Claims one piece of work, and finishes it with a result when its standard input says so.
STALLS = f"""
import asyncio, sys
from callguard.db import queue
from callguard.db.pool import Database
from callguard.errors import LeaseLost

async def main():
    queue.LEASE_SECONDS = {LEASE_SECONDS}
    database = Database(sys.argv[1], size=2)
    [work] = await queue.claim(database, [{CHORE!r}], 1)
    print("claimed", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    try:
        async with database.tenant(work.tenant_id) as session:
            await session.run(
                "people.add_person", work.tenant_id, {TOO_LATE!r}, "Nobody", "+12025550139", None, "en", True
            )
            await queue.finish(session, work)
    except LeaseLost as error:
        print(error.code, flush=True)
    await database.close()

asyncio.run(main())
"""


@pytest.mark.promise("F9")
async def test_what_it_writes_then_is_refused(cluster: Cluster, database: Database) -> None:
    home = await household(database)
    call_id = await open_call(database, home)
    async with database.tenant(home.tenant_id) as session:
        await queue.add(session, home.tenant_id, CHORE, subject=home.tenant_id, call_id=call_id, urgency=1)
    stalled = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STALLS, cluster.app_dsn, stdin=PIPE, stdout=PIPE
    )
    assert stalled.stdout is not None
    assert await stalled.stdout.readline() == b"claimed\n"
    stalled.send_signal(signal.SIGSTOP)

    async def free() -> list[Work]:
        return await queue.claim(database, [CHORE], 1)

    [work] = await eventually(free, bool)
    async with database.tenant(home.tenant_id) as session:
        await queue.finish(session, work)
    stalled.send_signal(signal.SIGCONT)
    out, _ = await stalled.communicate(b"go on\n")

    assert (out, stalled.returncode) == (b"LEASE_LOST\n", 0)
    assert await value(cluster, "SELECT count(*) FROM users WHERE email = $1", TOO_LATE) == 0
    assert await value(cluster, "SELECT attempts FROM work WHERE kind = $1", CHORE) == 2
