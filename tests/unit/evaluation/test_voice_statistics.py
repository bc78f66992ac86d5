"""Error rates against hand-counted samples, published definitions and each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.evaluation.statistics import auc
from callguard.evaluation.voice_statistics import (
    Curves,
    Marked,
    difference,
    estimate,
    resampled,
    share_estimate,
)

scores = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]), min_size=1, max_size=30)


def marks(synthetic: list[float], human: list[float]) -> list[Marked]:
    told = [Marked(score, True, f"engine {at}") for at, score in enumerate(synthetic)]
    return told + [Marked(score, False, f"speaker {at}") for at, score in enumerate(human)]


def once(synthetic: list[float], human: list[float]) -> Curves:
    return Curves(marks(synthetic, human), np.ones((1, len(synthetic) + len(human))))


@given(scores, scores)
def test_the_area_is_the_share_of_pairs_told_right(synthetic: list[float], human: list[float]) -> None:
    counted = auc(synthetic, human)
    assert counted is not None
    assert once(synthetic, human).auc()[0] == pytest.approx(counted.value)


@pytest.mark.parametrize(
    ("synthetic", "human", "rate"),
    [
        ([0.9, 0.8], [0.1, 0.2], 0.0),
        ([0.1, 0.2], [0.8, 0.9], 1.0),
        ([0.5], [0.5], 0.5),
        ([0.6, 0.7, 0.8, 0.2], [0.1, 0.3, 0.4, 0.65], 0.25),
        ([0.9] * 9 + [0.1], [0.2] * 9 + [0.95], 0.1),
    ],
)
def test_the_equal_error_rate_of_counted_samples(
    synthetic: list[float], human: list[float], rate: float
) -> None:
    assert once(synthetic, human).eer()[0] == pytest.approx(rate)


def test_the_equal_error_rate_of_two_normal_classes() -> None:
    """Two apart, of unit variance: it is the normal distribution's share beyond 1."""
    chance = np.random.default_rng(1)
    human, synthetic = chance.standard_normal(20_000), 2 + chance.standard_normal(20_000)
    assert once(synthetic.tolist(), human.tolist()).eer()[0] == pytest.approx(0.1587, abs=0.006)


@given(scores, scores)
def test_rates_keep_within_their_bounds(synthetic: list[float], human: list[float]) -> None:
    curves = once(synthetic, human)
    assert 0 <= curves.eer()[0] <= 1
    assert -1e-9 <= curves.min_dcf()[0] <= 1 + 1e-9


def test_the_cost_of_detection_is_that_of_asvspoof_5() -> None:
    """At the best threshold 1 of 4 humans is refused and no synthetic voice passes: .95 / 4, over .5."""
    assert once([0.8, 0.9], [0.1, 0.2, 0.3, 0.85]).min_dcf()[0] == pytest.approx(0.95 / 4 / 0.5)
    assert once([0.8, 0.9], [0.1, 0.2]).min_dcf()[0] == pytest.approx(0)


def test_whole_clusters_are_drawn_each_class_by_itself() -> None:
    told = [Marked(0.5, at % 3 == 0, f"{at % 3 == 0} {at % 6}") for at in range(30)]
    weights = resampled(told, seed=3, resamples=200)
    assert (weights[0] == 1).all()
    for name in {each.cluster for each in told}:
        together = weights[:, [each.cluster == name for each in told]]
        assert (together == together[:, :1]).all()
    synthetic = np.array([each.is_synthetic for each in told])
    assert (weights[:, synthetic].sum(axis=1) == synthetic.sum()).all()
    assert len(np.unique(weights[1:], axis=0)) > 20
    assert (weights == resampled(told, seed=3, resamples=200)).all()


def test_recordings_of_few_speakers_say_less_than_as_many_of_many() -> None:
    def width(clusters: int) -> float:
        told = [Marked(float(at % clusters % 2), False, f"{at % clusters}") for at in range(120)]
        hits = np.array([each.score > 0 for each in told])
        found = share_estimate(hits, resampled(told, seed=1))
        return found.high - found.low

    assert width(4) > 2 * width(120)


def test_an_interval_holds_its_figure() -> None:
    told = estimate(np.array([0.9, 0.1, 0.2, 0.3]))
    assert (told.value, told.high) == (0.9, 0.9)
    assert told.low == pytest.approx(0.105)


def test_a_better_detector_is_told_from_an_equal_one() -> None:
    chance = np.random.default_rng(5)
    human, synthetic = chance.uniform(0, 0.7, 60).tolist(), chance.uniform(0.3, 1, 60).tolist()
    poor = marks(synthetic, human)
    better = marks([min(score + 0.3, 1.0) for score in synthetic], human)
    gain, low, high = difference(Curves.auc, poor, better, seed=0)
    assert 0 < low < gain < high
    assert difference(Curves.auc, poor, poor, seed=0) == (0, 0, 0)
