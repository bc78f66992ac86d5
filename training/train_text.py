"""`make train-text`: fits the local scorer to the authored dialogues' training part and writes its model.

Every turn is read by the code that reads it on a call. Taggers are fitted first; the call's model then sees,
of each call, tags from taggers that never saw it (folds by scenario), as it will on a new call. It is fitted
on calls as they grow, scams from the turn on where a careful person would know. Where a warning starts is set
on calls held out in turn; the validation part is looked at by `callguard evaluate text` alone.

    python -m training.train_text [--out FILE] [--seed N]
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, hstack
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from callguard.analysis.encoder import Encoder
from callguard.analysis.features import (
    BUCKETS,
    PHRASES,
    TACTICS,
    TAGS,
    Floats,
    TurnFeatures,
    TurnReader,
    bag,
    dense,
)
from callguard.analysis.phrases import load_lexicon, versions
from callguard.analysis.text_model import FILE, TYPES, TextModel
from callguard.domain.transcript import Speaker, Turn
from training.dialogue_counts import TEXTS, Dialogue, read

NAME = "text-1"
FOLDS = 5
TAG_C, REPLY_C, TYPE_C, CALL_C = 0.01, 0.001, 0.01, 10.0
SMOOTHING = 30.0
"""A call's first turns are few words; this much of a length is added to theirs so that they shout less."""
FINAL_SHARE = 0.5
"""A call's weight that lies on the whole of it; the rest is spread over its beginnings."""
TAG_SCALE, PHRASE_SCALE, MEANING_SCALE = 0.3, 0.02, 0.02
"""How freely the call's model may use each kind of feature. Phrases least: the Spanish, French, German and
Portuguese lexica were written by who had read the training part, and promise more there than they keep."""
FALSE_ALARMS = 0.15
"""The share of hard honest calls, held out in turn, that a warning may be sent for."""
BREAKS = {"rapport", "reassurance", "authority"}
"""Tactics that by themselves make no turn a fraud's."""

Rows = NDArray[np.intp]
Sparse = Any
"""A matrix of scipy.sparse, which has no types."""


@dataclass(frozen=True, slots=True)
class Call:
    """A dialogue and its turns' features."""

    dialogue: Dialogue
    turns: tuple[TurnFeatures, ...]

    @property
    def is_scam(self) -> bool:
        return bool(self.dialogue["label"] == "scam")

    @property
    def group(self) -> str:
        """What must not be parted between fitting and measuring."""
        return f"{self.dialogue['lang']} {self.dialogue['pair'] or self.dialogue['scenario']}"


def calls(split: str = "train") -> list[Call]:
    """The dialogues of a split, read turn by turn."""
    encoder = Encoder()
    found: list[Call] = []
    for folder in sorted(path for path in TEXTS.iterdir() if path.is_dir()):
        reader = TurnReader(folder.name, load_lexicon(folder.name), encoder)
        for dialogue in read(folder):
            if dialogue["split"] == split:
                spoken = (Turn(Speaker(t["speaker"]), t["text"]) for t in dialogue["turns"])
                found.append(Call(dialogue, tuple(reader.read(turn) for turn in spoken)))
    return found


@dataclass(frozen=True, slots=True)
class Linear:
    """A fitted logistic regression over features as they come, its standardisation folded in."""

    weights: Floats
    bias: float

    def log_odds(self, features: NDArray[np.floating[Any]]) -> Floats:
        return np.asarray(features @ self.weights + self.bias)


def linear(features: Floats, labels: NDArray[np.bool_], c: float) -> Linear:
    """Fits one, features standardised. Labels of one kind give their share, smoothed, whatever is seen."""
    if labels.all() or not labels.any():
        share = (labels.sum() + 1) / (len(labels) + 2)
        return Linear(np.zeros(features.shape[1]), float(np.log(share / (1 - share))))
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    fitted = LogisticRegression(C=c, max_iter=200).fit((features - mean) / spread, labels)
    weights = fitted.coef_[0] / spread
    return Linear(weights, float(fitted.intercept_[0] - weights @ mean))


@dataclass(frozen=True, slots=True)
class Taggers:
    """The first stage: a tagger a tactic, one for a fraud's turns, one for its victim's replies."""

    tags: list[Linear]
    replies: Linear

    def of(self, call: Call) -> tuple[list[Floats], list[float]]:
        """What they say of a call's turns: of each caller's turn all tags, of each callee's the odds."""
        tagged, replied = [], []
        for turn in call.turns:
            if turn.turn.speaker is Speaker.CALLER:
                odds = np.array([float(tagger.log_odds(turn.meaning)) for tagger in self.tags])
                tagged.append(1 / (1 + np.exp(-odds)))
            else:
                replied.append(float(self.replies.log_odds(turn.meaning)))
        return tagged, replied


def fit_taggers(chosen: Sequence[Call]) -> Taggers:
    """Fits all taggers to these calls' turns."""
    meanings: dict[Speaker, list[Floats]] = {Speaker.CALLER: [], Speaker.CALLEE: []}
    marks: list[set[str]] = []
    scams: dict[Speaker, list[bool]] = {Speaker.CALLER: [], Speaker.CALLEE: []}
    for call in chosen:
        for turn, told in zip(call.turns, call.dialogue["turns"], strict=True):
            meanings[turn.turn.speaker].append(turn.meaning.astype(np.float64))
            scams[turn.turn.speaker].append(call.is_scam)
            if turn.turn.speaker is Speaker.CALLER:
                marks.append(set(told["tactics"]))
    spoken = np.array(meanings[Speaker.CALLER])
    names = [tactic.value if tactic else "reassurance" for tactic in TACTICS]
    labels = [np.array([name in mark for mark in marks]) for name in names]
    of_fraud = zip(scams[Speaker.CALLER], marks, strict=True)
    labels.append(np.array([scam and bool(mark - BREAKS) for scam, mark in of_fraud]))
    replies = linear(np.array(meanings[Speaker.CALLEE]), np.array(scams[Speaker.CALLEE]), REPLY_C)
    return Taggers([linear(spoken, label, TAG_C) for label in labels], replies)


@dataclass(frozen=True, slots=True)
class Table:
    """Calls as they grow: a row for each turn of each call. `at`: its call; `place`: how far it has come."""

    words: Sparse
    dense: Floats
    at: Rows
    place: Rows


def grow(chosen: Sequence[Call], taggers: Sequence[Taggers]) -> Table:
    """The table of these calls, each tagged by its own taggers."""
    bags, rows, at, place = [], [], [], []
    for number, (call, own) in enumerate(zip(chosen, taggers, strict=True)):
        tagged, replied = own.of(call)
        callers = callees = 0
        for length, turn in enumerate(call.turns, start=1):
            callers += turn.turn.speaker is Speaker.CALLER
            callees += turn.turn.speaker is Speaker.CALLEE
            bags.append(bag(call.turns[:length]))
            rows.append(dense(call.turns[:length], tagged[:callers], replied[:callees]))
            at.append(number)
            place.append(length - 1)
    ends = np.cumsum([0, *(len(buckets) for buckets, _ in bags)])
    buckets = np.concatenate([buckets for buckets, _ in bags])
    values = np.concatenate([heard for _, heard in bags])
    words = csr_matrix((values, buckets, ends), shape=(len(bags), BUCKETS))
    return Table(words, np.array(rows), np.array(at), np.array(place))


@dataclass(frozen=True, slots=True)
class CallModel:
    """The second stage, as `TextModel` stores it."""

    rarity: Floats
    word_weights: Floats
    dense_weights: Floats
    bias: float

    def log_odds(self, table: Table) -> Floats:
        words = _in_length(table.words, self.rarity)
        return np.asarray(words @ self.word_weights + table.dense @ self.dense_weights + self.bias)


def _in_length(words: Sparse, rarity: Floats) -> Sparse:
    weighted = words @ diags(rarity)
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel() + SMOOTHING**2)
    return diags(1 / length) @ weighted


def fit_call_model(chosen: Sequence[Call], table: Table) -> CallModel:
    """Fits the call's model to a table of these calls."""
    lengths = np.array([len(call.turns) for call in chosen])
    whole = table.place == lengths[table.at] - 1
    found = np.asarray((table.words[whole] > 0).sum(axis=0)).ravel()
    rarity = np.where(found >= 2, np.log((1 + len(chosen)) / (1 + found)) + 1, 0.0)

    meaning = table.dense.shape[1] - TAGS - PHRASES
    scale = np.repeat([TAG_SCALE, PHRASE_SCALE, MEANING_SCALE], [TAGS, PHRASES, meaning])
    mean, spread = table.dense.mean(axis=0), table.dense.std(axis=0) + 1e-6
    features = hstack([_in_length(table.words, rarity), csr_matrix((table.dense - mean) / spread * scale)])
    labels = np.array([call.is_scam for call in chosen])[table.at]
    weights = _weights(chosen, table, whole)
    used = weights > 0
    fitted = LogisticRegression(C=CALL_C, max_iter=300, tol=1e-6).fit(
        features.tocsr()[used], labels[used], sample_weight=weights[used]
    )
    of_dense = fitted.coef_[0][BUCKETS:] * scale / spread
    bias = float(fitted.intercept_[0] - of_dense @ mean)
    return CallModel(rarity, fitted.coef_[0][:BUCKETS], of_dense, bias)


def _weights(chosen: Sequence[Call], table: Table, whole: NDArray[np.bool_]) -> Floats:
    """What each row counts: calls alike, languages and labels alike, a scam only from its telling turn on."""
    telling = np.array([call.dialogue["telling_turn"] if call.is_scam else 0 for call in chosen])
    counts = (table.place >= telling[table.at]) & (table.place >= 1)
    rows = np.bincount(table.at[counts], minlength=len(chosen))
    weights = np.where(counts, (1 - FINAL_SHARE) / np.maximum(rows[table.at], 1), 0.0) + FINAL_SHARE * whole
    kinds = [f"{call.dialogue['lang']} {call.is_scam}" for call in chosen]
    for kind in set(kinds):
        of_kind = np.array([k == kind for k in kinds])[table.at]
        weights[of_kind] *= len(chosen) / len(set(kinds)) / weights[of_kind].sum()
    return np.asarray(weights)


def folds(chosen: Sequence[Call], seed: int) -> Iterator[tuple[Rows, Rows]]:
    """What to fit on and what to hold out, in turn; scenarios and pairs stay whole."""
    split = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    yield from split.split(list(chosen), groups=[call.group for call in chosen])


def held_out(chosen: Sequence[Call], table: Table, seed: int) -> Floats:
    """Each call's highest log odds by a model that was fitted without it."""
    peaks = np.full(len(chosen), -np.inf)
    for fit, hold in folds(chosen, seed + 1):
        model = fit_call_model([chosen[i] for i in fit], _part(table, fit))
        part = _part(table, hold)
        np.maximum.at(peaks, hold[part.at], model.log_odds(part))
    return peaks


def _part(table: Table, wanted: Rows) -> Table:
    order = np.full(table.at.max() + 1, -1)
    order[wanted] = np.arange(len(wanted))
    rows = order[table.at] >= 0
    return Table(table.words[rows], table.dense[rows], order[table.at[rows]], table.place[rows])


def fit_types(chosen: Sequence[Call]) -> tuple[Floats, Floats]:
    """Weights [types, D] and bias of which fraud a scam is, from the mean meaning of the caller's turns."""
    scams = [call for call in chosen if call.is_scam]
    spoken = np.array(
        [
            np.mean([t.meaning for t in call.turns if t.turn.speaker is Speaker.CALLER], axis=0)
            for call in scams
        ]
    )
    mean, spread = spoken.mean(axis=0), spoken.std(axis=0) + 1e-6
    names = np.array([call.dialogue["type"] for call in scams])
    fitted = LogisticRegression(C=TYPE_C, max_iter=500).fit((spoken - mean) / spread, names)
    weights, bias = np.zeros((len(TYPES), spoken.shape[1])), np.full(len(TYPES), -1e4)
    for name, row, offset in zip(fitted.classes_, fitted.coef_ / spread, fitted.intercept_, strict=True):
        weights[TYPES.index(name)] = row
        bias[TYPES.index(name)] = offset - row @ mean
    return weights, bias


def train(chosen: Sequence[Call], seed: int) -> TextModel:
    """The whole model."""
    own: dict[int, Taggers] = {}
    for fit, hold in folds(chosen, seed):
        own.update(dict.fromkeys(hold.tolist(), fit_taggers([chosen[i] for i in fit])))
    table = grow(chosen, [own[number] for number in range(len(chosen))])
    peaks = held_out(chosen, table, seed)
    scams = np.array([call.is_scam for call in chosen])
    hard = np.array([call.dialogue["hard"] for call in chosen])
    scaling = LogisticRegression(C=1e6).fit(peaks[:, None], scams)  # Platt 1999

    model, taggers = fit_call_model(chosen, table), fit_taggers(chosen)
    type_weights, type_bias = fit_types(chosen)
    known = np.flatnonzero(model.rarity)
    languages = sorted({call.dialogue["lang"] for call in chosen})
    return TextModel(
        name=NAME,
        encoder=Encoder().version,
        lexica=versions(load_lexicon(language) for language in languages),
        tag_weights=np.array([tagger.weights for tagger in taggers.tags]),
        tag_bias=np.array([tagger.bias for tagger in taggers.tags]),
        reply_weights=taggers.replies.weights,
        reply_bias=taggers.replies.bias,
        type_weights=type_weights,
        type_bias=type_bias,
        buckets=known.astype(np.int32),
        rarity=model.rarity[known],
        word_weights=model.word_weights[known],
        dense_weights=model.dense_weights,
        bias=model.bias,
        smoothing=SMOOTHING,
        slope=float(scaling.coef_[0, 0]),
        suspect_at=float(np.quantile(peaks[hard & ~scams], 1 - FALSE_ALARMS)),
    )


def main() -> None:
    """Trains and stores the model, and says what it is made of."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chosen = calls()
    print(f"Read {len(chosen)} dialogues.")
    model = train(chosen, options.seed)
    model.save(options.out)
    print(
        f"{model.name}: {len(model.buckets)} words and pairs, {len(model.dense_weights)} dense features; a"
        f" warning starts at log odds {model.suspect_at:.2f}, slope {model.slope:.2f};"
        f" {options.out.stat().st_size / 1e6:.2f} MB in {options.out.name}"
    )


if __name__ == "__main__":
    main()
