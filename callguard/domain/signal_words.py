"""What a risk is made of, in fixed sentences for people: no word that was spoken on the call is in them."""

from collections.abc import Sequence
from typing import assert_never

from callguard.domain.signals import (
    Attestation,
    AttestationLevel,
    CallerHistory,
    Claim,
    ClaimedIdentity,
    Deepfake,
    FraudType,
    KnownVoice,
    LlmOpinion,
    LocalScore,
    NotAvailable,
    PersonsAnswer,
    Signal,
    SignalName,
    Tactic,
    VoiceMatch,
)


def name_of(signal: Signal) -> SignalName:
    """Which source a signal is of."""
    return signal.signal if isinstance(signal, NotAvailable) else _NAMES[type(signal)]


def detail_of(signal: Signal, tactics: Sequence[Tactic]) -> str:  # noqa: PLR0911  # one for each signal
    """What a signal found, in a sentence; `tactics` are its own, the strongest first."""
    found = ", ".join(_NOUN[tactic] for tactic in tactics)
    match signal:
        case LocalScore():
            return f"The words contain: {found or 'nothing that frauds say'}."
        case LlmOpinion():
            return f"Tactics the language model sees: {found or 'none'}; confidence {signal.confidence:.0%}."
        case Attestation():
            return _ATTESTED[signal.level]
        case CallerHistory():
            return " ".join(signal.reasons) or "Nothing is known of the number."
        case Deepfake():
            heard = f"{signal.score:.0%} probability of a synthetic voice, from {signal.speech_seconds:.0f} s"
            return f"{_SOUNDED[sound_of(signal.score)]} ({heard} of speech.)"
        case KnownVoice():
            return f"{_MATCHED[signal.match]} (Similarity {signal.similarity:.2f}, from -1 to 1.)"
        case ClaimedIdentity():
            return _ANSWERED[signal.answer] if signal.answer else _CLAIMED[signal.claim]
        case NotAvailable():
            return signal.detail
    assert_never(signal)


def finding_of(signal: Signal) -> str | None:
    """What was found, by its name, of signals that find one of a few things."""
    match signal:
        case ClaimedIdentity():
            return signal.answer or signal.claim
        case KnownVoice():
            return signal.match
        case Deepfake():
            return sound_of(signal.score)
        case _:
            return None


def sound_of(score: float) -> str:
    """What a deepfake score of 0 to 1 means. No low score shows that a voice is human."""
    if score > SYNTHETIC_ABOVE:
        return "synthetic"
    return "no_synthesis" if score < NO_EVIDENCE_BELOW else "unclear"


def kind_of(fraud_type: FraudType) -> str:
    """The fraud in words for people, as in 'a fraud in the name of a bank'."""
    return _KIND[fraud_type]


def deeds_of(tactics: Sequence[Tactic]) -> str:
    """What the caller does, as in 'asks for a payment and frightens the person'; empty without tactics."""
    parts = [_DEED[tactic] for tactic in tactics]
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


_NAMES: dict[type, SignalName] = {
    LocalScore: SignalName.LOCAL_SCORER,
    LlmOpinion: SignalName.LLM,
    Attestation: SignalName.ATTESTATION,
    CallerHistory: SignalName.CALLER_HISTORY,
    Deepfake: SignalName.DEEPFAKE,
    KnownVoice: SignalName.KNOWN_VOICE,
    ClaimedIdentity: SignalName.CLAIMED_IDENTITY,
}
_KIND = {
    FraudType.GOVERNMENT: "a fraud in the name of an authority",
    FraudType.BANK: "a fraud in the name of a bank",
    FraudType.TECH_SUPPORT: "a false technical support call",
    FraudType.FAMILY_EMERGENCY: "a false emergency in the family",
    FraudType.PRIZE: "a false prize",
    FraudType.INVESTMENT: "an investment fraud",
    FraudType.ROMANCE: "a romance fraud",
    FraudType.HEALTH_INSURANCE: "a health insurance fraud",
    FraudType.UTILITY: "a fraud in the name of a utility",
    FraudType.PARCEL: "a parcel fraud",
    FraudType.JOB: "a false job offer",
    FraudType.CHARITY: "a false charity",
    FraudType.DEBT: "a loan or debt fraud",
    FraudType.EXTORTION: "extortion",
    FraudType.REFUND: "a refund fraud",
    FraudType.OTHER: "a fraud",
}
_NOUN = {
    Tactic.AUTHORITY: "speaking for an institution",
    Tactic.FEAR: "fear",
    Tactic.URGENCY: "hurry",
    Tactic.SECRECY: "secrecy",
    Tactic.DEFLECTION: "keeping on the line",
    Tactic.PAYMENT: "payment",
    Tactic.CREDENTIALS: "codes or personal data",
    Tactic.REMOTE_ACCESS: "access to a computer",
    Tactic.FAMILY_EMERGENCY: "a relative in trouble",
    Tactic.LURE: "a tempting offer",
    Tactic.RAPPORT: "appeals to trust",
    Tactic.AUTOMATION: "a recorded message",
}
_DEED = {
    Tactic.AUTHORITY: "claims to speak for an institution",
    Tactic.FEAR: "frightens the person",
    Tactic.URGENCY: "presses for haste",
    Tactic.SECRECY: "asks for secrecy",
    Tactic.DEFLECTION: "tries to keep the person from checking",
    Tactic.PAYMENT: "asks for a payment",
    Tactic.CREDENTIALS: "asks for codes or personal data",
    Tactic.REMOTE_ACCESS: "asks for access to a computer",
    Tactic.FAMILY_EMERGENCY: "speaks of a relative in trouble",
    Tactic.LURE: "makes a tempting offer",
    Tactic.RAPPORT: "appeals to trust or affection",
    Tactic.AUTOMATION: "plays a recorded message",
}
SYNTHETIC_ABOVE, NO_EVIDENCE_BELOW = 0.7, 0.3
_SOUNDED = {
    "synthetic": "The voice sounds synthetic.",
    "unclear": "Whether the voice is synthetic is uncertain.",
    "no_synthesis": "No evidence that the voice is synthetic; a good copy leaves none.",
}
_ATTESTED = {
    AttestationLevel.A: "The carrier vouches for the number; that says nothing about the caller's honesty.",
    AttestationLevel.B: "The carrier knows the caller, not the number.",
    AttestationLevel.C: "The carrier vouches for neither caller nor number.",
    AttestationLevel.FAILED: "The number's signature is wrong: it may be forged.",
    AttestationLevel.NONE: "The number comes without a signature.",
}
_MATCHED = {
    VoiceMatch.SAME: "The voice resembles the enrolled one; a copy of that voice would too.",
    VoiceMatch.OTHER: "The voice is not the one that was enrolled of the person the caller claims to be.",
    VoiceMatch.REPLAYED: "What is heard is a recording that was enrolled, played again.",
    VoiceMatch.UNDECIDED: "Whether it is the enrolled voice can't be told.",
}
_CLAIMED = {
    Claim.RELATIVE: "The caller claims to be a relative, or to speak for one; honest ones do too.",
    Claim.INSTITUTION: "The caller claims to speak for an institution; honest ones do too.",
    Claim.NONE: "The caller does not claim to be anybody in particular.",
}
_ANSWERED = {
    PersonsAnswer.SAFE: "A contact says that the call is safe.",
    PersonsAnswer.YES: "The person whom the caller claims to be answered that they are on the phone.",
    PersonsAnswer.PROVEN: "The person whom the caller claims to be has proved that they are on the phone.",
    PersonsAnswer.NO: "The person whom the caller claims to be answered that they are not on the phone.",
}
