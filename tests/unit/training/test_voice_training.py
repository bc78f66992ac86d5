"""How the deepfake model's material is divided: what ties a clip to the test isn't learnt from."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.voice.corpora import ENGINE_FOLDS, FOLDS, Clip, split
from training.voice.measured import auc, eer

ENGINES = ("piper", "bark", "vits", "f5", *ENGINE_FOLDS)


@st.composite
def clips(draw: st.DrawFn) -> Clip:
    spoof = draw(st.booleans())
    fold = draw(st.integers(0, FOLDS - 1))
    engine = draw(st.sampled_from(ENGINES)) if spoof else "people"
    page = draw(st.integers(0, 9))
    speaker = draw(st.integers(0, 20))
    return Clip("clip", Path(), spoof, "modern", engine, f"speaker {speaker}", f"page {page}", fold)


@given(st.lists(clips(), max_size=40), st.integers(0, FOLDS - 1))
def test_train_and_test_share_no_engine_page_or_speaker(everything: list[Clip], fold: int) -> None:
    train, test = split(everything, fold)
    learnt, tried = [everything[i] for i in train], [everything[i] for i in test]
    assert all(clip.fold == fold for clip in tried)
    assert not {clip.repo for clip in learnt} & {clip.repo for clip in tried}
    assert not {clip.speaker for clip in learnt} & {clip.speaker for clip in tried}
    engines = {clip.engine for clip in tried if clip.spoof}
    assert not {clip.engine for clip in learnt if clip.spoof} & engines


def test_the_measures_know_the_best_the_worst_and_chance() -> None:
    low, high = np.arange(100.0), np.arange(100.0) + 1000
    assert (auc(low, high), eer(low, high)) == (1.0, 0.0)
    assert (auc(high, low), eer(high, low)) == (0.0, 1.0)
    assert auc(low, low) == 0.5
    assert abs(eer(low, low) - 0.5) < 0.02
