"""Simulated calls, placed through the stand-in into a server, and what became of each."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import msgspec

from callguard.db.pool import Database
from callguard.domain.keywords import occurs_at
from callguard.domain.signals import SignalName
from callguard.domain.transcript import Speaker, as_text
from callguard.domain.words import normalise
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
LOOK_SECONDS = 0.005

Stir = Literal["A", "B", "C", "none"]


class SimulationError(CallguardError):
    """The simulated call did not come through the server."""

    code = "SIMULATION"


class StepReport(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the ladder on the line: what it was, who asked (policy or contact), and how far it got."""

    step: str
    wording: str | None
    asked_by: str
    state: str


class VoiceReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller's voice told: `state` says why, where nothing; `risk` 0-100 of a synthetic one, from
    `speech_seconds`; `finding` names what was found.
    """

    state: str
    detail: str
    risk: int | None = None
    finding: str | None = None
    speech_seconds: float | None = None


class CallReport(msgspec.Struct, frozen=True, kw_only=True):
    """One call as a whole. `alert_turn` counts from 1.

    `keyword_to_alert_ms` runs to the first request for an SMS from the last sound of its keyword: the
    newest one that the verdict behind it knew. `first_keyword_to_alert_ms` runs from the call's first
    keyword, however harmless that was. `voice`: by signal, whether it is synthetic, and whose it is; empty
    where the call was not judged.
    """

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
    first_keyword_to_alert_ms: int | None
    steps: list[StepReport] = []
    voice: dict[str, VoiceReport] = {}
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
        self._looking = asyncio.Lock()
        self._next_look: asyncio.Task[set[str]] | None = None

    async def place(self, name: str, conversation: Conversation, ring: Ring) -> CallReport:
        """One call from its first ring to the end of everything it gave rise to.

        Raises SimulationError, DatabaseError.
        """
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

    def dialogue(
        self, turns: list[tuple[Speaker, str]], language: str, *, stepwise: bool
    ) -> DialogueConversation:
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
        while call_sid in await self._busy_calls():
            if time.monotonic() > deadline:
                raise SimulationError(
                    f"The server did not finish a call's work in {SETTLE_SECONDS:.0f} s. See its log."
                )
            await asyncio.sleep(LOOK_SECONDS)

    async def _busy_calls(self) -> set[str]:
        """One look serves everybody who asks before it has begun: many calls settle at once."""
        if self._next_look is None:
            self._next_look = asyncio.create_task(self._look())
        return await asyncio.shield(self._next_look)

    async def _look(self) -> set[str]:
        async with self._looking:
            self._next_look = None
            async with self._database.tenant(self._family.tenant_id) as session:
                rows = await session.rows("work.busy_calls", self._family.tenant_id)
        return {row["call_sid"] for row in rows}

    async def _report(self, name: str, record: CallRecord) -> CallReport:
        tenant_id = self._family.tenant_id
        async with self._database.tenant(tenant_id) as session:
            call = await session.row("calls.by_sid", record.call_sid)
            if call is None:
                raise SimulationError(
                    f"The server did not take the call ({record.outcome}). Check that it runs in local mode "
                    "with the same CALLGUARD_DATA_DIR, and that its address is the one given."
                )
            call_id: UUID = call["id"]
            words = (await transcripts.of_calls(session, tenant_id, [call_id])).get(call_id, ())
            standing = await session.row("analyses.standing", tenant_id, [call_id])
            alert = await session.row("reports.first_alert", call_id)
            level = await session.value("reports.highest_level", call_id)
            steps = await session.rows("ladder.of_calls", tenant_id, [call_id])
        sent_at = self._requested_at(alert["message_sid"]) if alert else None
        spoken_at = keywords_spoken_at(record, alert["triggered_by_keywords"]) if alert else []
        return CallReport(
            id=name,
            call_sid=record.call_sid,
            verdict=standing["verdict"] if standing else "SAFE",
            risk=round(standing["fraud_score"]) if standing else 0,
            fraud_type=standing["fraud_type"] if standing else None,
            keywords=list(call["keywords"]),
            alerted=alert is not None,
            alert_level=level,
            alert_turn=_turn_at(record, sent_at) or alert["turns_heard"] if alert else None,
            keyword_to_alert_ms=_elapsed_ms(max(spoken_at, default=None), sent_at),
            first_keyword_to_alert_ms=_elapsed_ms(min(spoken_at, default=None), sent_at),
            steps=[
                StepReport(
                    step=row["step"], wording=row["wording"], asked_by=row["asked_by"], state=row["state"]
                )
                for row in steps
            ],
            voice=_voice(standing["contributions"]) if standing else {},
            transcript=as_text(words),
        )

    def _requested_at(self, message_sid: str) -> float | None:
        return next((m.requested_at for m in self._stand_in.messages if m.sid == message_sid), None)


def _voice(contributions: list[dict[str, Any]]) -> dict[str, VoiceReport]:
    return {
        part["signal"]: msgspec.convert(part, VoiceReport)
        for part in contributions
        if part["signal"] in {SignalName.DEEPFAKE, SignalName.KNOWN_VOICE}
    }


def _turn_at(record: CallRecord, moment: float | None) -> int | None:
    begun = [
        started.turn for started in record.of(TurnStarted) if moment is not None and started.at <= moment
    ]
    return max(begun, default=None)


def _elapsed_ms(start: float | None, end: float | None) -> int | None:
    return round((end - start) * 1000) if start is not None and end is not None else None


def keywords_spoken_at(record: CallRecord, keywords: list[str]) -> list[float]:
    """When (by the monotonic clock) the last sound of each keyword was first spoken; words that no final
    bears out are left out.

    Timed words are known for finals; a phrase is looked for across all finals of a track.
    """
    said = []
    for track in {heard.track for heard in record.of(Transcribed)}:
        timed = [
            (normalise(word.text), word.end)
            for heard in record.of(Transcribed)
            if heard.track == track and heard.is_final
            for word in heard.words
        ]
        said.append([(part, end) for text, end in timed for part in text.split()])
    ends = ([end for words in said if (end := _end_of(phrase, words)) is not None] for phrase in keywords)
    return [min(found) for found in ends if found]


def _end_of(phrase: str, words: list[tuple[str, float]]) -> float | None:
    length = len(phrase.split())
    for position in range(len(words) - length + 1):
        window = words[position : position + length]
        if occurs_at(phrase.split(), [text for text, _ in window], 0):
            return window[-1][1]
    return None
