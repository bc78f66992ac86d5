"""Simulated calls, placed through the stand-in into a server, and what became of each."""

import asyncio
import time
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import msgspec

from callguard.db.pool import Database
from callguard.domain.transcript import Speaker, as_text
from callguard.domain.words import contains, normalise
from callguard.errors import CallguardError
from callguard.local.family import DEMO_FAMILY, Family
from callguard.local.twilio import (
    CallPlan,
    CallRecord,
    Conversation,
    DialogueConversation,
    SpokenTurn,
    Transcribed,
    TurnStarted,
    TwilioStandIn,
)
from callguard.transcript import store as transcripts

SETTLE_SECONDS = 30.0
_FIRST_LOOK_SECONDS, _LONGEST_LOOK_SECONDS = 0.002, 0.05

Stir = Literal["A", "B", "C", "none"]


class SimulationError(CallguardError):
    """The simulated call did not come through the server."""

    code = "SIMULATION"


class CallReport(msgspec.Struct, frozen=True, kw_only=True):
    """One call as a whole. `alert_turn` counts from 1; `keyword_to_alert_ms` runs from the keyword's last sound to the SMS request."""

    id: str
    call_sid: str
    verdict: str
    risk: int
    fraud_type: str | None
    keywords: list[str]
    alerted: bool
    alert_level: str | None
    alert_turn: int | None
    keyword_to_alert_ms: int | None
    transcript: str


@dataclass(frozen=True, slots=True)
class Ring:
    """Who calls, with which attestation."""

    from_number: str
    stir: Stir = "none"


class Simulator:
    """Places calls to a family and reads from the database what callguard made of them."""

    def __init__(self, database: Database, stand_in: TwilioStandIn, family: Family = DEMO_FAMILY) -> None:
        self._database = database
        self._stand_in = stand_in
        self._family = family

    async def place(self, name: str, conversation: Conversation, ring: Ring) -> CallReport:
        """One call from its first ring to the end of everything it gave rise to. Raises SimulationError, DatabaseError."""
        record = await self._stand_in.place_call(
            CallPlan(
                from_number=ring.from_number,
                to_number=self._family.twilio_number,
                conversation=conversation,
                stir=None if ring.stir == "none" else ring.stir,
                forwarded_from=self._family.phone_number,
            )
        )
        await self.settle(record.call_sid)
        return await self._report(name, record)

    def dialogue(self, turns: list[tuple[Speaker, str]], language: str, *, stepwise: bool) -> DialogueConversation:
        """A conversation by its words; `stepwise` waits after each turn until the call's work is done."""

        async def after_turn(call_sid: str, _turn: int) -> None:
            await self.settle(call_sid)

        return DialogueConversation(
            turns=[SpokenTurn(speaker, text) for speaker, text in turns],
            after_turn=after_turn if stepwise else None,
            language=language,
        )

    async def settle(self, call_sid: str) -> None:
        """Waits until nothing of the call's work is due. Raises SimulationError after SETTLE_SECONDS."""
        deadline = time.monotonic() + SETTLE_SECONDS
        pause = _FIRST_LOOK_SECONDS
        while True:
            async with self._database.tenant(self._family.tenant_id) as session:
                call = await session.row("calls.by_sid", call_sid)
                if call is None:
                    return
                if not await session.value("work.outstanding", self._family.tenant_id, call["id"]):
                    return
            if time.monotonic() > deadline:
                raise SimulationError(f"The server did not finish a call's work in {SETTLE_SECONDS:.0f} s. See its log.")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_LOOK_SECONDS)

    async def _report(self, name: str, record: CallRecord) -> CallReport:
        tenant_id = self._family.tenant_id
        async with self._database.tenant(tenant_id) as session:
            call = await session.row("calls.by_sid", record.call_sid)
            if call is None:
                raise SimulationError(
                    f"The server did not take the call ({record.outcome}). Check that it runs in local mode with the same "
                    f"CALLGUARD_DATA_DIR, and that its address is the one given."
                )
            call_id: UUID = call["id"]
            words = (await transcripts.of_calls(session, tenant_id, [call_id])).get(call_id, ())
            standing = await session.row("analyses.standing", tenant_id, [call_id])
            alert = await session.row("reports.first_alert", call_id)
            level = await session.value("reports.highest_level", call_id)
        keywords = list(call["keywords"])
        sent_at = self._requested_at(alert["message_sid"]) if alert else None
        spoken_at = keyword_spoken_at(record, keywords)
        return CallReport(
            id=name,
            call_sid=record.call_sid,
            verdict=standing["verdict"] if standing else "SAFE",
            risk=round(standing["fraud_score"]) if standing else 0,
            fraud_type=standing["fraud_type"] if standing else None,
            keywords=keywords,
            alerted=alert is not None,
            alert_level=level,
            alert_turn=_turn_at(record, sent_at) or alert["turns_heard"] if alert else None,
            keyword_to_alert_ms=round((sent_at - spoken_at) * 1000) if sent_at and spoken_at else None,
            transcript=as_text(words),
        )

    def _requested_at(self, message_sid: str) -> float | None:
        return next((m.requested_at for m in self._stand_in.messages if m.sid == message_sid), None)


def _turn_at(record: CallRecord, moment: float | None) -> int | None:
    begun = [started.turn for started in record.of(TurnStarted) if moment is not None and started.at <= moment]
    return max(begun, default=None)


def keyword_spoken_at(record: CallRecord, keywords: list[str]) -> float | None:
    """When (by the monotonic clock) the last sound of the first keyword was spoken; None where no keyword was.

    Timed words are known for finals; a phrase is looked for across all finals of a track.
    """
    ends = []
    for track in {heard.track for heard in record.of(Transcribed)}:
        timed = [
            (normalise(word.text), word.end)
            for heard in record.of(Transcribed)
            if heard.track == track and heard.is_final
            for word in heard.words
        ]
        words = [(part, end) for text, end in timed for part in text.split()]
        ends += [end for phrase in keywords if (end := _end_of(phrase, words)) is not None]
    return min(ends, default=None)


def _end_of(phrase: str, words: list[tuple[str, float]]) -> float | None:
    length = len(phrase.split())
    for position in range(len(words) - length + 1):
        window = words[position : position + length]
        if contains(" ".join(text for text, _ in window), phrase):
            return window[-1][1]
    return None
