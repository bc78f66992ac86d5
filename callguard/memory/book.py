"""Callers remembered in Postgres, by hashes that only this installation can make.

A number is kept as HMAC-SHA256 under a key derived from the master key, cut to 128 bits, and a script as
`domain/scripts.py` says. Both are bound to the tenant: the same number has another hash in another tenant's
rows, so that nothing can be linked across tenants, not even by who reads the database and has the key to it.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from callguard.db import queue
from callguard.db.pool import Database, Row, Session
from callguard.db.queue import Work
from callguard.domain.caller import WITHHELD
from callguard.domain.feedback import Answer
from callguard.domain.memory import (
    PEOPLE_HALF_LIFE_DAYS,
    REPORTED_POINTS,
    VERDICT_HALF_LIFE_DAYS,
    VERDICT_POINTS,
    Link,
    Mark,
    days_kept,
    history,
)
from callguard.domain.scripts import SAME_SCRIPT, bands, fingerprint, similarity, words_of_caller
from callguard.domain.signals import (
    AttestationLevel,
    CallerHistory,
    NotAvailable,
    SignalName,
    SignalState,
)
from callguard.domain.transcript import Utterance
from callguard.memory import feedback
from callguard.memory.feedback import Standing
from callguard.transcript import store as transcripts

PURPOSE = "memory of callers"
_HASH_BYTES = 16

_UNKNOWN = NotAvailable(
    SignalName.CALLER_HISTORY,
    SignalState.NOT_AVAILABLE_YET,
    "Nobody here has said anything about this caller.",
)
_OFF = NotAvailable(SignalName.CALLER_HISTORY, SignalState.NOT_CONFIGURED, "Callers are not remembered here.")


class Remembered(NamedTuple):
    """One call of a number, as it is remembered."""

    began_at: datetime
    person_name: str
    verdict: str | None
    people_say: Answer | None
    people_said_at: datetime | None
    has_script: bool
    mark: Mark


class Memory:
    """`key` is derived for PURPOSE. What is not `is_on` adds nothing and tells nothing; it shows and forgets
    what was remembered before.
    """

    def __init__(self, key: bytes, *, is_on: bool) -> None:
        self._key = key
        self._is_on = is_on

    def number_hash(self, tenant_id: UUID, number: str) -> bytes | None:
        """What a caller's number (as stored with calls) is known by; None for a withheld one."""
        if number == WITHHELD:
            return None
        said = b"number" + tenant_id.bytes + number.encode()
        return hmac.digest(self._key, said, hashlib.sha256)[:_HASH_BYTES]

    def _script(self, tenant_id: UUID, words: Sequence[Utterance], person: str) -> bytes | None:
        key = hmac.digest(self._key, b"script" + tenant_id.bytes, hashlib.sha256)
        return fingerprint(key, words_of_caller(words), [person])

    async def history(
        self,
        session: Session,
        tenant_id: UUID,
        call: Row,
        words: Sequence[Utterance],
        attestation: AttestationLevel,
    ) -> CallerHistory | NotAvailable:
        """How the caller of a call (a row of `calls.for_analysis`) stands with the people of its tenant."""
        if not self._is_on:
            return _OFF
        number = self.number_hash(tenant_id, call["caller_number"])
        script = self._script(tenant_id, words, call["person_name"])
        found = await session.rows(
            "memory.linked", tenant_id, number, bands(script) if script else [], call["id"]
        )
        marks = [mark for row in found if (mark := _mark(row, script, call["user_id"])) is not None]
        known = history(marks, attestation, call["language"])
        return known if known.reasons else _UNKNOWN

    async def put(self, session: Session, tenant_id: UUID, call_id: UUID) -> None:
        """Remembers a call as it stands now, or forgets it where nothing is to be remembered of it."""
        call = await session.row("memory.of_call", tenant_id, call_id) if self._is_on else None
        if call is None:
            return
        said = (await feedback.standing(session, tenant_id, [call_id])).get(call_id)
        if not _says_something(call["verdict"], said):
            await session.run("memory.drop", tenant_id, call_id)
            return
        words = (await transcripts.of_calls(session, tenant_id, [call_id])).get(call_id, ())
        script = self._script(tenant_id, words, call["person_name"])
        memory_id = await session.value(
            "memory.put",
            tenant_id,
            call["user_id"],
            call_id,
            self.number_hash(tenant_id, call["caller_number"]),
            script,
            call["verdict"],
            said.answer if said else None,
            said.at if said else None,
            call["started_at"],
        )
        await session.run("memory.clear_bands", tenant_id, memory_id)
        await session.run("memory.put_bands", tenant_id, bands(script) if script else [], memory_id)

    async def of_number(self, session: Session, tenant_id: UUID, number: str) -> list[Remembered]:
        """The remembered calls of a number, the newest first."""
        rows = await session.rows("memory.of_number", tenant_id, self.number_hash(tenant_id, number))
        return [
            Remembered(
                row["began_at"],
                row["person_name"],
                row["verdict"],
                _answer(row),
                row["people_said_at"],
                row["has_script"],
                Mark(Link.NUMBER, row["verdict"], _answer(row), row["days"], own=True),
            )
            for row in rows
        ]

    async def forget(
        self, session: Session, tenant_id: UUID, *, number: str | None = None, person: str | None = None
    ) -> int:
        """Forgets a number, what the calls to a person (by e-mail address) left, or else everything; how
        many calls that were.
        """
        if number is not None:
            return await session.run("memory.forget_number", tenant_id, self.number_hash(tenant_id, number))
        if person is not None:
            return await session.run("memory.forget_person", tenant_id, person)
        return await session.run("memory.forget_all", tenant_id)


class Rememberer:
    """The handler of the work that remembers a call."""

    def __init__(self, database: Database, memory: Memory) -> None:
        self._database = database
        self._memory = memory

    async def remember(self, work: Work) -> None:
        """Also forgets what has faded."""
        async with self._database.tenant(work.tenant_id) as session:
            await self._memory.put(session, work.tenant_id, work.call_id)
            await session.run(
                "memory.fade",
                work.tenant_id,
                days_kept(max(VERDICT_POINTS.values()), VERDICT_HALF_LIFE_DAYS),
                days_kept(REPORTED_POINTS, PEOPLE_HALF_LIFE_DAYS),
            )
            await queue.finish(session, work)


def _says_something(verdict: str | None, said: Standing | None) -> bool:
    return verdict in VERDICT_POINTS or (said is not None and said.answer is not Answer.UNSURE)


def _mark(row: Row, script: bytes | None, user_id: UUID) -> Mark | None:
    """What an earlier call says; None where it only shares a band by chance."""
    if row["same_number"]:
        link = Link.NUMBER
    elif script and row["script"] and similarity(script, row["script"]) >= SAME_SCRIPT:
        link = Link.SCRIPT
    else:
        return None
    return Mark(link, row["verdict"], _answer(row), row["days"], own=row["user_id"] == user_id)


def _answer(row: Row) -> Answer | None:
    return Answer(row["people_say"]) if row["people_say"] else None
