"""What operators see of the business: cities, returns, leads that buyers rated low."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

from services.marketplace.domain.quality import Rate, rate
from shared.schemas.enums import Grade

LOW_STARS: Final = 2
"""So many stars or fewer are looked into (S4-3.7.3-2)."""
MOST_LOW_RATED: Final = 100


class CityBooks(BaseModel):
    """One city; `city` is empty for leads and costs of none. Revenue is of leads that were kept."""

    city: str | None
    state: str | None
    published: int
    sold: int
    came_back: int
    revenue_cents: int
    vendor_cents: int
    cost_a_lead_cents: int | None
    """What vendors cost for every lead sold."""


class ReturnsByReason(BaseModel):
    """The returns of one reason."""

    reason: str
    asked: int
    accepted: int
    refused: int
    open: int
    credit_cents: int


class LowRated(BaseModel):
    """A lead its buyer rated low, to be looked into."""

    sale_id: UUID
    lead_id: UUID
    city: str
    state: str
    grade: Grade | None
    stars: int
    last_outcome: str
    reported_at: datetime


class DeskQuality(BaseModel):
    """So many days of sales, costs, returns and low ratings."""

    since: datetime
    days: int
    kept: Rate
    """Sold leads that did not come back."""
    cities: list[CityBooks]
    returns: list[ReturnsByReason]
    low_rated: list[LowRated]


def city_books(row: Mapping[str, Any]) -> CityBooks:
    """A counted city with the cost of one of its leads, to the cent; none where none was sold."""
    sold, cost = row["sold"], row["vendor_cents"]
    return CityBooks(**row, cost_a_lead_cents=(2 * cost + sold) // (2 * sold) if sold else None)


def kept_rate(cities: Iterable[CityBooks]) -> Rate:
    """The share of all sold leads that did not come back."""
    counted = list(cities)
    sold = sum(each.sold for each in counted)
    return rate(sold - sum(each.came_back for each in counted), sold)
