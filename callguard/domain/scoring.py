"""From signals to one risk: fused so that no strong signal is averaged away, and every part can be shown.

The words decide. The local scorer sets the floor, and the LLM can only lift it. What else is known of the
caller, the voice and the number, counts in two ways. Where the words raise doubt it adds points. Where they
don't, one such signal makes the call UNSURE at the most: honest people call from forged-looking numbers,
honest machines have synthetic voices, and a known voice sounds like another on a bad line. Two of them
together are more than chance, and may alert without a word. Nothing but a person lowers a risk: a good
number can be forged, a known voice copied. The result depends on the set of signals, not on their order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import prod
from typing import Any

from callguard.domain.signal_words import deeds_of, detail_of, finding_of, kind_of, name_of
from callguard.domain.signals import (
    Attestation,
    AttestationLevel,
    CallerHistory,
    Deepfake,
    FraudType,
    KnownVoice,
    LlmOpinion,
    LocalScore,
    NotAvailable,
    PersonsAnswer,
    Signal,
    SignalName,
    SignalState,
    Tactic,
    VoiceMatch,
)
from callguard.domain.words import normalise

UNSURE_FROM, SUSPECT_FROM, SCAM_FROM = 30, 60, 80
MAX_QUOTATIONS = 5

# Points on top of doubtful words. Many honest calls carry C (gateways, forwarding), so they stay few.
_ATTESTATION_POINTS = {AttestationLevel.C: 3, AttestationLevel.FAILED: 5}
SYNTHETIC_FROM, SYNTHETIC_SURELY = 0.5, 0.95
"""Between these scores a deepfake counts in part."""
SPEECH_ENOUGH_S = 10.0
"""From less speech a deepfake score counts in proportion."""


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
    """What one signal brought: its own `risk` 0-100, None where it carries none, the `points` by which it
    moved the result, a sentence for people, and the tactics it found in the words, the strongest first.
    `finding` names what was found where it is one of a few: a claim, an answer, a match, how a voice sounds;
    `speech_seconds`: of the caller's speech, where that is what was judged.

    The points of all signals add up to what was measured.
    """

    signal: SignalName
    state: SignalState
    risk: int | None
    detail: str
    tactics: tuple[Tactic, ...] = ()
    points: int = 0
    finding: str | None = None
    speech_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """A call's risk at one moment. `fraud_type` and `level` are None while SAFE; `confidence` 0-1.

    `measured` is what the signals make; `risk` differs where an earlier result or a person's answer stands
    over it. `explanation` comes from fixed sentences and holds no word spoken on the call; `quotations` do.
    """

    risk: int
    measured: int
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


def answered(risk: int, answer: PersonsAnswer | None) -> int:
    """The risk once a person has answered: NO of the claimed relative makes it SCAM; YES lowers it to UNSURE
    at most, since a reply can be forged or forced, and to SAFE only where the step-up has proved it. SAFE
    leaves the score as it is: it silences the alerts.
    """
    match answer:
        case PersonsAnswer.NO:
            return max(risk, SCAM_FROM)
        case PersonsAnswer.YES:
            return min(risk, SUSPECT_FROM - 1)
        case PersonsAnswer.PROVEN:
            return min(risk, UNSURE_FROM - 1)
        case PersonsAnswer.SAFE | None:
            return risk


def fuse(signals: Iterable[Signal]) -> Assessment:
    """The assessment that these signals make together, whatever their order.

    The words' risk is the local scorer's, lifted towards the LLM's by the LLM's confidence in it. From UNSURE
    on the other signals add their points to it. By themselves they make what noisy-or makes of them. The
    result is the greater. What isn't available changes nothing but its own line.
    """
    present = _in_order(signals)
    return _assess(present, _risk(present))


def stand_at(signals: Iterable[Signal], risk: int) -> Assessment:
    """The same where another risk stands than the one that they make."""
    return _assess(_in_order(signals), risk)


def _in_order(signals: Iterable[Signal]) -> list[Signal]:
    """Words first, then the voice, the person and the number: the order in which points are told."""
    return sorted(signals, key=lambda s: (_ORDER.index(name_of(s)), repr(s)))


_ORDER = (
    SignalName.LOCAL_SCORER,
    SignalName.LLM,
    SignalName.DEEPFAKE,
    SignalName.KNOWN_VOICE,
    SignalName.CLAIMED_IDENTITY,
    SignalName.CALLER_HISTORY,
    SignalName.ATTESTATION,
)


def _assess(present: Sequence[Signal], risk: int) -> Assessment:
    scores = [s for s in present if isinstance(s, LocalScore)]
    opinions = [s for s in present if isinstance(s, LlmOpinion)]
    verdict = verdict_of(risk)
    safe = verdict is Verdict.SAFE
    fraud_type = None if safe else _fraud_type(scores, opinions)
    return Assessment(
        risk=risk,
        measured=_risk(present),
        verdict=verdict,
        level=level_of(risk),
        fraud_type=fraud_type,
        explanation=_explanation(verdict, fraud_type, _tactics(scores, opinions)),
        quotations=() if safe else _quotations(scores, opinions),
        contributions=_contributions(present),
        confidence=_confidence(risk, opinions),
    )


def _risk(present: Sequence[Signal]) -> int:
    local = max((s.risk for s in present if isinstance(s, LocalScore)), default=0)
    words = max([local, *(_lifted(local, s) for s in present if isinstance(s, LlmOpinion))])
    weights = [_weight(s) for s in present]
    alone = round(100 * (1 - prod(1 - weight.alone for weight in weights)))
    doubted = words + sum(weight.points for weight in weights) if words >= UNSURE_FROM else 0
    return min(100, max(words, alone, doubted))


def _lifted(local: int, opinion: LlmOpinion) -> int:
    return local + round(opinion.confidence * max(0, opinion.risk - local))


@dataclass(frozen=True, slots=True)
class _Weight:
    """What a signal beside the words counts: `alone` 0-1 by itself, under what a warning asks for; `points`
    on top of words that raise doubt.
    """

    alone: float = 0.0
    points: int = 0


_NONE = _Weight()


def _weight(signal: Signal) -> _Weight:
    match signal:
        case Attestation():
            return _Weight(points=_ATTESTATION_POINTS.get(signal.level, 0))
        case Deepfake():
            sure = (signal.score - SYNTHETIC_FROM) / (SYNTHETIC_SURELY - SYNTHETIC_FROM)
            strength = max(0.0, min(1.0, sure)) * max(0.0, min(1.0, signal.speech_seconds / SPEECH_ENOUGH_S))
            return _Weight(0.55 * strength, round(35 * strength))
        case KnownVoice(match=VoiceMatch.OTHER | VoiceMatch.REPLAYED):
            return _Weight(0.55, 35)
        case CallerHistory():
            # A good history lowers nothing: numbers are forged, and nobody forges a bad one.
            strength = max(0, min(100, signal.standing)) / 100
            return _Weight(0.55 * strength, round(25 * strength))
        case _:
            return _NONE


def _confidence(risk: int, opinions: Sequence[LlmOpinion]) -> float:
    """How far the risk lies from the middle, or the LLM's confidence where it agrees. Not calibrated."""
    decided = 0.5 + abs(risk - 50) / 100
    agreeing = [o.confidence for o in opinions if verdict_of(o.risk) is verdict_of(risk)]
    return round(max([decided * 0.9, *agreeing]), 2)


def _fraud_type(scores: Sequence[LocalScore], opinions: Sequence[LlmOpinion]) -> FraudType:
    """The type named by the signal that sees the greater risk; at equal risk the LLM's."""
    named = [(s.risk, 0, s.fraud_type) for s in scores if s.fraud_type]
    named += [(o.risk, 1, o.fraud_type) for o in opinions if o.fraud_type]
    return max(named)[2] if named else FraudType.OTHER


def _tactics(scores: Sequence[LocalScore], opinions: Sequence[LlmOpinion]) -> list[Tactic]:
    """Tactics found, the strongest first."""
    strength: dict[Tactic, float] = {}
    for score in scores:
        for tactic, value in score.tactics.items():
            strength[tactic] = max(strength.get(tactic, 0.0), value)
    for opinion in opinions:
        for tactic in opinion.tactics:
            strength[tactic] = max(strength.get(tactic, 0.0), opinion.confidence)
    return sorted(strength, key=lambda tactic: (-strength[tactic], tactic))


def _quotations(scores: Sequence[LocalScore], opinions: Sequence[LlmOpinion]) -> tuple[str, ...]:
    """The most telling words, each once."""
    telling = sorted(
        (e for s in scores for e in s.evidence if e.weight > 0), key=lambda e: (-e.weight, e.quotation)
    )
    candidates = [e.quotation for e in telling] + [q for o in opinions for q in o.quotations]
    unique: dict[str, str] = {}
    for quotation in candidates:
        unique.setdefault(normalise(quotation), quotation)
    return tuple(unique.values())[:MAX_QUOTATIONS]


def _contributions(present: Sequence[Signal]) -> tuple[Contribution, ...]:
    """Each signal's line. Its points are what the risk grows by when it joins those before it."""
    grown = [_risk(present[:count]) for count in range(len(present) + 1)]
    return tuple(
        _contribution(signal, after - before)
        for signal, before, after in zip(present, grown, grown[1:], strict=False)
    )


def _contribution(signal: Signal, points: int) -> Contribution:
    risk, tactics, speech_s = None, list[Tactic](), None
    state: SignalState = SignalState.MEASURED
    match signal:
        case LocalScore():
            risk, tactics = signal.risk, _tactics([signal], [])
        case LlmOpinion():
            risk, tactics = signal.risk, list(signal.tactics)
        case Deepfake():
            risk, speech_s = round(100 * signal.score), round(signal.speech_seconds, 1)
        case NotAvailable():
            state = signal.state
        case _:
            pass
    detail = detail_of(signal, tactics)
    found = finding_of(signal)
    return Contribution(name_of(signal), state, risk, detail, tuple(tactics), points, found, speech_s)


def _explanation(verdict: Verdict, fraud_type: FraudType | None, tactics: Sequence[Tactic]) -> str:
    if fraud_type is None:
        return "Nothing in the words so far suggests a fraud."
    deeds = deeds_of(tactics[:3])
    opening = _OPENING[verdict].format(kind=kind_of(fraud_type))
    return f"{opening} The caller {deeds}." if deeds else opening


_OPENING = {
    Verdict.UNSURE: "Some of this fits {kind}, but not enough to be sure.",
    Verdict.SUSPECT: "This sounds like {kind}.",
    Verdict.SCAM: "This is very likely {kind}.",
}
