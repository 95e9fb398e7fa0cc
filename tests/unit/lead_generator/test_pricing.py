"""Prices and premiums with the specification's own examples."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.lead_generator.domain.pricing import Premium, base_price, price_of

ALL = tuple(Premium)


@pytest.mark.parametrize(
    ("score", "price"),
    [
        (100, 200),
        (90, 200),
        (89, 175),
        (80, 175),
        (79, 150),
        (70, 150),
        (69, 125),
        (60, 125),
        (59, None),
        (0, None),
    ],
)
def test_base_price_at_each_edge(score: int, price: int | None) -> None:
    assert base_price(score) == price


@pytest.mark.parametrize(
    ("score", "premiums", "price"),
    [
        (95, ALL, "303.60"),
        (60, ALL, "189.75"),
        (90, (Premium.URGENT,), "240.00"),
        (85, (Premium.EXCLUSIVE_TERRITORY,), "192.50"),
        (75, (Premium.DEMAND,), "172.50"),
        (65, (Premium.DEMAND,), "143.75"),
        (85, (Premium.URGENT, Premium.DEMAND), "241.50"),
        (85, ALL, "265.65"),
        (75, (), "150.00"),
    ],
)
def test_premiums_multiply_and_round_to_cents(score: int, premiums: tuple[Premium, ...], price: str) -> None:
    assert price_of(score, premiums) == Decimal(price)


@given(st.integers(0, 59), st.sets(st.sampled_from(Premium)))
def test_no_price_never_multiplies(score: int, premiums: set[Premium]) -> None:
    assert price_of(score, premiums) is None
    assert price_of(score, premiums, cap=Decimal(10)) is None


@given(st.integers(60, 100), st.sets(st.sampled_from(Premium)), st.sampled_from(Premium))
def test_a_premium_raises_the_price_once(score: int, premiums: set[Premium], more: Premium) -> None:
    price, raised = price_of(score, premiums), price_of(score, premiums | {more})

    assert price is not None
    assert raised is not None
    assert price <= raised
    assert price_of(score, [*premiums, *premiums]) == price
    assert price.as_tuple().exponent == -2


def test_a_cap_holds() -> None:
    assert price_of(95, ALL, cap=Decimal("250.00")) == Decimal("250.00")
    assert price_of(95, (), cap=Decimal("250.00")) == Decimal("200.00")
