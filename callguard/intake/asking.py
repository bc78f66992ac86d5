"""What a transaction may ask for on behalf of a caller: the person's next way, a look at who listens."""

from uuid import UUID

from callguard.db import queue
from callguard.db.pool import Session
from callguard.domain.facts import CallArrived
from callguard.domain.listening import STARTED_WITHIN_S
from callguard.domain.policy import Consent

DIAL = "dial"
WATCH_TRANSCRIPTION = "watch_transcription"
RESTART_TRANSCRIPTION = "restart_transcription"

# An announcement that offers a key is longer, and waits for it.
CHOICE_SECONDS = 20.0


async def ask_to_dial(
    session: Session,
    tenant_id: UUID,
    call_id: UUID,
    delay_seconds: float = 0,
    *,
    token_of: CallArrived | None = None,
) -> None:
    """The person's next way is dialled. `token_of` has the call token, unless that waits already."""
    await queue.add(
        session,
        tenant_id,
        DIAL,
        subject=call_id,
        call_id=call_id,
        payload=None
        if token_of is None
        else {"raw_from": token_of.raw_from, "call_token": token_of.call_token},
        urgency=0,
        delay_seconds=delay_seconds,
    )


async def ask_to_watch(session: Session, tenant_id: UUID, call_id: UUID, delay_seconds: float) -> None:
    """By then the call is listened to, or degraded."""
    await queue.add(
        session,
        tenant_id,
        WATCH_TRANSCRIPTION,
        subject=call_id,
        call_id=call_id,
        urgency=3,
        delay_seconds=delay_seconds,
    )


async def ask_to_transcribe_anew(
    session: Session, tenant_id: UUID, call_id: UUID, instead_of: str | None = None
) -> None:
    """Another session of the call's transcription; `instead_of` one that still runs."""
    await queue.add(
        session,
        tenant_id,
        RESTART_TRANSCRIPTION,
        subject=call_id,
        call_id=call_id,
        payload=None if instead_of is None else {"instead_of": instead_of},
        urgency=2,
    )


def dial_after(consent: Consent) -> float:
    """Seconds until the person is dialled at the latest: one who answers must not find the line empty, so a
    caller who is offered a key is waited for. That they have come into the conference is told sooner.
    """
    return CHOICE_SECONDS if consent is Consent.KEY else 0


def started_within(consent: Consent) -> float:
    """Seconds until a transcription that begins after the announcement should run."""
    return STARTED_WITHIN_S + (CHOICE_SECONDS if consent is Consent.KEY else 0)
