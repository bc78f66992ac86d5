"""An unknown caller was asked who they are: what is stored of the answer, and what follows from it."""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from callguard.analysis import catalogue_store
from callguard.db.pool import Row, Session
from callguard.domain.facts import CallerScreened, WordsHeard
from callguard.domain.policy import Action, Consent, Decision, Policy, Reason, consent_asked, message_or_told
from callguard.errors import CallUnknown
from callguard.intake.asking import DIAL, ask_to_dial, ask_to_watch, dial_after, started_within
from callguard.intake.wordings import announcement_played, consent_played
from callguard.transcript import store as transcripts


@dataclass(frozen=True, slots=True)
class Screened:
    """How a screened call goes on."""

    conference_name: str
    language: str
    consent: Consent
    decision: Decision
    hints: tuple[str, ...] | None = None


async def conclude(session: Session, call: Row, fact: CallerScreened) -> None:
    """Stores the answer, the decision that follows, and the work of it; once, however often it is told.

    Whoever answers is bridged and listened to, and so is everybody who was bridged without a database.
    """
    tenant_id, call_id = call["tenant_id"], call["call_id"]
    stored = await session.row("calls.for_screening", call_id)
    if stored is None:
        return
    if fact.dialled_directly:
        await session.run("work.drop", tenant_id, DIAL, call_id)
    policy = msgspec.convert(stored["policy"], Policy)
    answered = fact.said is not None
    action = Action.MONITOR if answered or fact.dialled_directly else message_or_told(policy)
    consent = Consent.OFF
    if action is Action.MONITOR and not fact.dialled_directly:
        consent = consent_asked(policy, announce=stored["announce"])
    is_news = await session.run(
        "calls.screened",
        call_id,
        action,
        "answered" if answered else "silent",
        fact.answered_at,
        consent is not Consent.OFF,
        announcement_played(action, stored["language"], consent),
    )
    if not is_news:
        return
    if action is not Action.MONITOR:
        await session.run("work.drop", tenant_id, DIAL, call_id)
    elif not fact.dialled_directly:
        await ask_to_dial(session, tenant_id, call_id, dial_after(consent))
    if action is Action.MONITOR:
        await ask_to_watch(session, tenant_id, call_id, started_within(consent))
    words = _as_words(fact)
    if words is not None:
        await transcripts.add(session, tenant_id, call_id, call["language"], words)


async def standing(session: Session, call_id: UUID) -> Screened:
    """How the call goes on, whoever asks and how often. Raises CallUnknown."""
    call = await session.row("calls.for_screening", call_id)
    if call is None:
        raise CallUnknown("The screened call is not stored any more.")
    return Screened(
        call["conference_name"],
        call["language"],
        consent_played(call["announcement"]),
        Decision(Action(call["decision"]), Reason(call["decision_reason"])),
        await catalogue_store.hints(session, call["tenant_id"], call["language"]),
    )


def _as_words(fact: CallerScreened) -> WordsHeard | None:
    """The answer as the caller's first words in the call; None where nothing was said."""
    if not fact.said:
        return None
    return WordsHeard(
        call_sid=fact.call_sid,
        transcription_sid=f"screening-{fact.call_sid}",
        sequence=1,
        track="inbound_track",
        text=fact.said,
        is_final=True,
        confidence=fact.confidence,
        stability=None,
        spoken_at=fact.answered_at,
    )
