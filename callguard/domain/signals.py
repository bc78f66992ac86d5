"""What is known about a call's risk, one type a source: measured, or visibly not available.

A signal that couldn't be had is a `NotAvailable` with its reason; it is never a made-up number.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self

from callguard.domain.caller import parse_verstat
from callguard.domain.transcript import Speaker


class FraudType(StrEnum):
    """What kind of fraud a call looks like."""

    GOVERNMENT = "government"
    BANK = "bank"
    TECH_SUPPORT = "tech_support"
    FAMILY_EMERGENCY = "family_emergency"
    PRIZE = "prize"
    INVESTMENT = "investment"
    ROMANCE = "romance"
    HEALTH_INSURANCE = "health_insurance"
    UTILITY = "utility"
    PARCEL = "parcel"
    JOB = "job"
    CHARITY = "charity"
    DEBT = "debt"
    EXTORTION = "extortion"
    REFUND = "refund"
    OTHER = "other"


class Tactic(StrEnum):
    """What a fraudulent caller does with words. An honest call may use one or two; a fraud combines them."""

    AUTHORITY = "authority"  # speaks for an office, a bank, a company
    FEAR = "fear"  # arrest, a drained account, a virus
    URGENCY = "urgency"  # now, within the hour, last chance
    SECRECY = "secrecy"  # tell nobody, give the teller another reason
    DEFLECTION = "deflection"  # stay on the line, don't look us up
    PAYMENT = "payment"  # gift cards, a wire, cash for a courier, a 'safe account'
    CREDENTIALS = "credentials"  # card, code, password, identity number
    REMOTE_ACCESS = "remote_access"  # let me on to your computer
    FAMILY_EMERGENCY = "family_emergency"  # it's me, I'm in trouble
    LURE = "lure"  # a prize, a refund, a return, a job
    RAPPORT = "rapport"  # trust and affection as a lever
    AUTOMATION = "automation"  # a machine that wants a key pressed or a number called


class SuggestedAction(StrEnum):
    """What callguard can do about a call, from nothing to ending it."""

    NONE = "none"
    LISTEN = "listen"  # go on listening: too little is known
    WARN_CONTACTS = "warn_contacts"
    WHISPER = "whisper"  # a warning that the person alone hears
    BRING_IN = "bring_in"  # a relative joins the call
    HOLD = "hold"  # the caller waits, alone
    END = "end"  # the caller's leg ends


class SignalName(StrEnum):
    """The sources of risk."""

    LOCAL_SCORER = "local_scorer"
    LLM = "llm"
    ATTESTATION = "attestation"
    CALLER_HISTORY = "caller_history"
    DEEPFAKE = "deepfake"
    KNOWN_VOICE = "known_voice"
    CLAIMED_IDENTITY = "claimed_identity"


class SignalState(StrEnum):
    """Whether a signal was measured, and if not, why."""

    MEASURED = "measured"
    NOT_AVAILABLE_YET = "not available yet"
    NOT_CONFIGURED = "not configured"
    QUEUED = "queued for later"
    BUDGET_SPENT = "budget spent"
    FAILED = "failed"
    TOO_LITTLE_SPEECH = "too little speech"
    UNSUITABLE = "unsuitable"  # sound that says nothing: music, tones, a broken line


AbsentState = Literal[
    SignalState.NOT_AVAILABLE_YET,
    SignalState.NOT_CONFIGURED,
    SignalState.QUEUED,
    SignalState.BUDGET_SPENT,
    SignalState.FAILED,
    SignalState.TOO_LITTLE_SPEECH,
    SignalState.UNSUITABLE,
]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Words that count, quoted with a few either side; weight 0-1, negative where they speak against."""

    speaker: Speaker
    quotation: str
    tactic: Tactic | None  # None for words that speak against a fraud
    weight: float


@dataclass(frozen=True, slots=True)
class LocalScore:
    """The local scorer's reading of the words so far. `risk` 0-100; `tactics`: each one's strength 0-1."""

    risk: int
    fraud_type: FraudType | None
    tactics: Mapping[Tactic, float]
    evidence: tuple[Evidence, ...]
    model: str


@dataclass(frozen=True, slots=True)
class LlmOpinion:
    """The LLM judge's reading. `risk` 0-100, `confidence` 0-1; every quotation is the caller's, word for
    word.

    `claims`, `asks` and `explanation` are the model's own words: evidence, never sent.
    `addresses_the_listener`: somebody on the call spoke to software that listens, to steer it.
    """

    risk: int
    fraud_type: FraudType | None
    claims: tuple[str, ...]
    asks: tuple[str, ...]
    tactics: tuple[Tactic, ...]
    quotations: tuple[str, ...]
    explanation: str
    suggested_action: SuggestedAction
    confidence: float
    model: str
    prompt_version: str
    addresses_the_listener: bool = False


class AttestationLevel(StrEnum):
    """STIR/SHAKEN: A the number is the caller's, B the customer is known, C neither; failed or none."""

    A = "A"
    B = "B"
    C = "C"
    FAILED = "failed"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Attestation:
    """What the caller's carrier vouches for."""

    level: AttestationLevel

    @classmethod
    def of(cls, verstat: str | None) -> Self:
        """What Twilio's `StirVerstat` says, such as 'TN-Validation-Passed-A'."""
        stir = parse_verstat(verstat)
        if stir.failed:
            return cls(AttestationLevel.FAILED)
        return cls(AttestationLevel(stir.level) if stir.level else AttestationLevel.NONE)


@dataclass(frozen=True, slots=True)
class CallerHistory:
    """What this tenant's people know of the number and of the script: `standing` -100 (marked safe) to
    100 (reported as fraud), 0 where nothing speaks either way; `reasons` are fixed sentences for people.
    """

    standing: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deepfake:
    """How far the caller's voice sounds synthetic: `score` 0-1, from `speech_seconds` of speech."""

    score: float
    speech_seconds: float
    model: str


class VoiceMatch(StrEnum):
    """A voice beside the enrolled one of the person that the caller claims to be."""

    SAME = "same"
    OTHER = "other"
    REPLAYED = "replayed"  # a recording that was enrolled, played again
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """The caller's voice beside the claimed relative's: `similarity` -1 to 1, and what it was decided to
    mean.
    """

    match: VoiceMatch
    similarity: float
    model: str


class Claim(StrEnum):
    """Whom the caller says to be, as far as the words tell."""

    RELATIVE = "relative"
    INSTITUTION = "institution"
    NONE = "none"


class PersonsAnswer(StrEnum):
    """What people answered about a call: a contact that it is safe; the person whom the caller claims to be
    that they are on the phone (yes), that they aren't (no), or, by the step-up, proof that they are.
    """

    SAFE = "safe"
    YES = "yes"
    PROVEN = "proven"
    NO = "no"


@dataclass(frozen=True, slots=True)
class ClaimedIdentity:
    """Whom the caller says to be, and what that person answered; None where nobody was asked, or answered."""

    claim: Claim
    answer: PersonsAnswer | None = None


@dataclass(frozen=True, slots=True)
class NotAvailable:
    """A signal that couldn't be had: which, why, and a sentence for people."""

    signal: SignalName
    state: AbsentState
    detail: str = ""


Signal = (
    LocalScore
    | LlmOpinion
    | Attestation
    | CallerHistory
    | Deepfake
    | KnownVoice
    | ClaimedIdentity
    | NotAvailable
)
