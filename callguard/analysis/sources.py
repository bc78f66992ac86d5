"""What is known of a call beside its words: who signed for the number, whom the caller claims to be, the
voice.

One method a signal. A source that can't tell says so; what it would weigh stands in `domain/scoring`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from callguard.db.pool import Row, Session
from callguard.domain.claims import Enrolled, claimed
from callguard.domain.signals import (
    AbsentState,
    Attestation,
    Claim,
    ClaimedIdentity,
    Deepfake,
    KnownVoice,
    LocalScore,
    NotAvailable,
    PersonsAnswer,
    Signal,
    SignalName,
    SignalState,
    Tactic,
    VoiceMatch,
)
from callguard.domain.transcript import Speaker, Utterance
from callguard.domain.voice_reading import best_of

_NOT_YET: AbsentState = SignalState.NOT_AVAILABLE_YET
_NOT_CONFIGURED: AbsentState = SignalState.NOT_CONFIGURED
_TOO_LITTLE: AbsentState = SignalState.TOO_LITTLE_SPEECH


@dataclass(frozen=True, slots=True)
class Sources:
    """Asked in the verdict's transaction; the row is that of `calls.for_analysis`.

    `judges_voices`, `compares_voices`: whether this installation does.
    """

    judges_voices: bool
    compares_voices: bool

    async def beside_words(
        self, session: Session, call: Row, words: Sequence[Utterance], local: LocalScore
    ) -> list[Signal]:
        """Each source's signal."""
        identity = _claimed_identity(call, local)
        return [
            Attestation.of(call["stir_verstat"]),
            identity,
            await self._deepfake(session, call),
            await self._known_voice(session, call, words, identity),
        ]

    async def _deepfake(self, session: Session, call: Row) -> Signal:
        if not self.judges_voices:
            return _no_score(_NOT_CONFIGURED)
        reading = await session.row("voice.reading_of_call", call["id"])
        if reading is None:
            return _no_score(_NOT_YET)
        if reading["score"] is None:
            return _no_score(reading["state"])
        return Deepfake(reading["score"], reading["speech_seconds"], reading["model"])

    async def _known_voice(
        self, session: Session, call: Row, words: Sequence[Utterance], identity: ClaimedIdentity
    ) -> Signal:
        if not self.compares_voices:
            return _no_comparison(_NOT_CONFIGURED, "Callers' voices are not compared with enrolled ones.")
        rows = await session.rows("voice.enrolled_near", call["user_id"])
        if not rows:
            return _no_comparison(_NOT_CONFIGURED, "No contact's voice is enrolled.")
        said = [utterance.text for utterance in words if utterance.speaker is Speaker.CALLER]
        relative = identity.claim is Claim.RELATIVE
        who = claimed([Enrolled(**row) for row in rows], call["caller_number"], said, as_relative=relative)
        if who != call["claimed_voices"]:
            await session.run("voice.claim", call["id"], who)
        if not who:
            return _no_comparison(_NOT_YET, "The caller doesn't claim to be anybody whose voice is enrolled.")
        found = await session.rows("voice.likenesses_of_call", call["id"], who)
        told = [row for row in found if row["similarity"] is not None]
        if len(told) < len(who):
            too_little = any(row["match"] == _TOO_LITTLE for row in found)
            return _no_comparison(_TOO_LITTLE if too_little else _NOT_YET, _COMPARING[too_little])
        best = best_of(
            [KnownVoice(VoiceMatch(row["match"]), row["similarity"], row["model"]) for row in told]
        )
        assert best is not None, "somebody is claimed to be"
        return best


def _claimed_identity(call: Row, local: LocalScore) -> ClaimedIdentity:
    answer = call["claimed_identity_answer"]
    if local.tactics.get(Tactic.FAMILY_EMERGENCY):
        claim = Claim.RELATIVE
    else:
        claim = Claim.INSTITUTION if local.tactics.get(Tactic.AUTHORITY) else Claim.NONE
    return ClaimedIdentity(claim, PersonsAnswer(answer) if answer else None)


def _no_score(state: str) -> NotAvailable:
    known: AbsentState = next(each for each in _NO_SCORE if each == state)
    return NotAvailable(SignalName.DEEPFAKE, known, _NO_SCORE[known])


def _no_comparison(state: AbsentState, detail: str) -> NotAvailable:
    return NotAvailable(SignalName.KNOWN_VOICE, state, detail)


_NO_SCORE: dict[AbsentState, str] = {
    _NOT_CONFIGURED: "Whether voices are synthetic is not judged here.",
    _NOT_YET: "Whether the voice is synthetic is not judged yet.",
    _TOO_LITTLE: "The caller has spoken too little to judge the voice.",
    SignalState.UNSUITABLE: "The caller's sound is music, tones or noise: no speech that could be judged.",
    SignalState.FAILED: "Judging the voice failed; it is tried again with the caller's next words.",
}
_COMPARING = {
    True: "The caller has spoken too little to compare the voice.",
    False: "The voice is not compared yet.",
}
