"""A county assessor's record of one property."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from shared.http.client import FetchSource
from shared.providers.assessor.recipe import Recipe
from shared.providers.page_reading import PageReader


@dataclass(frozen=True, slots=True)
class ParcelQuery:
    """Which property: by parcel number where known, else by street address."""

    apn: str | None = None
    street: str | None = None


@dataclass(frozen=True, slots=True)
class AssessorRecord:
    """What the assessor's page says; absent where it says nothing or zero."""

    apn: str | None
    source_url: str
    fetched_at: datetime
    method: str = "http"
    """How the page was read."""
    owner_name: str | None = None
    mailing_address: str | None = None
    phone: str | None = None
    situs_address: str | None = None
    property_type: str | None = None
    year_built: int | None = None
    living_area_sqft: int | None = None
    lot_area_sqft: int | None = None
    bedrooms: int | None = None
    bathrooms: Decimal | None = None
    stories: Decimal | None = None
    assessed_value_usd: Decimal | None = None
    market_value_usd: Decimal | None = None
    tax_amount_usd: Decimal | None = None
    last_sale_on: date | None = None
    last_sale_price_usd: Decimal | None = None
    roof_material: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


class Assessor(Protocol):
    """Looks one property up."""

    name: str

    async def look_up(self, parcel: ParcelQuery) -> AssessorRecord | None:
        """The record, or None where the assessor knows no such property."""


def build(recipe: Recipe, source: FetchSource, pages: PageReader, *, base_url: str) -> Assessor:
    """The reader of an assessor's site by its recipe."""
    from shared.providers.assessor.html_site import HtmlSite

    return HtmlSite(recipe, source, pages, base_url=base_url)
