"""What a buyer may know of a lead before paying for it (S4-6.4-1, G-57)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.schemas.enums import Grade, LeadClass, PublishLabel, RoofCondition

SOURCE_NOTICE: Final = "Not requested by the homeowner; built from public records and imagery."
STREET_MIN_HOMES: Final = 5
VALUE_STEP: Final = 100_000
_HOUSE_NUMBER: Final = re.compile(r"^\s*\d[\w-]*(?:\s+1/2)?\s+")
_UNIT: Final = re.compile(r"\s+(?:#|(?:apt|unit|ste|suite|lot|bldg|trlr)\b).*$", re.IGNORECASE)


def street_of(address: str) -> str:
    """The street of an address, without house number and unit."""
    return _UNIT.sub("", _HOUSE_NUMBER.sub("", address.split(",", maxsplit=1)[0])).strip()


def value_range(value: Decimal | None) -> str | None:
    """A home's value as a range of 100,000 USD, upper end open from one million."""
    if value is None or value <= 0:
        return None
    if value >= 1_000_000:
        return "1,000,000 USD and more"
    low = int(value) // VALUE_STEP * VALUE_STEP
    return f"{low:,} to {low + VALUE_STEP:,} USD"


class LeadPreview(BaseModel):
    """A lead before it is paid: no number, no person, no exact point, no picture.

    `cell` is longitude and latitude of the centre of its cell of 0.005 degrees, absent where the cell has few homes.
    """

    model_config = ConfigDict(extra="forbid")
    owned: Literal[False] = False
    id: UUID
    street: str | None
    city: str
    state: str
    zip: str | None
    value_range: str | None
    score: int
    grade: Grade | None
    price: Decimal
    lead_class: LeadClass
    label: PublishLabel | None
    condition: RoofCondition | None
    reasons: list[str]
    available_until: datetime | None
    cell: tuple[float, float] | None = None
    notice: str = SOURCE_NOTICE


def preview(row: Mapping[str, Any]) -> LeadPreview:
    """The preview of a lead; its street only where enough homes stand in it."""
    return LeadPreview(
        id=row["id"],
        street=street_of(row["address"]) if row["street_homes"] >= STREET_MIN_HOMES else None,
        city=row["city"],
        state=row["state"],
        zip=row["zip"],
        value_range=value_range(row["property_value"]),
        score=row["quality_score"],
        grade=row["grade"],
        price=row["price"],
        lead_class=row["lead_class"],
        label=row["publish_label"],
        condition=row["overall_condition"],
        reasons=list(row["reasons"]),
        available_until=row["available_until"],
        cell=None if row["cell_lng"] is None else (row["cell_lng"], row["cell_lat"]),
    )
