"""The local scorer: how much the words so far sound like a fraud, from a lexicon of phrases by tactic.

One tactic alone is doubtful, not more: honest banks speak of suspicious payments, honest relatives of money.
What honest callers don't do is to combine: an ask (money, secrets, the computer) with pressure, with secrecy,
under a story. So strengths are joined by noisy-or, tactic by tactic, and again for each combination.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from callguard.analysis.phrases import Lexicon, Phrase, Words, load_lexicon
from callguard.domain.signals import Evidence, FraudType, LocalScore, Tactic
from callguard.domain.transcript import Speaker, Turn, Utterance, turns
from callguard.domain.words import normalise

ECHO = 0.35
"""What the caller's phrases count in the callee's mouth: a victim who repeats them shows what was said."""
SHARES = (1.0, 0.5, 0.25)
"""Of a tactic's phrases the strongest counts whole, the next ones in part: many weak words of a long honest
call must not add up to one telling sentence."""
RELIEF = 0.8
"""How much of the doubt words against a fraud take back where nothing is asked for. They can't excuse an ask
(frauds recite 'we never ask for your PIN' too), nor a recording."""
CARD_DIGITS = 12
"""A run of digits this long that the callee reads out is no telephone number."""
DIGITS_WEIGHT = 0.6
MAX_EVIDENCE = 12
CONTEXT_WORDS = 3

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
    (_MACHINE, _ASK, 0.6),
)


def default_lexicon() -> Lexicon:
    """The English lexicon that ships with callguard."""
    return load_lexicon("en")


@dataclass(frozen=True, slots=True)
class _Said:
    """One turn as it was spoken and as the words are compared; `origin` is each word's place in `spoken`."""

    speaker: Speaker
    spoken: tuple[str, ...]
    words: Words
    origin: tuple[int, ...]

    def quoted(self, start: int, end: int) -> str:
        first, last = self.origin[start], self.origin[end - 1]
        return " ".join(self.spoken[max(0, first - CONTEXT_WORDS) : last + 1 + CONTEXT_WORDS])


@dataclass(frozen=True, slots=True)
class _Finding:
    """A phrase found in a turn, with the weight it has there."""

    said: _Said
    start: int
    end: int
    name: str
    tactic: Tactic | None
    types: tuple[FraudType, ...]
    weight: float

    def __len__(self) -> int:
        return self.end - self.start

    def overlaps(self, other: "_Finding") -> bool:
        return self.said is other.said and self.start < other.end and other.start < self.end


class LocalScorer:
    """Scores a transcript with one language's lexicon. Deterministic; keeps nothing between calls."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon

    def score(self, utterances: Sequence[Utterance]) -> LocalScore:
        """The score of the words so far; partial utterances count like final ones."""
        findings = _distinct(f for turn in turns(utterances) for f in self._findings(_said(turn)))
        weights: dict[Tactic | None, list[float]] = {}
        for finding in findings:
            weights.setdefault(finding.tactic, []).append(finding.weight)
        relief = _strength(weights.pop(None, []))
        tactics = {tactic: round(_strength(weights[tactic]), 3) for tactic in Tactic if tactic in weights}
        return LocalScore(
            risk=round(100 * _doubt(tactics, relief)),
            fraud_type=_fraud_type(findings),
            tactics=tactics,
            evidence=tuple(_evidence(f) for f in findings[:MAX_EVIDENCE]),
            model=self._lexicon.version,
        )

    def _findings(self, said: _Said) -> Iterator[_Finding]:
        """The phrases that count in this turn; one that lies within words against a fraud doesn't."""
        matches = list(self._matches(said))
        against = [m for m in matches if m.tactic is None]
        for match in matches:
            if match.tactic is None or not any(a.overlaps(match) and len(a) >= len(match) for a in against):
                yield match
        if said.speaker is Speaker.CALLEE:
            yield from self._digits_read_out(said)

    def _matches(self, said: _Said) -> Iterator[_Finding]:
        elsewhere = self._reported(said.words)
        denied = {start for start, _, _ in self._lexicon.negated_by.matches(said.words)}
        for start, end, phrase in self._lexicon.phrases.matches(said.words):
            weight = _weight_there(phrase, said.speaker)
            if not weight or (phrase.tactic is not None and start in elsewhere):
                continue
            if phrase.negatable and (
                end in denied
                or self._negated(said.words, start)
                or self._negated_within(said.words[start:end], phrase)
            ):
                continue
            yield _Finding(said, start, end, phrase.pattern.text, phrase.tactic, phrase.types, weight)

    def _negated(self, words: Words, start: int) -> bool:
        """Whether a negator governs the word at `start`: only linking words stand between."""
        lexicon = self._lexicon
        for position in range(start - 1, max(-1, start - 1 - lexicon.negation_reach), -1):
            word = words[position]
            if word in lexicon.negators:
                question = words[position + 1] in lexicon.negation_not_before
                condition = position > 0 and words[position - 1] in lexicon.negation_not_after
                return not (question or condition)
            if word not in lexicon.negation_links:
                return False
        return False

    def _negated_within(self, words: Words, phrase: Phrase) -> bool:
        """Whether a gap of the phrase took a negator: 'nennen sie mir nicht die pin'."""
        return any(word in self._lexicon.negators and not phrase.pattern.names(word) for word in words)

    def _reported(self, words: Words) -> set[int]:
        """Positions where words are about somebody else's call: just after 'if anyone asks you'."""
        reach = self._lexicon.reported_words
        return {
            position
            for _, end, _ in self._lexicon.reported.matches(words)
            for position in range(end, end + reach)
        }

    def _digits_read_out(self, said: _Said) -> Iterator[_Finding]:
        start = digits = 0
        for position, word in enumerate((*said.words, "")):
            if word.isdigit() or word in self._lexicon.digit_words:
                start = start if digits else position
                digits += len(word) if word.isdigit() else 1
                continue
            if digits >= CARD_DIGITS:
                yield _Finding(said, start, position, "digits", Tactic.CREDENTIALS, (), DIGITS_WEIGHT)
            digits = 0


def _said(turn: Turn) -> _Said:
    spoken = tuple(turn.text.split())
    pieces = [(piece, place) for place, raw in enumerate(spoken) for piece in normalise(raw).split()]
    words = tuple(normalise(turn.text).split())
    origin: list[int] = []
    used = 0
    for word in words:
        origin.append(pieces[used][1])
        length = 0
        while length < len(word):  # a word that was spelled out has a piece a letter
            length += len(pieces[used][0])
            used += 1
    return _Said(turn.speaker, spoken, words, tuple(origin))


def _weight_there(phrase: Phrase, speaker: Speaker) -> float:
    """The phrase's weight in this speaker's mouth; 0 where it doesn't count."""
    if phrase.speaker is speaker:
        return phrase.weight
    return ECHO * phrase.weight if phrase.speaker is Speaker.CALLER and phrase.tactic is not None else 0.0


def _distinct(findings: Iterable[_Finding]) -> list[_Finding]:
    """The strongest findings first, each phrase once and no two of one tactic over the same words."""
    kept: list[_Finding] = []
    names: set[str] = set()
    for finding in sorted(findings, key=lambda f: -f.weight):
        if finding.name in names or any(k.tactic is finding.tactic and k.overlaps(finding) for k in kept):
            continue
        names.add(finding.name)
        kept.append(finding)
    return kept


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


def _fraud_type(findings: Iterable[_Finding]) -> FraudType | None:
    """The type whose phrases weigh most."""
    totals: dict[FraudType, float] = {}
    for finding in findings:
        for name in finding.types:
            totals[name] = totals.get(name, 0.0) + finding.weight
    return max(totals, key=lambda name: (totals[name], name)) if totals else None


def _evidence(finding: _Finding) -> Evidence:
    weight = finding.weight if finding.tactic is not None else -finding.weight
    return Evidence(
        speaker=finding.said.speaker,
        quotation=finding.said.quoted(finding.start, finding.end),
        tactic=finding.tactic,
        weight=round(weight, 3),
    )
