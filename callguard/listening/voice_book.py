"""Where it is written down what voices tell, and read whose voices are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from callguard.db import queue
from callguard.db.pool import Database, Session
from callguard.domain.voice_reading import Likeness, VoiceReading
from callguard.intake.records import JUDGE_VOICE
from callguard.media.endpoint import AdmittedStream
from callguard.voiceprints.book import Opened, opened
from callguard.voiceprints.keyring import Keyring

ALONG_SECONDS = 3.0
"""The next words are judged with what the voice told meanwhile; who says nothing more is looked at then."""


@dataclass(frozen=True, slots=True)
class Leave:
    """What may be done with a call's voice: judged it may be. `woken`: a keyword was heard; before one
    nothing leaves the house. `claimed`: the voiceprints of those whom the caller claims to be.
    """

    woken: bool
    claimed: tuple[UUID, ...]


class VoiceBook:
    """`keys` open enrolled voices; without them none is compared."""

    def __init__(self, database: Database, keys: Keyring | None) -> None:
        self._database = database
        self._keys = keys

    async def leaves(self, call_ids: Sequence[UUID]) -> dict[UUID, Leave]:
        """Those of the calls whose voice may be judged by now. Raises DatabaseError."""
        async with self._database.session() as session:
            rows = await session.rows("voice.judgeable", call_ids)
        return {row["call_id"]: Leave(row["woken"], tuple(row["claimed_voices"])) for row in rows}

    async def voiceprints(self, tenant_id: UUID, ids: Sequence[UUID]) -> list[Opened]:
        """Those that are still enrolled. Raises DatabaseError, SealBroken, ConfigurationError."""
        if self._keys is None or not ids:
            return []
        async with self._database.tenant(tenant_id) as session:
            return await opened(session, tenant_id, self._keys, ids)

    async def keep_reading(self, stream: AdmittedStream, told: VoiceReading) -> None:
        """Stores it and asks for a new look at the call. Raises DatabaseError."""
        async with self._database.tenant(stream.tenant_id) as session:
            await session.run(
                "voice.keep_reading",
                stream.tenant_id,
                stream.call_id,
                stream.stream_sid,
                told.state,
                told.score,
                told.low,
                told.high,
                told.speech_seconds,
                told.windows,
                told.reason,
                told.model,
            )
            await _look_again(session, stream)

    async def keep_likeness(self, stream: AdmittedStream, voiceprint_id: UUID, told: Likeness) -> None:
        """Stores it and asks for a new look at the call. Raises DatabaseError."""
        async with self._database.tenant(stream.tenant_id) as session:
            await session.run(
                "voice.keep_likeness",
                stream.tenant_id,
                stream.call_id,
                stream.stream_sid,
                voiceprint_id,
                told.match or "too little speech",
                told.similarity,
                told.model,
            )
            await _look_again(session, stream)


async def _look_again(session: Session, stream: AdmittedStream) -> None:
    await queue.add(
        session,
        stream.tenant_id,
        JUDGE_VOICE,
        subject=stream.call_id,
        call_id=stream.call_id,
        urgency=6,
        delay_seconds=ALONG_SECONDS,
    )
