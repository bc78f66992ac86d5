"""The queue: who gets which work when, and whose result counts."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from callguard.db import queue
from callguard.db.pool import Database, Row
from callguard.db.queue import Work
from callguard.errors import LeaseLost
from callguard.local.postgres import Cluster
from tests.integration.population import Household, call_sid, household, open_call, rows

CHORE = "chore"


@pytest.fixture
async def home(database: Database) -> Household:
    return await household(database)


@pytest.fixture
async def call_id(database: Database, home: Household) -> UUID:
    return await open_call(database, home)


async def ask(database: Database, home: Household, call_id: UUID, **how: Any) -> UUID:
    """Asks for a chore; its subject."""
    request: dict[str, Any] = {"subject": uuid4(), "urgency": 5} | how
    async with database.tenant(home.tenant_id) as session:
        await queue.add(session, home.tenant_id, CHORE, call_id=call_id, **request)
    subject: UUID = request["subject"]
    return subject


async def claim(database: Database, batch: int = 10) -> list[Work]:
    return await queue.claim(database, [CHORE], batch)


async def give_up(database: Database, work: Work, error_code: str) -> None:
    async with database.tenant(work.tenant_id) as session:
        await queue.give_up(session, work, error_code)


async def finish(database: Database, work: Work) -> None:
    async with database.tenant(work.tenant_id) as session:
        await queue.finish(session, work)


async def stored(cluster: Cluster, work: Work) -> Row:
    [row] = await rows(
        cluster, "SELECT *, lease_until - clock_timestamp() AS left FROM work WHERE id = $1", work.id
    )
    return row


async def run_out(cluster: Cluster, work: Work) -> None:
    """The lease's time passes."""
    await rows(cluster, "UPDATE work SET lease_until = clock_timestamp() WHERE id = $1", work.id)


async def come_due(cluster: Cluster) -> None:
    """The delay of everything that waits passes."""
    await rows(cluster, "UPDATE work SET run_after = clock_timestamp() WHERE state = 'pending'")


async def test_the_most_urgent_and_then_the_longest_due_is_taken_first(
    database: Database, home: Household, call_id: UUID
) -> None:
    asked = [await ask(database, home, call_id, urgency=urgency) for urgency in (5, 1, 5, 0, 1)]
    expected = [asked[index] for index in (3, 1, 4, 0, 2)]
    taken = [work.subject for batch in (2, 2, 2) for work in await claim(database, batch)]
    assert taken == expected


async def test_work_arrives_with_what_was_asked(database: Database, home: Household, call_id: UUID) -> None:
    subject = await ask(database, home, call_id, payload={"number": "+12025550101", "nested": [1, None]})
    [work] = await claim(database)
    assert work == Work(
        id=work.id,
        tenant_id=home.tenant_id,
        kind=CHORE,
        subject=subject,
        call_id=call_id,
        payload={"number": "+12025550101", "nested": [1, None]},
        attempts=1,
        fence=1,
    )
    assert await claim(database) == []


async def test_only_the_kinds_wanted_are_taken(database: Database, home: Household, call_id: UUID) -> None:
    await ask(database, home, call_id)
    assert await queue.claim(database, ["another"], 10) == []
    assert len(await queue.claim(database, ["another", CHORE], 10)) == 1


async def test_delayed_work_waits(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    await ask(database, home, call_id, delay_seconds=60)
    assert await claim(database) == []
    await come_due(cluster)
    assert len(await claim(database)) == 1


async def test_a_second_request_hurries_the_one_that_waits(
    database: Database, home: Household, call_id: UUID
) -> None:
    subject = await ask(database, home, call_id, urgency=9, delay_seconds=60)
    await ask(database, home, call_id, urgency=4)
    await ask(database, home, call_id, subject=subject, urgency=3)
    assert [work.subject for work in await claim(database, 1)] == [subject]
    assert len(await claim(database)) == 1


async def test_finished_work_is_done_and_keeps_no_payload(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    await ask(database, home, call_id, payload={"call_token": "secret"})
    [work] = await claim(database)
    await finish(database, work)
    row = await stored(cluster, work)
    assert (row["state"], row["payload"], row["lease_until"]) == ("done", "{}", None)
    assert row["finished_at"] is not None
    assert await claim(database) == []
    with pytest.raises(LeaseLost):
        await finish(database, work)


@pytest.mark.promise("F8")
async def test_a_lease_that_ran_out_passes_the_work_on(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    await ask(database, home, call_id)
    [first] = await claim(database)
    assert await claim(database) == []
    await run_out(cluster, first)
    [second] = await claim(database)
    assert second == replace(first, attempts=2, fence=first.fence + 1)


@pytest.mark.promise("F9")
async def test_a_stale_workers_results_are_undone(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    await ask(database, home, call_id)
    [stale] = await claim(database)
    await run_out(cluster, stale)
    [current] = await claim(database)

    async def conclude() -> None:
        async with database.tenant(home.tenant_id) as session:
            await session.run("calls.live", call_id, False, True)
            await queue.finish(session, stale)

    with pytest.raises(LeaseLost):
        await conclude()
    [call] = await rows(cluster, "SELECT connected_at FROM active_calls")
    assert call["connected_at"] is None
    assert not await queue.renew(database, stale)
    await queue.put_back(database, stale, "STALE", 0)
    with pytest.raises(LeaseLost):
        await give_up(database, stale, "STALE")
    row = await stored(cluster, current)
    assert (row["state"], row["error_code"]) == ("running", None)
    await finish(database, current)


async def test_a_heartbeat_keeps_the_lease(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    await ask(database, home, call_id)
    [work] = await claim(database)
    await rows(
        cluster, "UPDATE work SET lease_until = clock_timestamp() + interval '1 s' WHERE id = $1", work.id
    )
    assert await queue.renew(database, work)
    assert (await stored(cluster, work))["left"].total_seconds() > queue.LEASE_SECONDS - 5
    await finish(database, work)
    assert not await queue.renew(database, work)


async def test_one_piece_of_work_runs_for_a_subject(
    database: Database, home: Household, call_id: UUID
) -> None:
    subject = await ask(database, home, call_id)
    [first] = await claim(database)
    for _ in range(2):
        await ask(database, home, call_id, subject=subject)
    assert await claim(database) == []
    await finish(database, first)
    [second] = await claim(database)
    assert second.subject == subject
    assert second.id != first.id
    await finish(database, second)
    assert await claim(database) == []


async def test_what_waits_behind_a_lost_lease_is_not_run_beside_it(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    subject = await ask(database, home, call_id)
    [lost] = await claim(database)
    await ask(database, home, call_id, subject=subject)
    await run_out(cluster, lost)
    [again] = await claim(database)
    assert again.id == lost.id
    assert await claim(database) == []
    await finish(database, again)
    [waiting] = await claim(database)
    assert waiting.subject == subject


async def test_work_put_back_is_tried_again_later(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    await ask(database, home, call_id, payload={"kept": True})
    [work] = await claim(database)
    await queue.put_back(database, work, "TELEPHONY", delay_seconds=60)
    row = await stored(cluster, work)
    assert (row["state"], row["error_code"], row["lease_until"]) == ("pending", "TELEPHONY", None)
    assert await claim(database) == []
    await come_due(cluster)
    assert await claim(database) == [replace(work, attempts=2, fence=2)]


async def test_work_put_back_gives_way_to_a_newer_request(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    subject = await ask(database, home, call_id)
    [old] = await claim(database)
    await ask(database, home, call_id, subject=subject)
    await queue.put_back(database, old, "TELEPHONY", delay_seconds=60)
    row = await stored(cluster, old)
    assert (row["state"], row["error_code"]) == ("failed", "TELEPHONY")
    [newer] = await claim(database)
    assert (newer.subject, newer.attempts) == (subject, 1)


async def test_a_failure_stays_visible_without_its_payload(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    await ask(database, home, call_id, payload={"call_token": "secret"})
    [work] = await claim(database)
    await give_up(database, work, "TELEPHONY")
    row = await stored(cluster, work)
    assert (row["state"], row["error_code"], row["attempts"]) == ("failed", "TELEPHONY", 1)
    assert row["payload"] == "{}"
    assert await claim(database) == []


async def test_a_call_is_busy_while_its_work_runs_or_is_due(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    async def busy() -> bool:
        async with database.tenant(home.tenant_id) as session:
            found = [row["call_sid"] for row in await session.rows("work.busy_calls", home.tenant_id)]
        assert found in ([], [call_sid(1)])
        return bool(found)

    await rows(cluster, "DELETE FROM work")
    await ask(database, home, call_id, delay_seconds=60)
    assert not await busy()
    for _ in range(3):
        await ask(database, home, call_id)
    assert await busy()
    done, failed, put_back = await claim(database)
    await finish(database, done)
    await give_up(database, failed, "TELEPHONY")
    assert await busy()
    await queue.put_back(database, put_back, "TELEPHONY", delay_seconds=60)
    assert not await busy()


async def test_work_that_has_not_begun_can_be_taken_back(
    database: Database, home: Household, call_id: UUID
) -> None:
    subjects = [await ask(database, home, call_id, urgency=urgency) for urgency in (1, 2)]
    [running] = await claim(database, 1)
    async with database.tenant(home.tenant_id) as session:
        for subject in subjects:
            await session.run("work.drop", home.tenant_id, CHORE, subject)
    assert await claim(database) == []
    await finish(database, running)


async def test_a_claim_finds_the_work_of_every_tenant(database: Database) -> None:
    asked = set()
    for number in (1, 2, 3):
        home = await household(database, number)
        await ask(database, home, await open_call(database, home, number))
        asked.add(home.tenant_id)
    assert {work.tenant_id for work in await claim(database)} == asked


async def test_workers_side_by_side_never_get_the_same_work(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    insert = """
        INSERT INTO work (tenant_id, kind, subject, call_id)
        SELECT $1, 'chore', gen_random_uuid(), $2 FROM generate_series(1, 200)"""
    await rows(cluster, insert, home.tenant_id, call_id)

    async def worker() -> list[int]:
        taken: list[int] = []
        while batch := await claim(database, 7):
            assert len(batch) <= 7
            taken += [work.id for work in batch]
        return taken

    taken = [work for found in await asyncio.gather(*(worker() for _ in range(8))) for work in found]
    assert len(taken) == len(set(taken)) == 200


async def test_one_subject_asked_for_and_worked_at_from_all_sides_never_runs_twice(
    cluster: Cluster, database: Database, home: Household, call_id: UUID
) -> None:
    subject = uuid4()
    running = 0

    async def worker() -> None:
        nonlocal running
        for _ in range(15):
            await ask(database, home, call_id, subject=subject)
            for work in await claim(database):
                running += 1
                assert running == 1
                async with database.tenant(home.tenant_id) as session:
                    await queue.finish(session, work)
                    running -= 1

    await asyncio.gather(*(worker() for _ in range(6)))
    while left := await claim(database):
        await finish(database, left[0])
    done = await rows(cluster, "SELECT state FROM work WHERE kind = 'chore'")
    assert {row["state"] for row in done} == {"done"}
