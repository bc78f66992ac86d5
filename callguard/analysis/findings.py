"""What a lexicon finds in a turn: its phrases where they stand, denied and reported ones left out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from callguard.analysis.phrases import Lexicon, Phrase, Words
from callguard.domain.signals import Evidence, FraudType, Tactic
from callguard.domain.transcript import Speaker, Turn
from callguard.domain.words import normalise

ECHO = 0.35
"""What the caller's phrases count in the callee's mouth: a victim who repeats them shows what was said."""
CARD_DIGITS = 12
"""A run of digits this long that the callee reads out is no telephone number."""
DIGITS_WEIGHT = 0.6
CONTEXT_WORDS = 3
MAX_EVIDENCE = 12


@dataclass(frozen=True, slots=True)
class Said:
    """One turn as it was spoken and as the words are compared; `origin` is each word's place in `spoken`."""

    speaker: Speaker
    spoken: tuple[str, ...]
    words: Words
    origin: tuple[int, ...]

    def quoted(self, start: int, end: int) -> str:
        first, last = self.origin[start], self.origin[end - 1]
        return " ".join(self.spoken[max(0, first - CONTEXT_WORDS) : last + 1 + CONTEXT_WORDS])


@dataclass(frozen=True, slots=True)
class Finding:
    """A phrase found in a turn, with the weight it has there."""

    said: Said
    start: int
    end: int
    name: str
    tactic: Tactic | None
    types: tuple[FraudType, ...]
    weight: float

    def __len__(self) -> int:
        return self.end - self.start

    def overlaps(self, other: "Finding") -> bool:
        return self.said is other.said and self.start < other.end and other.start < self.end


class Reader:
    """Finds a lexicon's phrases in what was said. Deterministic; keeps nothing between calls."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon

    @property
    def version(self) -> str:
        """The lexicon's version, such as 'en-1'."""
        return self._lexicon.version

    def findings(self, turn: Turn) -> Iterator[Finding]:
        """The phrases that count in this turn; one that lies within words against a fraud doesn't."""
        said = _said(turn)
        matches = list(self._matches(said))
        against = [m for m in matches if m.tactic is None]
        for match in matches:
            if match.tactic is None or not any(a.overlaps(match) and len(a) >= len(match) for a in against):
                yield match
        if said.speaker is Speaker.CALLEE:
            yield from self._digits_read_out(said)

    def addresses_listener(self, turn: Turn) -> bool:
        """Whether the caller says what is meant for a machine that listens, or honestly speaks of one."""
        words = tuple(normalise(turn.text).split())
        return turn.speaker is Speaker.CALLER and any(self._lexicon.listener.matches(words))

    def _matches(self, said: Said) -> Iterator[Finding]:
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
            yield Finding(said, start, end, phrase.pattern.text, phrase.tactic, phrase.types, weight)

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

    def _digits_read_out(self, said: Said) -> Iterator[Finding]:
        start = digits = 0
        for position, word in enumerate((*said.words, "")):
            if word.isdigit() or word in self._lexicon.digit_words:
                start = start if digits else position
                digits += len(word) if word.isdigit() else 1
                continue
            if digits >= CARD_DIGITS:
                yield Finding(said, start, position, "digits", Tactic.CREDENTIALS, (), DIGITS_WEIGHT)
            digits = 0


def _said(turn: Turn) -> Said:
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
    return Said(turn.speaker, spoken, words, tuple(origin))


def _weight_there(phrase: Phrase, speaker: Speaker) -> float:
    """The phrase's weight in this speaker's mouth; 0 where it doesn't count."""
    if phrase.speaker is speaker:
        return phrase.weight
    return ECHO * phrase.weight if phrase.speaker is Speaker.CALLER and phrase.tactic is not None else 0.0


def distinct(findings: Iterable[Finding]) -> list[Finding]:
    """The strongest findings first, each phrase once and no two of one tactic over the same words."""
    kept: list[Finding] = []
    names: set[str] = set()
    for finding in sorted(findings, key=lambda f: -f.weight):
        if finding.name in names or any(k.tactic is finding.tactic and k.overlaps(finding) for k in kept):
            continue
        names.add(finding.name)
        kept.append(finding)
    return kept


def evidence_of(finding: Finding) -> Evidence:
    """The finding as it is kept with a verdict and shown."""
    weight = finding.weight if finding.tactic is not None else -finding.weight
    return Evidence(
        speaker=finding.said.speaker,
        quotation=finding.said.quoted(finding.start, finding.end),
        tactic=finding.tactic,
        weight=round(weight, 3),
    )
