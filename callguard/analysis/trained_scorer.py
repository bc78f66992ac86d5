"""The local scorer that ships: a small trained model over words, phrases and meaning, in five languages."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from callguard.analysis.encoder import Encoder
from callguard.analysis.features import TACTICS, TURNS_KEPT, Floats, TurnFeatures, TurnReader, bag, dense
from callguard.analysis.findings import MAX_EVIDENCE, distinct, evidence_of
from callguard.analysis.local_scorer import LocalScorer
from callguard.analysis.phrases import LANGUAGES_WITH_LEXICON, load_lexicon, versions
from callguard.analysis.text_model import TextModel
from callguard.domain.signals import Evidence, LocalScore, Tactic
from callguard.domain.transcript import Speaker, Turn, Utterance, turns

SHOWN_FROM = 0.4
"""The probability from which a tactic that no phrase names is told."""
QUOTED_WORDS = 18
FEW_WORDS = 120
"""The model has learnt from conversations, and careful ones. Up to so many words of a caller whom nobody has
answered are a recording or a message, and left to the phrases; beyond, the higher of both counts."""
LEAST_WORDS = 20
"""Of the caller's: before so many the model would judge a greeting."""
CERTAIN = 90
"""What the phrases are this sure of counts in a conversation of few words too: a blatant fraud."""

Read = tuple[TurnFeatures, Floats]
"""A turn's features, with the caller's tags or, one number, the odds of the callee's reply."""


class TrainedScorer:
    """Scores growing transcripts. Deterministic; what it keeps of turns is in memory and bounded."""

    def __init__(self, model: TextModel, encoder: Encoder) -> None:
        self._model = model
        lexica = {language: load_lexicon(language) for language in LANGUAGES_WITH_LEXICON}
        self._stands_on = {"encoder": encoder.version, "lexica": versions(lexica.values())}
        self._readers = {
            language: TurnReader(language, lexicon, encoder) for language, lexicon in lexica.items()
        }
        self._phrases = {language: LocalScorer(lexicon) for language, lexicon in lexica.items()}
        self._read = lru_cache(TURNS_KEPT)(self._read_anew)

    @property
    def version(self) -> str:
        """The model's name, such as 'text-1'."""
        return self._model.name

    def mismatches(self) -> list[str]:
        """What the model was fitted to and is not what it stands on now: 'encoder', 'lexica'."""
        return [name for name, now in self._stands_on.items() if getattr(self._model, name) != now]

    def score(self, utterances: Sequence[Utterance], language: str = "en") -> LocalScore:
        """The score of the words so far. Partial words move the phrases alone: a turn's first words mean
        anything, and the model has learnt from whole ones.
        """
        said = turns(utterances)
        if not said:
            return LocalScore(0, None, {}, (), f"{self.version}, no words")
        if language not in self._readers:
            return LocalScore(0, None, {}, (), f"{self.version}, no {language}")
        reader = self._readers[language]
        found = (f for turn in said for f in reader.findings(turn))
        by_phrases = replace(self._phrases[language].score_of(found), model=self.version)
        settled = turns(utterance for utterance in utterances if utterance.is_final)
        read = [self._read(language, turn) for turn in settled]
        for growing in said[-2:]:  # one a speaker
            reader.expect(growing)
        answered = any(turn.speaker is Speaker.CALLEE for turn in said)
        few = _words(said) <= FEW_WORDS
        if (few and not answered) or _words(t for t in settled if t.speaker is Speaker.CALLER) < LEAST_WORDS:
            return by_phrases
        trained = self._conversation(read)
        # Who talks to the machine that listens is judged by whichever is stricter.
        strictly = any(reader.addresses_listener(turn) for turn in said)
        certain = not answered or strictly or (few and by_phrases.risk >= CERTAIN)
        return max(trained, by_phrases, key=lambda score: score.risk) if certain else trained

    def _conversation(self, read: Sequence[Read]) -> LocalScore:
        tagged = [tags for features, tags in read if features.turn.speaker is Speaker.CALLER]
        replies = [float(tags[0]) for features, tags in read if features.turn.speaker is Speaker.CALLEE]
        features = [features for features, _ in read]
        seen = dense(features, tagged, replies)
        return LocalScore(
            risk=self._model.risk(self._model.log_odds(bag(features), seen)),
            fraud_type=self._model.fraud_type(_meaning(features)) if tagged else None,
            tactics=_tactics(read),
            evidence=tuple(_evidence(read)),
            model=self.version,
        )

    def _read_anew(self, language: str, turn: Turn) -> Read:
        features = self._readers[language].read(turn)
        if turn.speaker is Speaker.CALLER:
            return features, self._model.tags(features.meaning)
        return features, np.array([self._model.reply(features.meaning)])


def _words(said: Iterable[Turn]) -> int:
    return sum(len(turn.text.split()) for turn in said)


def _meaning(features: Iterable[TurnFeatures]) -> Floats:
    """The mean meaning of the caller's turns."""
    spoken = [turn.meaning for turn in features if turn.turn.speaker is Speaker.CALLER]
    return np.asarray(np.mean(spoken, axis=0, dtype=np.float64))


def _tactics(read: Iterable[Read]) -> dict[Tactic, float]:
    """Each tactic's strength 0-1, by the phrases and by the tags that are sure enough to be told."""
    missing = np.ones(len(TACTICS))
    for features, tags in read:
        if features.turn.speaker is Speaker.CALLER:
            shown = np.where(tags[:-1] >= SHOWN_FROM, tags[:-1], 0.0)
            missing *= (1 - features.phrases) * (1 - shown)
    return {
        tactic: round(float(1 - left), 3)
        for tactic, left in zip(TACTICS, missing, strict=True)
        if tactic is not None and left < 1
    }


def _evidence(read: Sequence[Read]) -> list[Evidence]:
    """The phrases found, the strongest first; then turns whose tactic no phrase of theirs names."""
    findings = distinct(finding for features, _ in read for finding in features.findings)
    named = [evidence_of(finding) for finding in findings[:MAX_EVIDENCE]]
    return [*named, *sorted(_tagged(read), key=lambda e: -e.weight)][:MAX_EVIDENCE]


def _tagged(read: Iterable[Read]) -> Iterator[Evidence]:
    for features, tags in read:
        if features.turn.speaker is not Speaker.CALLER:
            continue
        place = int(np.argmax(tags[:-1]))
        tactic = TACTICS[place]
        if tactic is not None and tags[place] >= SHOWN_FROM and not features.phrases[place]:
            words = " ".join(features.turn.text.split()[-QUOTED_WORDS:])
            yield Evidence(Speaker.CALLER, words, tactic, round(float(tags[place]), 3))
