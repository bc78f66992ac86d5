"""What the trained scorer sees of a call: of each turn by itself, and of all turns so far together.

A turn is read three ways: its words and pairs of words (and the beginnings of long ones, which bears
inflection and slips of a recogniser) hashed into buckets; the lexicon's phrases by tactic; and its meaning as
a vector of the text encoder. Reading a turn costs milliseconds and depends on nothing but the turn, so that
it is done once and kept while the call grows.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from callguard.analysis.encoder import Encoder
from callguard.analysis.findings import Finding, Reader
from callguard.analysis.phrases import Lexicon
from callguard.domain.signals import Tactic
from callguard.domain.transcript import Speaker, Turn
from callguard.domain.words import normalise

Floats = NDArray[np.float64]

TURNS_KEPT = 4096
"""Turns whose features stay in memory, so that an update reads the newest turn alone."""
BUCKETS = 1 << 18
STEM, ROOT = 4, 5
RECENT = 3
"""An ask and its pressure stand close together: the caller's last turns are looked at by themselves too."""

TACTICS = (*Tactic, None)
"""The order of tactics in every array; the last, None, is what speaks against a fraud."""
TAGS, PHRASES = 59, 38
"""How many of the dense features come of tags and replies, and how many, after them, of phrases."""
ASK = (Tactic.PAYMENT, Tactic.CREDENTIALS, Tactic.REMOTE_ACCESS)
STORY = (Tactic.AUTHORITY, Tactic.LURE, Tactic.FAMILY_EMERGENCY, Tactic.RAPPORT)
PRESSURE = (Tactic.FEAR, Tactic.URGENCY)
ISOLATION = (Tactic.SECRECY, Tactic.DEFLECTION)


@dataclass(frozen=True, slots=True)
class TurnFeatures:
    """A turn as it was read. `buckets` int32 [n], sorted, with `counts` [n]; `phrases` [13], the lexicon's
    strength 0-1 by `TACTICS`; `meaning` float32 [encoder's size].
    """

    turn: Turn
    buckets: NDArray[np.int32]
    counts: NDArray[np.int64]
    findings: tuple[Finding, ...]
    phrases: Floats
    meaning: NDArray[np.float32]


class TurnReader:
    """Reads turns of one language. `findings` and `addresses_listener` of a turn cost less than `read`."""

    def __init__(self, language: str, lexicon: Lexicon, encoder: Encoder) -> None:
        self._language = language
        self._phrases = Reader(lexicon)
        self._encoder = encoder
        self.findings = lru_cache(TURNS_KEPT)(self._find)
        self.addresses_listener = lru_cache(TURNS_KEPT)(self._phrases.addresses_listener)

    def _find(self, turn: Turn) -> tuple[Finding, ...]:
        return tuple(self._phrases.findings(turn))

    def expect(self, turn: Turn) -> None:
        """Does ahead what can be done of reading a turn that still grows."""
        self._encoder.expect(turn.text)

    def read(self, turn: Turn) -> TurnFeatures:
        """The features of one turn."""
        hashed = [zlib.crc32(gram.encode()) % BUCKETS for gram in self._grams(turn)]
        buckets, counts = np.unique(np.array(hashed, dtype=np.int32), return_counts=True)
        findings = self.findings(turn)
        phrases = np.zeros(len(TACTICS))
        for finding in findings:
            place = TACTICS.index(finding.tactic)
            phrases[place] = 1 - (1 - phrases[place]) * (1 - finding.weight)
        return TurnFeatures(turn, buckets, counts, findings, phrases, self._encoder.encode(turn.text))

    def _grams(self, turn: Turn) -> Iterable[str]:
        """Each party's words apart: what the callee answers tells as much as what the caller asks."""
        words = normalise(turn.text).split()
        party = "<" if turn.speaker is Speaker.CALLEE else ">"
        spoken = self._language + party
        for word in words:
            yield spoken + word
            if len(word) > STEM:
                yield f"p{spoken}{word[:STEM]}"
                yield f"P{party}{word[:ROOT]}"
        for one, other in pairwise(words):
            yield f"{spoken}{one}_{other}"


def bag(read: Sequence[TurnFeatures]) -> tuple[NDArray[np.int32], Floats]:
    """The call's words so far: the buckets that occur and 1 + ln of how often (Salton & Buckley 1988)."""
    if not read:
        return np.zeros(0, np.int32), np.zeros(0)
    every = np.concatenate([turn.buckets for turn in read])
    counts = np.concatenate([turn.counts for turn in read])
    buckets, places = np.unique(every, return_inverse=True)
    return buckets, 1 + np.log(np.bincount(places, weights=counts))


def dense(read: Sequence[TurnFeatures], tagged: Sequence[Floats], replies: Sequence[float]) -> Floats:
    """Everything about a call so far but its single words, float64 [n].

    `tagged`: of each caller's turn the probability 0-1 of each of `TACTICS` and, last, that it is a fraud's
    turn. `replies`: of each callee's turn the log odds that a fraud's victim speaks.
    """
    callers = [turn for turn in read if turn.turn.speaker is Speaker.CALLER]
    callees = [turn for turn in read if turn.turn.speaker is Speaker.CALLEE]
    size = read[0].meaning.shape[0] if read else 0
    tags = np.array(tagged) if tagged else np.full((1, len(TACTICS) + 1), 0.02)
    heard, lately = _any(tags[:, :-1]), _any(tags[-RECENT:, :-1])
    said = _any(np.array([turn.phrases for turn in callers] or [np.zeros(len(TACTICS))]))
    echoed = _any(np.array([turn.phrases for turn in callees] or [np.zeros(len(TACTICS))]))
    meaning = np.mean([turn.meaning for turn in callers], axis=0) if callers else np.zeros(size)
    return np.concatenate([
        heard, _together(heard), lately, _together(lately),
        _ranked(log_odds(tags[:, -1])), log_odds(tags[-1:, -1]),
        _ranked(np.array(replies)) if replies else np.zeros(4),
        said, _together(said), echoed,
        meaning,
    ])  # fmt: skip


def log_odds(probabilities: Floats) -> Floats:
    """ln(p / (1 - p)), of at most 0.999 and at least 0.001."""
    clipped = np.clip(probabilities, 1e-3, 1 - 1e-3)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _any(strengths: Floats) -> Floats:
    """That at least one of the rows holds, as independent chances (noisy-or)."""
    return np.asarray(1 - np.prod(1 - strengths, axis=0))


def _ranked(values: Floats) -> Floats:
    """The greatest, the means of the two and three greatest, and the mean of all."""
    ordered = np.sort(values)[::-1]
    return np.array([ordered[0], ordered[:2].mean(), ordered[:3].mean(), ordered.mean()])


def _together(strengths: Floats) -> Floats:
    """What combines: an ask with pressure, isolation or a story; and relief where nothing is asked."""
    by_tactic = dict(zip(TACTICS, strengths, strict=True))

    def one_of(kind: tuple[Tactic, ...]) -> float:
        return float(1 - np.prod([1 - by_tactic[tactic] for tactic in kind]))

    ask, story, pressure, isolation = map(one_of, (ASK, STORY, PRESSURE, ISOLATION))
    relief = by_tactic[None]
    return np.array([
        ask, pressure, isolation, story, ask * pressure, ask * isolation, ask * pressure * isolation,
        ask * story, pressure * isolation, story * isolation, relief * (1 - ask), relief,
    ])  # fmt: skip
