"""Verticals and target cities."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from geoalchemy2 import Geography, WKBElement
from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import (
    Base,
    between,
    choice,
    counter,
    key,
    number,
    point,
    stamp,
    starts_false,
    words,
)
from shared.schemas.enums import CityStatus, PlatformType


class Vertical(Base):
    """A trade we sell leads in. Owner: orchestrator."""

    __tablename__ = "verticals"

    id: Mapped[UUID] = key()
    name: Mapped[str] = mapped_column(words(100), unique=True)
    slug: Mapped[str] = mapped_column(words(100), unique=True)
    description: Mapped[str | None]
    created_at: Mapped[datetime] = stamp()


class TargetCity(Base):
    """A city we may work in. Owner: orchestrator; scraper writes the scraping times and counts.

    `active` starts false, unlike the source document: a city is worked only after activation has passed
    its source check, so a seeded row must never be picked up by the daily jobs. `sources` holds the lists
    `permit_sources`, `parcel_sources` and `image_sources` (orthophotos of its state or county).
    """

    __tablename__ = "target_cities"
    __table_args__ = (
        UniqueConstraint("city", "state"),
        Index("idx_target_cities_active", "active"),
        Index("idx_target_cities_tier", "tier"),
        Index("idx_target_cities_priority", text("priority DESC")),
        Index("idx_target_cities_center", "center", postgresql_using="gist"),
        between("tier", 1, 3),
        between("priority", 1, 100),
        between("storm_risk_score", 0, 100),
    )

    id: Mapped[UUID] = key()
    city: Mapped[str] = mapped_column(words(100))
    state: Mapped[str] = mapped_column(words(2))
    tier: Mapped[int | None]
    priority: Mapped[int | None]
    population: Mapped[int | None]
    median_home_value: Mapped[Decimal | None] = mapped_column(number(12, 2))
    avg_property_value: Mapped[Decimal | None] = mapped_column(number(12, 2))
    storm_risk_score: Mapped[int | None]
    contractor_density: Mapped[Decimal | None] = mapped_column(number(10, 4))
    permit_url: Mapped[str | None]
    permit_search_strategy: Mapped[str | None] = mapped_column(words(50))
    permit_config: Mapped[dict[str, Any] | None]
    assessor_url: Mapped[str | None]
    assessor_search_url_template: Mapped[str | None]
    assessor_config: Mapped[dict[str, Any] | None]
    active: Mapped[bool] = starts_false()
    first_scraped_at: Mapped[datetime | None]
    last_scraped_at: Mapped[datetime | None]
    total_permits_found: Mapped[int] = counter()
    total_properties_processed: Mapped[int] = counter()
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()

    county: Mapped[str | None] = mapped_column(words(100))
    county_fips: Mapped[str | None] = mapped_column(words(5))
    time_zone: Mapped[str] = mapped_column(words(64))
    center: Mapped[WKBElement | None] = mapped_column(point())
    bbox: Mapped[WKBElement | None] = mapped_column(Geography("POLYGON", srid=4326, spatial_index=False))
    cost_index: Mapped[Decimal | None] = mapped_column(number(6, 4))
    material_cost_index: Mapped[Decimal | None] = mapped_column(number(6, 4))
    labour_cost_index: Mapped[Decimal | None] = mapped_column(number(6, 4))
    platform_type: Mapped[PlatformType] = choice(
        "platform_type", PlatformType, length=50, default=PlatformType.UNKNOWN
    )
    status: Mapped[CityStatus] = choice("status", CityStatus, length=50, default=CityStatus.PLANNED)
    status_reason: Mapped[str | None]
    sources: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    sandbox: Mapped[bool] = starts_false()
    daily_budget: Mapped[Decimal | None] = mapped_column(number(10, 2))
    daily_prospect_cap: Mapped[int | None]
