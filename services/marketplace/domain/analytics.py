"""What a buyer's leads cost and brought (S4-3.7.1-5): each figure as a buyer would work it out by hand.

A lead that came back costs nothing, as its price was credited, and brings nothing. What the guarantee credited is taken
off the whole, as it belongs to no single lead. Leads count in the month they were bought, whenever their job came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel

MOST_MONTHS: Final = 36
USUAL_MONTHS: Final = 12
DIGITS: Final = 4


class By(StrEnum):
    """What leads are put together by."""

    ALL = "all"
    MONTH = "month"
    GRADE = "grade"
    CITY = "city"


class Figures(BaseModel):
    """The leads of one group; a share or a median of nothing is empty."""

    name: str
    bought: int
    came_back: int
    spent_cents: int
    contacted: int
    quoted: int
    won: int
    revenue_cents: int
    conversion: float | None
    """Jobs of the leads that did not come back."""
    roi: float | None
    """Revenue less cost, in costs: 2.5 is two dollars and a half earned with every dollar."""
    first_contact_minutes: float | None
    """Median from the first look at the owner to the first time the owner was reached."""
    days_to_close: float | None
    """Median from the purchase to the job."""
    stars: float | None
    rated: int


class AnalyticsReport(BaseModel):
    """A buyer's leads since the start of a month, in all and by month, grade and city."""

    since: datetime
    months: int
    total: Figures
    guarantee_cents: int
    net_cents: int
    by_month: list[Figures]
    by_grade: list[Figures]
    by_city: list[Figures]


def first_month(now: datetime, months: int) -> datetime:
    """When the first of so many months began, the present one being the last."""
    count = now.year * 12 + now.month - months
    return datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC)


def month_names(now: datetime, months: int) -> list[str]:
    """So many months up to the present one, as in 2026-11."""
    started = [first_month(now, back) for back in range(months, 0, -1)]
    return [f"{month:%Y-%m}" for month in started]


def analytics_report(
    rows: Iterable[Mapping[str, Any]], *, guarantee_cents: int, now: datetime, months: int
) -> AnalyticsReport:
    """The report of counted rows; a month without leads is there with zeros."""
    groups: dict[By, list[Mapping[str, Any]]] = {by: [] for by in By}
    for row in rows:
        groups[By(row["by"])].append(row)
    of_month = {_month(row["month"]): row for row in groups[By.MONTH]}
    whole = groups[By.ALL][0] if groups[By.ALL] else None
    net = (whole["spent_cents"] if whole else 0) - guarantee_cents
    return AnalyticsReport(
        since=first_month(now, months),
        months=months,
        total=figures("All leads", whole, cost_cents=net),
        guarantee_cents=guarantee_cents,
        net_cents=net,
        by_month=[figures(name, of_month.get(name)) for name in month_names(now, months)],
        by_grade=[figures(row["grade"] or "None", row) for row in groups[By.GRADE]],
        by_city=[figures(f"{row['city']}, {row['state']}", row) for row in groups[By.CITY]],
    )


def figures(name: str, row: Mapping[str, Any] | None, *, cost_cents: int | None = None) -> Figures:
    """One group; its return is reckoned by `cost_cents` where that is not what was spent."""
    found = row or _NOTHING
    kept, spent = found["bought"] - found["came_back"], found["spent_cents"]
    cost = spent if cost_cents is None else cost_cents
    return Figures(
        name=name,
        conversion=_share(found["won"], kept),
        roi=_share(found["revenue_cents"] - cost, cost),
        first_contact_minutes=_rounded(found["first_contact_minutes"]),
        days_to_close=_rounded(found["days_to_close"]),
        stars=_rounded(found["stars"]),
        **{field: found[field] for field in _COUNTED},
    )


_COUNTED: Final = (
    "bought",
    "came_back",
    "spent_cents",
    "contacted",
    "quoted",
    "won",
    "revenue_cents",
    "rated",
)
_NOTHING: Final[Mapping[str, Any]] = dict.fromkeys(_COUNTED, 0) | dict.fromkeys(
    ("first_contact_minutes", "days_to_close", "stars")
)


def _month(start: date) -> str:
    return f"{start:%Y-%m}"


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, DIGITS) if whole > 0 else None


def _rounded(value: Decimal | float | None) -> float | None:
    return None if value is None else round(float(value), 1)
