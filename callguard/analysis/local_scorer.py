"""The local scorer: how much the words so far sound like a fraud, from a lexicon of phrases by tactic.

One tactic alone is doubtful, not more: honest banks speak of suspicious payments, honest relatives of money.
What honest callers don't do is to combine: an ask (money, secrets, the computer) with pressure, with secrecy,
under a story. So strengths are joined by noisy-or, tactic by tactic, and again for each combination.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import prod

from callguard.analysis.findings import MAX_EVIDENCE, Finding, Reader, distinct, evidence_of
from callguard.analysis.phrases import Lexicon, load_lexicon
from callguard.domain.signals import FraudType, LocalScore, Tactic
from callguard.domain.transcript import Utterance, turns

SHARES = (1.0, 0.5, 0.25)
"""Of a tactic's phrases the strongest counts whole, the next ones in part: many weak words of a long honest
call must not add up to one telling sentence."""
RELIEF = 0.8
"""How much of the doubt words against a fraud take back where nothing is asked for. They can't excuse an ask
(frauds recite 'we never ask for your PIN' too), nor a recording."""

# What a tactic at full strength proves by itself: below 0.6, so that one tactic alone alerts nobody.
_ALONE = {
    Tactic.AUTHORITY: 0.15,
    Tactic.FEAR: 0.35,
    Tactic.URGENCY: 0.15,
    Tactic.SECRECY: 0.5,
    Tactic.DEFLECTION: 0.35,
    Tactic.PAYMENT: 0.45,
    Tactic.CREDENTIALS: 0.45,
    Tactic.REMOTE_ACCESS: 0.45,
    Tactic.FAMILY_EMERGENCY: 0.3,
    Tactic.LURE: 0.3,
    Tactic.RAPPORT: 0.25,
    Tactic.AUTOMATION: 0.15,
}
_ASK = (Tactic.PAYMENT, Tactic.CREDENTIALS, Tactic.REMOTE_ACCESS)
_STORY = (Tactic.AUTHORITY, Tactic.FAMILY_EMERGENCY, Tactic.LURE, Tactic.RAPPORT)
_PRESSURE = (Tactic.FEAR, Tactic.URGENCY)
_ISOLATION = (Tactic.SECRECY, Tactic.DEFLECTION)
_MACHINE = (Tactic.AUTOMATION,)
# What two kinds of tactic at full strength prove together, beyond what each proves alone.
_TOGETHER = (
    (_ASK, _PRESSURE, 0.5),
    (_ASK, _ISOLATION, 0.7),
    (_ASK, _STORY, 0.5),
    (_STORY, _PRESSURE, 0.4),
    (_STORY, _ISOLATION, 0.4),
    (_PRESSURE, _ISOLATION, 0.5),
    (_MACHINE, _STORY, 0.95),
    (_MACHINE, _PRESSURE, 0.95),
    (_MACHINE, _ASK, 0.8),
)


def default_lexicon() -> Lexicon:
    """The English lexicon that ships with callguard."""
    return load_lexicon("en")


class LocalScorer:
    """Scores a transcript with one language's lexicon. Deterministic; keeps nothing between calls."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._reader = Reader(lexicon)

    def score(self, utterances: Sequence[Utterance]) -> LocalScore:
        """The score of the words so far; partial utterances count like final ones."""
        return self.score_of(f for turn in turns(utterances) for f in self._reader.findings(turn))

    def score_of(self, found: Iterable[Finding]) -> LocalScore:
        """The score of what a reader of the same lexicon found."""
        findings = distinct(found)
        weights: dict[Tactic | None, list[float]] = {}
        for finding in findings:
            weights.setdefault(finding.tactic, []).append(finding.weight)
        relief = _strength(weights.pop(None, []))
        tactics = {tactic: round(_strength(weights[tactic]), 3) for tactic in Tactic if tactic in weights}
        return LocalScore(
            risk=round(100 * _doubt(tactics, relief)),
            fraud_type=_fraud_type(findings),
            tactics=tactics,
            evidence=tuple(evidence_of(f) for f in findings[:MAX_EVIDENCE]),
            model=self._reader.version,
        )


def _strength(weights: Sequence[float]) -> float:
    """One tactic's strength 0-1 from its phrases' weights, strongest first."""
    return 1 - prod(1 - weight * share for weight, share in zip(weights, SHARES, strict=False))


def _doubt(tactics: Mapping[Tactic, float], relief: float) -> float:
    """The doubt 0-1 that these strengths make together, less what speaks against it."""

    def strength(kind: Iterable[Tactic]) -> float:
        return 1 - prod(1 - tactics.get(tactic, 0.0) for tactic in kind)

    trust = prod(1 - _ALONE[tactic] * tactics[tactic] for tactic in tactics)
    trust *= prod(1 - share * strength(one) * strength(other) for one, other, share in _TOGETHER)
    return (1 - trust) * (1 - RELIEF * relief * (1 - strength((*_ASK, *_MACHINE))))


def _fraud_type(findings: Iterable[Finding]) -> FraudType | None:
    """The type whose phrases weigh most."""
    totals: dict[FraudType, float] = {}
    for finding in findings:
        for name in finding.types:
            totals[name] = totals.get(name, 0.0) + finding.weight
    return max(totals, key=lambda name: (totals[name], name)) if totals else None
