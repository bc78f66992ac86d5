"""Calibration against its definition: of windows scored p, a share of p is synthetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.voice.deepfake.calibration import fit_isotonic, fit_platt

raw = st.floats(-1e6, 1e6)
samples = st.lists(raw, min_size=10, max_size=40)


def gaussians(
    human: int = 4000, synthetic: int = 4000, scale: float = 1.0
) -> tuple[list[float], list[float]]:
    """Of unit variance, two apart: the true log-odds at equal odds are 2 (x / scale) - 2."""
    chance = np.random.default_rng(7)
    return (
        (scale * (2 + chance.standard_normal(synthetic))).tolist(),
        (scale * chance.standard_normal(human)).tolist(),
    )


@pytest.mark.parametrize("scale", [0.001, 1.0, 1000.0])
@pytest.mark.parametrize(("human", "synthetic"), [(4000, 4000), (8000, 2000)])
def test_platt_finds_the_true_curve_whatever_the_counts(scale: float, human: int, synthetic: int) -> None:
    curve = fit_platt(*gaussians(human, synthetic, scale))
    assert curve.slope * scale == pytest.approx(2, abs=0.15)
    assert curve.offset == pytest.approx(-2, abs=0.2)


def test_isotonic_is_near_the_true_curve_and_never_falls() -> None:
    curve = fit_isotonic(*gaussians())
    at = np.linspace(-0.5, 2.5, 31)
    told = curve.probability(at)
    assert np.abs(told - 1 / (1 + np.exp(2 - 2 * at))).mean() < 0.03
    assert (np.diff(told) >= 0).all()


def test_sets_that_do_not_overlap_are_not_certain() -> None:
    synthetic, human = [10.0 + i for i in range(10)], [-10.0 - i for i in range(10)]
    for fit in (fit_platt, fit_isotonic):
        told = fit(synthetic, human).probability([-20, 0, 20])
        assert 0.01 < told[0] < 0.2
        assert 0.8 < told[2] < 0.99


@given(samples, samples, st.lists(raw, min_size=1))
def test_probabilities_stay_probabilities_and_keep_the_order(
    synthetic: list[float], human: list[float], asked: list[float]
) -> None:
    for fit in (fit_platt, fit_isotonic):
        try:
            told = fit(synthetic, human).probability(sorted(asked))
        except ValueError:
            continue  # no curve rises through them
        assert ((told >= 0) & (told <= 1)).all()
        assert (np.diff(told) >= -1e-12).all()


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
@pytest.mark.parametrize(
    ("synthetic", "human", "said"),
    [
        ([1.0] * 9, [0.0] * 10, "at least 10"),
        ([1.0] * 10, [0.0] * 9, "at least 10"),
        ([0.0] * 10, [1.0] * 10, "no higher"),
        ([0.0] * 10, [0.0] * 10, "no higher"),
        ([float("nan")] * 10, [0.0] * 10, "no numbers"),
    ],
)
def test_what_can_not_be_calibrated_is_refused(fit, synthetic, human, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=said):
        fit(synthetic, human)
