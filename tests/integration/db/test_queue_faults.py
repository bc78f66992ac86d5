"""Faults in every order over a small model of the outbox: messages are sent once by processes that are killed
or stall, and lose the replies to their claims (F8, F9, F19).
"""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from callguard.db import queue
from callguard.db.pool import Database
from callguard.db.queue import Work
from callguard.errors import LeaseLost
from callguard.local.postgres import Cluster
from tests.integration.population import Household, household, open_call

MESSAGE = "message"
MOST = 3
WHICH = st.sampled_from([0, 1])


@dataclass(slots=True)
class Process:
    """What a server process has in memory, and its sign of life."""

    number: int
    line: "asyncpg.Connection[asyncpg.Record]"
    hand: list[Work] = field(default_factory=list)
    asked: set[int] = field(default_factory=set)


class Outbox(RuleBasedStateMachine):
    """Two processes on one queue; `sent` is what the telephone company took, by subject."""

    cluster: Cluster
    place: tuple[Household, UUID]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = Database(self.cluster.app_dsn, size=4)
        self.sent: dict[UUID, int] = {}
        self.finished: dict[UUID, int] = {}
        self.lapsed: set[UUID] = set()
        self.processes = [self.run(self._born()) for _ in range(2)]

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    async def _born(self) -> Process:
        number = random.randrange(2**31)
        line = await asyncpg.connect(self.cluster.app_dsn)
        await line.execute("SELECT pg_advisory_lock_shared(1667329128, $1)", number)
        return Process(number, line)

    @initialize()
    def ask_for_the_first(self) -> None:
        self.ask()

    @precondition(lambda self: len(self.sent) < MOST)
    @rule()
    def ask(self) -> None:
        home, call_id = self.place
        subject = uuid4()
        self.sent[subject] = self.finished[subject] = 0

        async def add() -> None:
            async with self.database.tenant(home.tenant_id) as session:
                await queue.add(session, home.tenant_id, MESSAGE, subject=subject, call_id=call_id, urgency=1)

        self.run(add())

    async def _claim(self, process: Process) -> list[Work]:
        in_hand = [work.id for work in process.hand]
        return await queue.claim(self.database, [MESSAGE], 2, holder=process.number, in_hand=in_hand)

    def _has(self, *, asked: bool) -> bool:
        """Whether somebody has a message that was handed on, or one that was not yet."""
        return any((work.id in process.asked) == asked for process in self.processes for work in process.hand)

    @rule(which=WHICH)
    def claim(self, which: int) -> None:
        process = self.processes[which]
        process.hand += self.run(self._claim(process))

    @rule(which=WHICH)
    def claim_and_lose_the_reply(self, which: int) -> None:
        self.run(self._claim(self.processes[which]))

    @precondition(lambda self: self._has(asked=False))
    @rule(which=WHICH)
    def send(self, which: int) -> None:
        """What the outbox does: a later attempt looks first."""
        process = self.processes[which]
        for work in process.hand:
            if work.id not in process.asked and not (work.attempts > 1 and self.sent[work.subject]):
                self.sent[work.subject] += 1
            process.asked.add(work.id)

    @precondition(lambda self: self._has(asked=True))
    @rule(which=WHICH)
    def finish(self, which: int) -> None:
        process = self.processes[which]
        for work in [work for work in process.hand if work.id in process.asked]:
            self.finished[work.subject] += self.run(self._finish(work))
            process.hand.remove(work)

    async def _finish(self, work: Work) -> bool:
        try:
            async with self.database.tenant(work.tenant_id) as session:
                await queue.finish(session, work)
        except LeaseLost:
            return False
        return True

    @precondition(lambda self: any(process.hand for process in self.processes))
    @rule(which=WHICH)
    def kill(self, which: int) -> None:
        self.run(self.processes[which].line.close())
        self.processes[which] = self.run(self._born())

    @rule()
    def a_moment_passes(self) -> None:
        self.run(self._owner("UPDATE work SET claimed_at = claimed_at - interval '3 seconds'"))

    @rule()
    def leases_run_out(self) -> None:
        """Of processes that stand still: what they have not sent yet may be sent by another as well."""
        for process in self.processes:
            self.lapsed |= {work.subject for work in process.hand if work.id not in process.asked}
        self.run(self._owner("UPDATE work SET lease_until = clock_timestamp() WHERE state = 'running'"))

    async def _owner(self, statement: str) -> None:
        connection = await asyncpg.connect(self.cluster.owner_dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    @invariant()
    def nothing_is_finished_or_sent_twice(self) -> None:
        assert max(self.finished.values(), default=0) <= 1
        assert all(count <= 1 for subject, count in self.sent.items() if subject not in self.lapsed)

    def teardown(self) -> None:
        """Whoever is left ends it all."""
        try:
            while not all(self.finished.values()):
                self.a_moment_passes()
                for which in range(2):
                    self.claim(which)
                    self.send(which)
                    self.finish(which)
            self.nothing_is_finished_or_sent_twice()
            assert all(self.sent.values())
        finally:
            for process in self.processes:
                self.run(process.line.close())
            self.run(self.database.close())
            self.runner.close()


@pytest.mark.promise("F8", "F9", "F19")
async def test_a_message_is_sent_once_whatever_befalls_its_senders(
    cluster: Cluster, database: Database
) -> None:
    home = await household(database)

    class Here(Outbox):
        pass

    Here.cluster, Here.place = cluster, (home, await open_call(database, home))
    bounds = settings(
        max_examples=12,
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, Here, settings=bounds)
