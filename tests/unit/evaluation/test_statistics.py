"""Figures against published values, hand-counted samples and their own definitions."""

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.proportions import Z_95, wilson
from callguard.evaluation.statistics import (
    auc,
    auc_difference,
    calibration,
    f1,
    mcnemar,
    roc,
    share,
)

risks = st.lists(st.integers(0, 100), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_is_the_published_one(count: int, of: int, low: float, high: float) -> None:
    assert wilson(count, of) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_interval_holds_its_share_and_stays_between_0_and_1(sample: tuple[int, int]) -> None:
    count, of = sample
    low, high = wilson(count, of)
    assert 0 <= low <= high <= 1
    assert low - 1e-12 <= count / of <= high + 1e-12


def test_of_none_there_is_no_share() -> None:
    assert share(0, 0).value is None


def test_f1_of_a_counted_sample() -> None:
    found = f1(hits=8, wrong=4)
    assert found is not None
    assert found.value == pytest.approx(2 * 8 / (2 * 8 + 4))
    assert found.low < found.value < found.high
    assert f1(0, 0) is None


def test_auc_of_a_counted_sample() -> None:
    """Pairs: 3>1, 3>2, 2>1, 2=2. Placements of the scams 1 and 3/4, of the honest calls 1 and 3/4: each has
    variance 1/32, so the AUC's is 1/64 + 1/64.
    """
    found = auc([3, 2], [1, 2])
    assert found is not None
    assert found.value == pytest.approx(0.875)
    assert found.low == pytest.approx(0.875 - Z_95 * (1 / 32) ** 0.5)
    assert found.high == 1


@given(risks, risks)
def test_auc_is_the_share_of_pairs_in_order(scams: list[int], benign: list[int]) -> None:
    found = auc(scams, benign)
    pairs = [(s > b) + (s == b) / 2 for s, b in product(scams, benign)]
    assert found is not None
    assert found.value == pytest.approx(sum(pairs) / len(pairs))


@given(risks, risks)
def test_auc_is_the_area_under_the_curve(scams: list[int], benign: list[int]) -> None:
    curve = roc(scams, benign)
    area = sum((x2 - x1) * (y1 + y2) / 2 for (x1, y1), (x2, y2) in pairwise(curve))
    found = auc(scams, benign)
    assert found is not None
    assert area == pytest.approx(found.value)
    assert [*curve[:1], *curve[-1:]] == [(0, 0), (1, 1)]


def test_without_scams_or_without_honest_calls_there_is_no_curve() -> None:
    assert auc([], [1]) is None
    assert auc([1], []) is None
    assert roc([], [1]) == ()
    assert auc_difference(([], []), ([1], [2])) is None


def test_a_better_scorer_gains_and_the_same_one_does_not() -> None:
    scams, benign = [80, 70, 60, 30], [10, 20, 40, 50]
    same = auc_difference((scams, scams), (benign, benign))
    assert same == (0.0, 1.0)
    better = auc_difference((scams, [90, 90, 80, 60]), (benign, benign))
    assert better is not None
    gain, p = better
    assert gain == pytest.approx(2 / 16)
    assert 0 < p < 1


def test_delongs_variance_of_a_difference_counts_both_on_each_call() -> None:
    """Differences of the placements: scams 0, 1/2; honest calls 0, 1/2: variance 1/8 each, 1/16 of each mean.
    So z = 1/4 / sqrt(1/8) = 0.7071, of which two-sided p = 0.4795.
    """
    found = auc_difference(([4, 1], [4, 3]), ([2, 0], [2, 0]))
    assert found is not None
    assert found[0] == pytest.approx(0.25)
    assert found[1] == pytest.approx(0.4795, abs=5e-5)


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [(10, 2, 0.03857), (2, 10, 0.03857), (5, 5, 1.0), (0, 0, 1.0), (0, 6, 0.03125)],
)
def test_mcnemars_exact_p(only_first: int, only_second: int, p: float) -> None:
    assert mcnemar(only_first, only_second) == pytest.approx(p, abs=5e-6)


def test_calibration_of_a_counted_sample() -> None:
    found = calibration([(0.05, False), (0.05, True), (0.95, True), (1.0, True)])
    assert found is not None
    assert [(b.low, b.count, b.scams.count) for b in found.bins] == [(0.0, 2, 1), (0.9, 2, 2)]
    assert found.ece == pytest.approx((2 * 0.45 + 2 * 0.025) / 4)
    assert found.brier == pytest.approx((0.05**2 + 0.95**2 + 0.05**2 + 0) / 4)
    assert calibration([]) is None
