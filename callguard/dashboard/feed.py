"""One look at the database for everybody who watches: the shared poller behind the live page."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import UTC, datetime

from callguard.dashboard.rendering import View, render_view
from callguard.dashboard.snapshot import Snapshot, SnapshotSource
from callguard.errors import DatabaseError

_POLL_SECONDS = 0.4
_DEADLINE_SECONDS = 5.0
_NO_TIME = datetime.min.replace(tzinfo=UTC)


class LiveFeed:
    """Asks `source` while anybody watches, and not otherwise; however many watch, it asks once.

    A watcher gets the newest view whenever it is ready for one, so a slow one skips views instead of queueing
    them. While the source fails with a DatabaseError, or is silent past the deadline, the last view stays,
    marked as old. `form` is what the page's forms carry.
    """

    def __init__(
        self,
        source: SnapshotSource,
        *,
        stopping: asyncio.Event,
        form: str = "",
        poll_seconds: float = _POLL_SECONDS,
        deadline_seconds: float = _DEADLINE_SECONDS,
    ) -> None:
        self._source = source
        self._stopping = stopping
        self._form = form
        self._poll_seconds = poll_seconds
        self._deadline_seconds = deadline_seconds
        self._watchers = 0
        self._polling: asyncio.Task[None] | None = None
        self._changed: asyncio.Future[None]  # of the next view; lives as long as the polling task
        self._view: View | None = None

    async def views(self) -> AsyncGenerator[View]:
        """The view as it stands, then newer ones, until the server stops. Raises what the source raised."""
        polling = self._join()
        seen: View | None = None
        try:
            while not (polling.done() or self._stopping.is_set()):
                if self._view is not None and self._view is not seen:
                    seen = self._view
                    yield seen
                else:
                    await asyncio.wait({polling, self._changed}, return_when=asyncio.FIRST_COMPLETED)
            if polling.done():
                polling.result()
        finally:
            self._leave()

    async def current(self) -> View | None:
        """The view as it stands; None when the server is stopping."""
        async with aclosing(self.views()) as views:
            return await anext(views, None)

    def _join(self) -> asyncio.Task[None]:
        self._watchers += 1
        if self._polling is None or self._polling.done():
            self._view = None
            self._changed = asyncio.get_running_loop().create_future()
            self._polling = asyncio.create_task(self._poll_until_stopped(), name="dashboard poller")
        return self._polling

    def _leave(self) -> None:
        self._watchers -= 1
        if self._watchers == 0 and self._polling is not None:
            self._polling.cancel()
            self._polling, self._view = None, None

    async def _poll_until_stopped(self) -> None:
        polling = asyncio.create_task(self._poll())
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({polling, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if polling.done():
                polling.result()
        finally:
            polling.cancel()
            stopped.cancel()
            await asyncio.gather(polling, stopped, return_exceptions=True)

    async def _poll(self) -> None:
        snapshot: Snapshot | None = None
        shown: tuple[Snapshot | None, bool] | None = None
        while True:
            newer = await self._ask()
            snapshot, away = newer or snapshot, newer is None
            # Time alone moves nothing: the page's own clock does.
            state = (replace(snapshot, taken_at=_NO_TIME) if snapshot else None, away)
            if state != shown:
                shown = state
                view = await asyncio.to_thread(
                    render_view, snapshot, away=away, before=self._view, form=self._form
                )
                self._publish(view)
            await asyncio.sleep(self._poll_seconds)

    async def _ask(self) -> Snapshot | None:
        with suppress(DatabaseError, TimeoutError):
            async with asyncio.timeout(self._deadline_seconds):
                return await self._source()
        return None

    def _publish(self, view: View) -> None:
        self._view = view
        changed, self._changed = self._changed, asyncio.get_running_loop().create_future()
        changed.set_result(None)
