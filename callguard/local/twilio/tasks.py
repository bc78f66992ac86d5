"""Background work with an owner: nothing outlives it, and no failure goes unseen."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Tasks:
    """A set of running tasks that can be waited for and cancelled as one.

    `on_failure` is called after a task failed, to end what would otherwise wait for it.
    """

    def __init__(self, on_failure: Callable[[], None] = lambda: None) -> None:
        self._on_failure = on_failure
        self._running: set[asyncio.Task[Any]] = set()
        self._failures: list[Exception] = []

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run in the background; an exception is kept for whoever waits."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and isinstance(failure := task.exception(), Exception):
            self._failures.append(failure)
            self._on_failure()

    @property
    def is_busy(self) -> bool:
        """Whether anything runs."""
        return bool(self._running)

    async def settled(self) -> None:
        """Wait until nothing runs, tasks spawned in the meantime included, then raise what went wrong."""
        while self._running:
            await asyncio.wait(tuple(self._running))
        self.raise_failures()

    def raise_failures(self) -> None:
        """Raise the exceptions kept so far, once."""
        failures, self._failures = self._failures, []
        if failures:
            raise ExceptionGroup("The stand-in failed in the background", failures)

    async def cancel(self) -> None:
        """Stop everything and wait until it has stopped."""
        while self._running:
            running = tuple(self._running)
            for task in running:
                task.cancel()
            await asyncio.wait(running)
