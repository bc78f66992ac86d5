"""What the operator says of a call, from the live page."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from callguard.db.pool import Database
from callguard.domain.feedback import Answer
from callguard.memory import feedback

Say = Callable[[UUID, Answer], Awaitable[bool]]


class DatabaseSaying:
    """A `Say` over every tenant of this installation: False where there is no such call.

    `wake` is set when something was said.
    """

    def __init__(self, database: Database, wake: asyncio.Event) -> None:
        self._database = database
        self._wake = wake

    async def __call__(self, call_id: UUID, answer: Answer) -> bool:
        """Raises DatabaseError."""
        async with self._database.session() as session:
            tenant_id = await session.value("feedback.tenant_of_call", call_id)
        if tenant_id is None:
            return False
        async with self._database.tenant(tenant_id) as session:
            given = await feedback.give(session, tenant_id, call_id, answer, "dashboard", "operator")
        self._wake.set()
        return given is not None
