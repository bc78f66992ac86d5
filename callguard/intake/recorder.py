"""Facts are recorded now if the database can, else spooled, and replayed in order when it is back."""

import asyncio

import structlog

from callguard.db.pool import Database
from callguard.domain.facts import AnyFact, CallArrived, CallerScreened
from callguard.errors import CallUnknown, DatabaseError, DatabaseUnavailable, NumberUnknown
from callguard.intake import records
from callguard.intake.records import Arrival, KnownCalls
from callguard.intake.screening import Screened
from callguard.transcript.spool import Spool, Spooled

REPLAY_SECONDS = 0.5
# A fact of a call that nobody ever stored: the call was refused, or its arrival was lost with another
# machine.
ORPHAN_SECONDS = 900.0

log = structlog.get_logger(__name__)


class Recorder:
    """`wake` is set when something was stored that workers in this process may act upon."""

    def __init__(
        self, database: Database, spool: Spool, wake: asyncio.Event, deadline_seconds: float
    ) -> None:
        self._database = database
        self._spool = spool
        self._wake = wake
        self._deadline = deadline_seconds
        self._waiting = asyncio.Event()
        self._known: KnownCalls = {}

    async def arrive(self, fact: CallArrived) -> Arrival:
        """Raises NumberUnknown, DatabaseError; DatabaseUnavailable when the deadline passes."""
        try:
            async with asyncio.timeout(self._deadline):
                arrival = await records.arrive(self._database, fact)
        except TimeoutError:
            raise DatabaseUnavailable("The database took too long for a ringing call.") from None
        self._wake.set()
        return arrival

    async def screened(self, fact: CallerScreened) -> Screened:
        """How the call goes on after the answer. Raises CallUnknown, DatabaseError; DatabaseUnavailable too
        where facts of the call wait in the spool.
        """
        if self._spool.holds(fact.call_sid):
            raise DatabaseUnavailable("What came before in this call is not stored yet.")
        try:
            async with asyncio.timeout(self._deadline):
                screened = await records.screened(self._database, fact, self._known)
        except TimeoutError:
            raise DatabaseUnavailable("The database took too long for a waiting caller.") from None
        self._wake.set()
        return screened

    async def record(self, fact: AnyFact) -> None:
        """Stores or spools.

        Facts of a call never overtake those of it that wait in the spool. Raises SpoolError.
        """
        if not self._spool.holds(fact.call_sid):
            try:
                async with asyncio.timeout(self._deadline):
                    await records.record(self._database, fact, self._known)
                self._wake.set()
            except (DatabaseUnavailable, CallUnknown, TimeoutError) as error:
                log.warning("fact_spooled", fact=type(fact).__name__, error=type(error).__name__)
            else:
                return
        await self.spool(fact)

    async def spool(self, fact: AnyFact) -> None:
        """Keeps a fact on disk for when the database is back. Raises SpoolError."""
        await self._spool.keep(fact)
        self._waiting.set()

    async def run(self) -> None:
        """Replays for as long as it runs."""
        while True:
            if len(self._spool):
                await self._replay()
                await asyncio.sleep(REPLAY_SECONDS)
            else:
                self._waiting.clear()
                await self._waiting.wait()

    async def _replay(self) -> None:
        stuck: set[str] = set()
        for spooled in await asyncio.to_thread(lambda: list(self._spool.kept())):
            if spooled.fact.call_sid in stuck:
                continue
            try:
                if not await self._replayed(spooled):
                    stuck.add(spooled.fact.call_sid)
            except DatabaseUnavailable:
                return
        self._wake.set()

    async def _replayed(self, spooled: Spooled) -> bool:
        """False where the fact must wait. Raises DatabaseUnavailable."""
        try:
            await records.record(self._database, spooled.fact, self._known)
        except CallUnknown as error:
            if spooled.age_seconds < ORPHAN_SECONDS:
                return False
            log.warning("orphan_dropped", fact=type(spooled.fact).__name__, code=error.code)
        except DatabaseUnavailable:
            raise
        except (DatabaseError, NumberUnknown) as error:
            log.error("fact_refused", fact=type(spooled.fact).__name__, code=error.code)
        self._spool.remove(spooled)
        return True
