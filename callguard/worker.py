"""Carries out the queue's work: woken by a notification or by this process, and by the clock each second in
any case.

Each kind of work has a handler and a number of attempts. A handler finishes its work inside the transaction
that holds its results; one that raises is tried again later, and at last left as a visible failure.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from callguard.db import queue
from callguard.db.pool import Database, Session
from callguard.db.queue import Work
from callguard.errors import CallguardError, DatabaseError, DatabaseUnavailable, LeaseLost

POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 10.0
DRAIN_SECONDS = 3.0
UNWELL_SECONDS = 15.0
NAMELESS_SECONDS = 5.0
"""For so long a worker waits to be seen before it takes work: what it took unseen would wait for its lease to
run out if it died.
"""
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 60.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Handler:
    """How one kind of work is done. `gave_up` sees to what follows when the last attempt failed, in the same
    transaction: a server that dies in between has done neither.
    """

    run: Callable[[Work], Awaitable[None]]
    attempts: int
    gave_up: Callable[[Session, Work, str], Awaitable[None]] | None = None


class Worker:
    """Runs up to `slots` pieces of work at once. `wake` is set by whoever knows that there is more; `holder`
    gives this process's name while others can see that it lives, and None is nothing to wait for.
    """

    def __init__(
        self,
        database: Database,
        handlers: Mapping[str, Handler],
        wake: asyncio.Event,
        *,
        slots: int = 16,
        holder: Callable[[], int | None] | None = None,
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._wake = wake
        self._slots = slots
        self._holder = holder
        self._running: dict[asyncio.Task[None], int] = {}
        self._claimed_at: float | None = None
        self._unseen_since: float | None = None

    def is_well(self) -> bool:
        """Whether the database answered this worker's last look for work, and that is not long ago."""
        return (
            self._claimed_at is not None
            and asyncio.get_running_loop().time() - self._claimed_at < UNWELL_SECONDS
        )

    async def run(self) -> None:
        """Until cancelled; what runs then has DRAIN_SECONDS to end, then it is the next worker's."""
        try:
            while True:
                self._wake.clear()
                if not await self._take():
                    await self._rest()
        finally:
            if self._running:
                await asyncio.wait(self._running, timeout=DRAIN_SECONDS)
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _take(self) -> bool:
        """Claims as much as there are free slots; False when there was none."""
        free = self._slots - len(self._running)
        holder = self._holder() if self._holder is not None else None
        if free <= 0 or (self._holder is not None and not self._may_claim(holder)):
            return False
        try:
            claimed = await queue.claim(
                self._database,
                list(self._handlers),
                free,
                holder=holder,
                in_hand=self._running.values(),
            )
        except DatabaseError as error:
            log.warning("work_claim_failed", code=error.code)
            self._unseen_since = None
            return False
        self._claimed_at = asyncio.get_running_loop().time()
        for work in claimed:
            task = asyncio.create_task(self._do(work))
            self._running[task] = work.id
            task.add_done_callback(self._done)
        return bool(claimed)

    def _may_claim(self, holder: int | None) -> bool:
        """Whether this process is seen, or has waited long enough to be."""
        now = asyncio.get_running_loop().time()
        if holder is not None:
            self._unseen_since = None
        elif self._unseen_since is None:
            self._unseen_since = now
        return self._unseen_since is None or now - self._unseen_since >= NAMELESS_SECONDS

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._wake.set()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _do(self, work: Work) -> None:
        handler = self._handlers[work.kind]
        heartbeat = asyncio.create_task(self._keep(work))
        try:
            await handler.run(work)
        except LeaseLost:
            log.warning("work_lease_lost", kind=work.kind, work=work.id)
        except CallguardError as error:
            await self._failed(work, handler, error.code)
        except Exception:  # a bug in one handler must not stop the queue
            log.exception("work_handler_raised", kind=work.kind, work=work.id)
            await self._failed(work, handler, "UNEXPECTED")
        finally:
            heartbeat.cancel()

    async def _keep(self, work: Work) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            try:
                await queue.renew(self._database, work)
            except DatabaseError as error:
                log.warning("work_heartbeat_failed", kind=work.kind, work=work.id, code=error.code)

    async def _failed(self, work: Work, handler: Handler, code: str) -> None:
        last = work.attempts >= handler.attempts
        log.warning("work_failed", kind=work.kind, work=work.id, attempt=work.attempts, last=last, code=code)
        try:
            if last:
                async with self._database.tenant(work.tenant_id) as session:
                    await queue.give_up(session, work, code)
                    if handler.gave_up is not None:
                        await handler.gave_up(session, work, code)
            else:
                await self._put_back(work, code)
        except (CallguardError, TimeoutError) as error:
            # The lease runs out by itself, and the next worker finds the row.
            log.warning("work_outcome_not_stored", kind=work.kind, work=work.id, error=type(error).__name__)

    async def _put_back(self, work: Work, code: str) -> None:
        """Tries while the lease lasts: a database that comes back finds its work waiting, not leased."""
        delay = min(FIRST_RETRY_SECONDS * 2 ** (work.attempts - 1), LONGEST_RETRY_SECONDS)
        async with asyncio.timeout(queue.LEASE_SECONDS):
            while True:
                try:
                    await queue.put_back(self._database, work, code, delay)
                except DatabaseUnavailable:
                    await asyncio.sleep(FIRST_RETRY_SECONDS)
                else:
                    return
