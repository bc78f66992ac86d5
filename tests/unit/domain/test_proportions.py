"""How sure a counted share is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.domain.proportions import wilson


def test_it_is_the_textbooks_interval() -> None:
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_it_holds_the_share_and_mirrors_the_misses(counted: tuple[int, int]) -> None:
    hits, total = counted
    low, high = wilson(hits, total)

    assert 0 <= low <= hits / total + 1e-12
    assert hits / total - 1e-12 <= high <= 1
    assert wilson(total - hits, total) == pytest.approx((1 - high, 1 - low))
