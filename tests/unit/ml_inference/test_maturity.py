"""Confidence is trusted in a domain once enough compared roofs bear it out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ml_inference.domain.maturity import Compared, maturity_of
from shared.schemas.review_enums import Maturity
from shared.schemas.shares import wilson_interval


@pytest.mark.parametrize(
    ("n", "right", "maturity"),
    [
        (0, 0, Maturity.UNVALIDATED),
        (199, 199, Maturity.UNVALIDATED),  # too few, however good
        (200, 188, Maturity.UNVALIDATED),  # 0.94 of 200: the truth may be 0.898
        (200, 189, Maturity.VALIDATED),
        (200, 200, Maturity.VALIDATED),
        (2000, 1800, Maturity.UNVALIDATED),
    ],
)
def test_a_domain_is_validated_by_number_and_lower_bound(n: int, right: int, maturity: Maturity) -> None:
    assert maturity_of(Compared(n, right)) is maturity


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_the_interval_holds_the_share_and_one_more_right_never_lowers_it(case: tuple[int, int]) -> None:
    n, right = case
    low, high = wilson_interval(right, n)
    assert 0 <= low <= right / n + 1e-9 <= high + 2e-9 <= 1 + 2e-9
    assert wilson_interval(min(n, right + 1), n)[0] >= low
