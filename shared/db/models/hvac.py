"""Houses with an HVAC system of a known age, and the leads they are."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, between, choice, counter, key, number, point, refers, stamp, words
from shared.schemas.enums import HvacLeadStatus, HvacTier, SummitStatus


class HvacProperty(Base):
    """A house with what its HVAC permits say of its system. Owner: lead_generator.

    Apart from base_leads: that table holds a house once, in a target city, and all that read it sell roofs. A house
    whose permits were all cancelled has no age, score and tier.
    """

    __tablename__ = "hvac_properties"
    __table_args__ = (
        UniqueConstraint("state", "address_key"),
        CheckConstraint("(permit_count = 0) = (system_age_years IS NULL)", name="age_has_a_permit"),
        between("lead_score", 0, 100),
        between("lat", -90, 90),
        between("lng", -180, 180),
        Index("idx_hvac_properties_county", "county_id", text("lead_score DESC")),
        Index("idx_hvac_properties_geom", "geom", postgresql_using="gist"),
        Index("idx_hvac_properties_permit", "newest_permit_id"),
    )

    id: Mapped[UUID] = key()
    county_id: Mapped[UUID | None] = refers("counties.id", on_delete="SET NULL")
    state: Mapped[str] = mapped_column(words(2))
    address_key: Mapped[str]
    address: Mapped[str]
    normalized_address: Mapped[str]
    city: Mapped[str | None] = mapped_column(words(100))
    zip: Mapped[str | None] = mapped_column(words(10))
    lat: Mapped[Decimal | None] = mapped_column(number(10, 8))
    lng: Mapped[Decimal | None] = mapped_column(number(11, 8))
    geom: Mapped[Any | None] = mapped_column(point())
    newest_permit_id: Mapped[UUID | None] = refers("roofing_permits.id", on_delete="SET NULL")
    newest_permit_on: Mapped[date | None]
    permit_count: Mapped[int] = counter()
    system_age_years: Mapped[int | None]
    lead_score: Mapped[int | None]
    lead_tier: Mapped[HvacTier | None] = choice("lead_tier", HvacTier, length=10)
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class HvacLead(Base):
    """A house whose system is old enough; withdrawn when a newer permit says it was replaced. Owner: lead_generator.

    The marketplace writes the notes and how the lead stands with Summit.AI.
    """

    __tablename__ = "hvac_leads"
    __table_args__ = (
        UniqueConstraint("property_id"),
        CheckConstraint(
            "sync_status <> 'synced' OR summit_contact_id IS NOT NULL", name="synced_has_contact"
        ),
        Index("idx_hvac_leads_status", "status", "created_at"),
        Index("idx_hvac_leads_sync", "sync_status", "created_at"),
    )

    id: Mapped[UUID] = key()
    property_id: Mapped[UUID] = refers("hvac_properties.id", on_delete="CASCADE")
    status: Mapped[HvacLeadStatus] = choice(
        "status", HvacLeadStatus, length=20, default=HvacLeadStatus.QUALIFIED
    )
    notes: Mapped[str | None]
    sync_status: Mapped[SummitStatus] = choice(
        "sync_status", SummitStatus, length=20, default=SummitStatus.PENDING
    )
    summit_contact_id: Mapped[str | None] = mapped_column(words(100))
    summit_synced_at: Mapped[datetime | None]
    sync_error: Mapped[str | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()
