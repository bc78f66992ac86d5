"""The control sees a channel that gives the class away, and no source it was fitted on."""

from pathlib import Path

import numpy as np

from callguard.evaluation.voice_control import control_scores
from callguard.evaluation.voice_judging import Judged
from callguard.evaluation.voice_manifest import Clip
from callguard.evaluation.voice_statistics import Curves, Marked
from callguard.voice.deepfake.port import CallScore

NO_SCORE = CallScore(0.5, 0.1, 0.9, 4.0, 1, None)


def judged(number: int, is_synthetic: bool, source: str, channel: tuple[float, ...] | None) -> Judged:
    clip = Clip(number, Path("x.wav"), "x.wav", is_synthetic, source, f"{source} {number}", None)
    return Judged(clip, NO_SCORE, channel)


def area(told: list[Judged]) -> float:
    scores = [score for score in control_scores(told) if score is not None]
    marks = [
        Marked(score, each.clip.is_synthetic, each.clip.source)
        for score, each in zip(scores, told, strict=True)
    ]
    return float(Curves(marks, np.ones((1, len(marks)))).auc()[0])


def recordings(leak: float, of_source: float, seed: int = 11) -> list[Judged]:
    """`leak`: by how much the classes' channels differ; `of_source`: by how much those of sources do."""
    chance = np.random.default_rng(seed)
    own = {(kind, at): chance.standard_normal(6) for kind in (True, False) for at in range(30)}
    return [
        judged(
            number,
            kind,
            f"{kind} {at}",
            tuple(chance.standard_normal(6) + of_source * own[kind, at] + leak * kind),
        )
        for number, (kind, at) in enumerate([key for key in own for _ in range(4)])
    ]


def test_a_channel_that_differs_by_class_is_found() -> None:
    assert area(recordings(leak=2.0, of_source=0.0)) > 0.95


def test_an_equal_channel_is_chance() -> None:
    assert 0.4 < area(recordings(leak=0.0, of_source=0.0)) < 0.6


def test_knowing_the_sources_does_not_help() -> None:
    """Each source has a channel of its own that says nothing of the class: fitted on it, a score would."""
    assert np.mean([area(recordings(0.0, of_source=3.0, seed=seed)) for seed in range(6)]) < 0.6


def test_one_source_of_a_class_is_split_by_its_speakers() -> None:
    channels = np.random.default_rng(2).standard_normal((80, 4)) + 3 * (np.arange(80) < 40)[:, None]
    told = [judged(at, at < 40, str(at < 40), tuple(channels[at])) for at in range(80)]
    assert area(told) > 0.95


def test_what_can_not_be_scored_is_none() -> None:
    assert control_scores([]) == []
    assert control_scores([judged(0, True, "engine", None)]) == [None]
    pair = [judged(0, True, "engine", (1.0,)), judged(1, False, "corpus", (0.0,))]
    assert control_scores(pair) == [None, None]
