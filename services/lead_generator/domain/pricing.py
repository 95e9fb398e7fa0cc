"""List price of a lead and its premiums (S4-3.5.2, C-14)."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from enum import StrEnum
from typing import Final

from shared.schemas.money import to_cents
from shared.schemas.territory import EXCLUSIVE_FACTOR

BASE_PRICES: Final = ((90, Decimal(200)), (80, Decimal(175)), (70, Decimal(150)), (60, Decimal(125)))


class Premium(StrEnum):
    """Why a lead costs more than its list price."""

    URGENT = "urgent"
    EXCLUSIVE_TERRITORY = "exclusive_territory"
    # C-14: at least two different contractors looked within 24 hours.
    DEMAND = "demand"


PREMIUM_FACTORS: Final = {
    Premium.URGENT: Decimal("1.20"),
    Premium.EXCLUSIVE_TERRITORY: EXCLUSIVE_FACTOR,
    Premium.DEMAND: Decimal("1.15"),
}


def base_price(score: int) -> Decimal | None:
    """The list price in dollars; None below 60, where a lead is not for sale."""
    for floor, price in BASE_PRICES:
        if score >= floor:
            return price
    return None


def price_of(score: int, premiums: Collection[Premium] = (), *, cap: Decimal | None = None) -> Decimal | None:
    """Base price times each premium once, rounded half-up to cents, at most `cap`; None stays None."""
    price = base_price(score)
    if price is None:
        return None
    for premium in set(premiums):
        price *= PREMIUM_FACTORS[premium]
    price = to_cents(price)
    return price if cap is None else min(price, cap)
