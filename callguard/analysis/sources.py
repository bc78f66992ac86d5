"""What is known of a call beside its words: who signed for the number, whom the caller claims to be, the
voice.

One function a signal. A source that can't tell yet says so; what it would weigh stands in `domain/scoring`.
"""

from collections.abc import Awaitable, Callable

from callguard.db.pool import Row, Session
from callguard.domain.signals import (
    Attestation,
    Claim,
    ClaimedIdentity,
    Deepfake,
    LocalScore,
    NotAvailable,
    PersonsAnswer,
    Signal,
    SignalName,
    SignalState,
    Tactic,
)

Source = Callable[[Session, Row, LocalScore], Awaitable[Signal]]
"""Asked in the verdict's transaction; the row is that of `calls.for_analysis`."""


async def _attestation(_session: Session, call: Row, _local: LocalScore) -> Signal:
    return Attestation.of(call["stir_verstat"])


async def _claimed_identity(_session: Session, call: Row, local: LocalScore) -> Signal:
    answer = call["claimed_identity_answer"]
    if local.tactics.get(Tactic.FAMILY_EMERGENCY):
        claim = Claim.RELATIVE
    else:
        claim = Claim.INSTITUTION if local.tactics.get(Tactic.AUTHORITY) else Claim.NONE
    return ClaimedIdentity(claim, PersonsAnswer(answer) if answer else None)


async def _deepfake(session: Session, call: Row, _local: LocalScore) -> Signal:
    reading = await session.row("voice.of_call", call["id"])
    if reading is None:
        return _voice_absent(SignalState.NOT_AVAILABLE_YET)
    if reading["score"] is None:
        return _voice_absent(SignalState(reading["state"]))
    return Deepfake(reading["score"], reading["speech_seconds"], reading["model"])


def _voice_absent(state: SignalState) -> NotAvailable:
    match state:
        case SignalState.TOO_LITTLE_SPEECH:
            return NotAvailable(SignalName.DEEPFAKE, state, "The caller has spoken too little to judge the voice.")
        case SignalState.UNSUITABLE:
            return NotAvailable(SignalName.DEEPFAKE, state, "The caller's sound says nothing about a voice.")
        case _:
            state = SignalState.NOT_AVAILABLE_YET
            return NotAvailable(SignalName.DEEPFAKE, state, "Whether the voice is synthetic is not judged yet.")


async def _known_voice(_session: Session, _call: Row, _local: LocalScore) -> Signal:
    detail = "No voices of relatives are compared yet."
    return NotAvailable(SignalName.KNOWN_VOICE, SignalState.NOT_AVAILABLE_YET, detail)


SOURCES: tuple[Source, ...] = (_attestation, _claimed_identity, _deepfake, _known_voice)


async def beside_words(session: Session, call: Row, local: LocalScore) -> list[Signal]:
    """Each source's signal."""
    return [await source(session, call, local) for source in SOURCES]
