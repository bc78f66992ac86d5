"""When a voice is news, and what several comparisons say together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.scoring import SPEECH_ENOUGH_S, Verdict, fuse
from callguard.domain.signals import Deepfake, KnownVoice, LocalScore, SignalState, VoiceMatch
from callguard.domain.voice_reading import Likeness, VoiceReading, best_of, is_news, likeness_is_news

scores = st.floats(0, 1)
seconds = st.floats(0, 600)


def measured(score: float, speech_s: float = 20.0) -> VoiceReading:
    return VoiceReading(SignalState.MEASURED, speech_s, 9, "m", score, 0.0, 1.0)


def silent(state: SignalState, reason: str) -> VoiceReading:
    return VoiceReading(state, 1.0, 0, "m", reason=reason)


@pytest.mark.parametrize(
    ("told", "now", "news"),
    [
        (None, measured(0.1), True),
        (measured(0.60), measured(0.64), False),
        (measured(0.60), measured(0.66), True),
        (measured(0.10), measured(0.20), False),  # neither weighs anything
        (measured(0.10), measured(0.26), True),
        (measured(0.45), measured(0.51), True),
        (measured(0.9, 4.0), measured(0.9, 6.0), False),
        (measured(0.9, 4.0), measured(0.9, 8.0), True),
        (measured(0.9, 8.0), measured(0.9, 10.0), True),  # from here on it counts wholly
        (measured(0.9, 10.0), measured(0.9, 500.0), False),
        (silent(SignalState.UNSUITABLE, "MUSIC"), measured(0.5), True),
        (silent(SignalState.UNSUITABLE, "MUSIC"), silent(SignalState.UNSUITABLE, "TONES"), True),
        (silent(SignalState.UNSUITABLE, "MUSIC"), silent(SignalState.UNSUITABLE, "MUSIC"), False),
    ],
)
def test_what_is_news(told: VoiceReading | None, now: VoiceReading, news: bool) -> None:
    assert is_news(told, now) is news


@given(scores, seconds, scores, seconds)
def test_what_is_no_news_moves_no_verdict_by_more_than_a_few_points(
    before: float, before_s: float, after: float, after_s: float
) -> None:
    told, now = measured(before, before_s), measured(after, after_s)
    if before_s >= SPEECH_ENOUGH_S and after_s >= before_s and not is_news(told, now):
        words = LocalScore(40, None, {}, (), "m")
        risks = [fuse([words, Deepfake(score, SPEECH_ENOUGH_S, "m")]).risk for score in (before, after)]
        assert abs(risks[0] - risks[1]) <= 5


@given(scores, seconds)
def test_a_voice_alone_is_unsure_at_the_most(score: float, speech_s: float) -> None:
    assessment = fuse([LocalScore(0, None, {}, (), "m"), Deepfake(score, speech_s, "m")])
    assert assessment.verdict in {Verdict.SAFE, Verdict.UNSURE}
    assert assessment.level is None


@pytest.mark.parametrize("match", list(VoiceMatch))
def test_a_known_voice_alone_is_unsure_at_the_most(match: VoiceMatch) -> None:
    assert fuse([LocalScore(0, None, {}, (), "m"), KnownVoice(match, 0.5, "m")]).level is None


def test_likenesses_are_news_when_they_mean_something_else_or_moved() -> None:
    first = Likeness(VoiceMatch.SAME, 0.6, "m")
    assert likeness_is_news(None, first)
    assert not likeness_is_news(first, Likeness(VoiceMatch.SAME, 0.7, "m"))
    assert likeness_is_news(first, Likeness(VoiceMatch.SAME, 0.8, "m"))
    assert likeness_is_news(first, Likeness(VoiceMatch.UNDECIDED, 0.6, "m"))
    assert likeness_is_news(Likeness(None, None, "m"), first)


def test_who_is_like_one_of_several_is_not_another() -> None:
    def known(match: VoiceMatch, similarity: float) -> KnownVoice:
        return KnownVoice(match, similarity, "m")

    same, other = known(VoiceMatch.SAME, 0.7), known(VoiceMatch.OTHER, 0.1)
    undecided, replayed = known(VoiceMatch.UNDECIDED, 0.4), known(VoiceMatch.REPLAYED, 0.9)
    assert best_of([]) is None
    assert best_of([other, same]) == same
    assert best_of([other, undecided]) == undecided
    assert best_of([undecided, replayed, other]) == replayed
    assert best_of([other, known(VoiceMatch.OTHER, 0.2)]) == known(VoiceMatch.OTHER, 0.2)
