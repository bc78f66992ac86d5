"""From signals to one risk: fused so that no strong signal is averaged away, and every part can be shown.

The words decide. The local scorer sets the floor, the LLM can only lift it, and an unverified number adds a
few points where the words already raise doubt. The result depends on the set of signals, not on their order.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, assert_never

from callguard.domain.signals import (
    Attestation,
    AttestationLevel,
    CallerHistory,
    FraudType,
    LlmOpinion,
    LocalScore,
    NotAvailable,
    Signal,
    SignalName,
    SignalState,
    Tactic,
)
from callguard.domain.words import normalise

UNSURE_FROM, SUSPECT_FROM, SCAM_FROM = 30, 60, 80
MAX_QUOTATIONS = 5

# Points on top of doubtful words. Many honest calls carry C (gateways, forwarding), so they stay few.
_ATTESTATION_POINTS = {AttestationLevel.C: 3, AttestationLevel.FAILED: 5}
# Points where the caller is known for a fraud, on top of doubtful words too.
_HISTORY_POINTS = 5


class Verdict(StrEnum):
    """What a risk means."""

    SAFE = "SAFE"
    UNSURE = "UNSURE"
    SUSPECT = "SUSPECT"
    SCAM = "SCAM"


class AlertLevel(StrEnum):
    """How loudly contacts are told: a warning one after the other, danger all at once."""

    WARNING = "warning"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one signal brought: `risk` 0-100, None where it carries none, a sentence for people, and the
    tactics it found in the words, the strongest first.
    """

    signal: SignalName
    state: SignalState
    risk: int | None
    detail: str
    tactics: tuple[Tactic, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """A call's risk at one moment. `fraud_type` and `level` are None while SAFE; `confidence` 0-1.

    `explanation` comes from fixed sentences and holds no word spoken on the call; `quotations` do.
    """

    risk: int
    verdict: Verdict
    level: AlertLevel | None
    fraud_type: FraudType | None
    explanation: str
    quotations: tuple[str, ...]
    contributions: tuple[Contribution, ...]
    confidence: float

    def to_json(self) -> dict[str, Any]:
        """The fields by name, nested, fit for `json.dumps`."""
        return asdict(self)


def verdict_of(risk: int) -> Verdict:
    """0-29 SAFE, 30-59 UNSURE, 60-79 SUSPECT, 80-100 SCAM."""
    if risk >= SCAM_FROM:
        return Verdict.SCAM
    if risk >= SUSPECT_FROM:
        return Verdict.SUSPECT
    return Verdict.UNSURE if risk >= UNSURE_FROM else Verdict.SAFE


def level_of(risk: int) -> AlertLevel | None:
    """60-79 a warning, 80-100 danger, nothing below."""
    if risk >= SCAM_FROM:
        return AlertLevel.DANGER
    return AlertLevel.WARNING if risk >= SUSPECT_FROM else None


def kind_of(fraud_type: FraudType) -> str:
    """The fraud in words for people, as in 'a fraud in the name of a bank'."""
    return _KIND[fraud_type]


def fuse(signals: Iterable[Signal]) -> Assessment:
    """The assessment that these signals make together, whatever their order.

    `risk` is the local scorer's, lifted towards the LLM's by the LLM's confidence in it, plus the points of
    attestation and history once the words are above SAFE. What isn't available changes nothing but its own
    line.
    """
    present = sorted(signals, key=repr)
    scores = [s for s in present if isinstance(s, LocalScore)]
    opinions = [s for s in present if isinstance(s, LlmOpinion)]
    attestations = [s for s in present if isinstance(s, Attestation)]
    histories = [s for s in present if isinstance(s, CallerHistory)]

    local = max((s.risk for s in scores), default=0)
    words = max([local, *(_lifted(local, o) for o in opinions)])
    points = max((_ATTESTATION_POINTS.get(a.level, 0) for a in attestations), default=0)
    points += max((_HISTORY_POINTS * max(0, h.standing) // 100 for h in histories), default=0)
    risk = min(100, words + points) if words >= UNSURE_FROM else words

    verdict = verdict_of(risk)
    safe = verdict is Verdict.SAFE
    fraud_type = None if safe else _fraud_type(scores, opinions)
    return Assessment(
        risk=risk,
        verdict=verdict,
        level=level_of(risk),
        fraud_type=fraud_type,
        explanation=_explanation(verdict, fraud_type, _tactics(scores, opinions)),
        quotations=() if safe else _quotations(scores, opinions),
        contributions=tuple(sorted((_contribution(s) for s in present), key=lambda c: (c.signal, c.detail))),
        confidence=_confidence(risk, opinions),
    )


def _lifted(local: int, opinion: LlmOpinion) -> int:
    return local + round(opinion.confidence * max(0, opinion.risk - local))


def _confidence(risk: int, opinions: list[LlmOpinion]) -> float:
    """How far the risk lies from the middle, or the LLM's confidence where it agrees. Not calibrated."""
    decided = 0.5 + abs(risk - 50) / 100
    agreeing = [o.confidence for o in opinions if verdict_of(o.risk) is verdict_of(risk)]
    return round(max([decided * 0.9, *agreeing]), 2)


def _fraud_type(scores: list[LocalScore], opinions: list[LlmOpinion]) -> FraudType:
    """The type named by the signal that sees the greater risk; at equal risk the LLM's."""
    named = [(s.risk, 0, s.fraud_type) for s in scores if s.fraud_type]
    named += [(o.risk, 1, o.fraud_type) for o in opinions if o.fraud_type]
    return max(named)[2] if named else FraudType.OTHER


def _tactics(scores: list[LocalScore], opinions: list[LlmOpinion]) -> list[Tactic]:
    """Tactics found, the strongest first."""
    strength: dict[Tactic, float] = {}
    for score in scores:
        for tactic, value in score.tactics.items():
            strength[tactic] = max(strength.get(tactic, 0.0), value)
    for opinion in opinions:
        for tactic in opinion.tactics:
            strength[tactic] = max(strength.get(tactic, 0.0), opinion.confidence)
    return sorted(strength, key=lambda tactic: (-strength[tactic], tactic))


def _quotations(scores: list[LocalScore], opinions: list[LlmOpinion]) -> tuple[str, ...]:
    """The most telling words, each once."""
    telling = sorted(
        (e for s in scores for e in s.evidence if e.weight > 0), key=lambda e: (-e.weight, e.quotation)
    )
    candidates = [e.quotation for e in telling] + [q for o in opinions for q in o.quotations]
    unique: dict[str, str] = {}
    for quotation in candidates:
        unique.setdefault(normalise(quotation), quotation)
    return tuple(unique.values())[:MAX_QUOTATIONS]


def _contribution(signal: Signal) -> Contribution:
    match signal:
        case LocalScore():
            tactics = tuple(_tactics([signal], []))
            found = ", ".join(_NOUN[t] for t in tactics) or "nothing that frauds say"
            detail = f"The words contain: {found}."
            return Contribution(SignalName.LOCAL_SCORER, SignalState.MEASURED, signal.risk, detail, tactics)
        case LlmOpinion():
            found = ", ".join(_NOUN[t] for t in signal.tactics) or "none"
            detail = f"Tactics the language model sees: {found}; confidence {signal.confidence:.0%}."
            return Contribution(
                SignalName.LLM, SignalState.MEASURED, signal.risk, detail, tuple(signal.tactics)
            )
        case Attestation():
            return Contribution(SignalName.ATTESTATION, SignalState.MEASURED, None, _ATTESTED[signal.level])
        case CallerHistory():
            detail = " ".join(signal.reasons)
            return Contribution(SignalName.CALLER_HISTORY, SignalState.MEASURED, None, detail)
        case NotAvailable():
            return Contribution(signal.signal, signal.state, None, signal.detail)
    assert_never(signal)


def _explanation(verdict: Verdict, fraud_type: FraudType | None, tactics: list[Tactic]) -> str:
    if fraud_type is None:
        return "Nothing in the words so far suggests a fraud."
    deeds = _listed([_DEED[tactic] for tactic in tactics[:3]])
    opening = _OPENING[verdict].format(kind=kind_of(fraud_type))
    return f"{opening} The caller {deeds}." if deeds else opening


def _listed(parts: list[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


_OPENING = {
    Verdict.UNSURE: "Some of this fits {kind}, but not enough to be sure.",
    Verdict.SUSPECT: "This sounds like {kind}.",
    Verdict.SCAM: "This is very likely {kind}.",
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
_ATTESTED = {
    AttestationLevel.A: "The carrier vouches for the number; that says nothing about the caller's honesty.",
    AttestationLevel.B: "The carrier knows the caller, not the number.",
    AttestationLevel.C: "The carrier vouches for neither caller nor number.",
    AttestationLevel.FAILED: "The number's signature is wrong: it may be forged.",
    AttestationLevel.NONE: "The number comes without a signature.",
}
