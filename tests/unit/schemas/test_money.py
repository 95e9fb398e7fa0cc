"""Money is exact, rounds half-up and does not mix."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidInput
from shared.schemas.money import Money, to_cents


@pytest.mark.parametrize(
    ("amount", "cents"),
    [
        ("303.60", 30360),
        ("189.75", 18975),
        ("0.005", 1),
        ("0.0049", 0),
        ("1.005", 101),
        ("-0.005", -1),
        ("0", 0),
    ],
)
def test_dollars_become_cents_half_up(amount: str, cents: int) -> None:
    assert Money.of(Decimal(amount)).cents == cents


@given(st.integers(-(10**12), 10**12))
def test_cents_survive_the_way_through_dollars(cents: int) -> None:
    money = Money(cents=cents)

    assert Money.of(money.dollars) == money
    assert money.dollars.as_tuple().exponent == -2


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_sums_are_exact(left: int, right: int) -> None:
    total = Money(cents=left) + Money(cents=right)

    assert total.cents == left + right
    assert total - Money(cents=right) == Money(cents=left)
    assert (-total).cents == -total.cents


def test_a_premium_rounds_to_cents() -> None:
    assert Money.of(125).times(Decimal("1.518")) == Money(cents=18975)


def test_floats_and_foreign_currencies_are_refused() -> None:
    with pytest.raises(InvalidInput):
        Money.of(0.1)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        Money(cents=1) + Money(cents=1, currency="EUR")
    with pytest.raises(InvalidInput):
        assert Money(cents=1) < Money(cents=2, currency="EUR")


def test_amounts_compare_and_print() -> None:
    assert Money(cents=99) < Money(cents=100) <= Money(cents=100)
    assert str(Money.of("303.6")) == "303.60 USD"
    assert to_cents(Decimal("2.675")) == Decimal("2.68")
