"""Counties whose agencies let us read their permits, and how they are pulled."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import (
    Base,
    between,
    choice,
    key,
    number,
    refers,
    stamp,
    starts_false,
    starts_true,
    subject,
    words,
)
from shared.schemas.enums import TradeVertical


class Agency(Base):
    """An agency's access: app, user and the token in use. Owner: scraper, which alone reads it.

    Everything secret is ciphertext bound to subject_id. token_renewal_until is held by the process that
    renews the token, so that the others wait for its.
    """

    __tablename__ = "agencies"
    __table_args__ = (
        UniqueConstraint("agency_code", "environment"),
        Index("idx_agencies_subject", "subject_id"),
    )

    id: Mapped[UUID] = key()
    agency_code: Mapped[str] = mapped_column(words(30))
    environment: Mapped[str] = mapped_column(words(30), server_default=text("'PROD'"))
    subject_id: Mapped[UUID] = subject()
    app_id: Mapped[str]
    app_secret: Mapped[str]
    username: Mapped[str]
    password: Mapped[str]
    access_token: Mapped[str | None]
    refresh_token: Mapped[str | None]
    token_expires_at: Mapped[datetime | None]
    token_renewal_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class County(Base):
    """A county whose permits of one trade are pulled from its agency. Owner: scraper."""

    __tablename__ = "counties"
    __table_args__ = (UniqueConstraint("name", "state", "vertical"), UniqueConstraint("agency_id"))

    id: Mapped[UUID] = key()
    name: Mapped[str] = mapped_column(words(100))
    state: Mapped[str] = mapped_column(words(2))
    agency_id: Mapped[UUID] = refers("agencies.id")
    source_key: Mapped[str] = mapped_column(words(100))
    vertical: Mapped[TradeVertical] = choice("vertical", TradeVertical, length=50, default=TradeVertical.HVAC)
    module: Mapped[str] = mapped_column(words(50), server_default=text("'Building'"))
    permit_type: Mapped[str] = mapped_column(
        words(200), server_default=text("'Building/Residential/Trade/Mechanical'")
    )
    time_zone: Mapped[str] = mapped_column(server_default=text("'America/New_York'"))
    is_active: Mapped[bool] = starts_true()
    initial_pull_completed: Mapped[bool] = starts_false()
    last_pull_at: Mapped[datetime | None]
    last_tested_at: Mapped[datetime | None]
    last_test_error: Mapped[str | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class CountyPullSchedule(Base):
    """When a county's newest permits are pulled next. Owner: scraper."""

    __tablename__ = "county_pull_schedules"
    __table_args__ = (
        Index("idx_county_pull_schedules_next", "next_pull_at"),
        between("every_days", 1, 365),
    )

    county_id: Mapped[UUID] = mapped_column(
        Uuid(), ForeignKey("counties.id", ondelete="CASCADE"), primary_key=True
    )
    auto_pull_enabled: Mapped[bool] = starts_true()
    incremental_pull_enabled: Mapped[bool] = starts_true()
    every_days: Mapped[int] = mapped_column(server_default=text("7"))
    next_pull_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class CountyRateLimit(Base):
    """What an agency's headers last said of our allowance at one endpoint. Owner: scraper."""

    __tablename__ = "county_rate_limits"

    county_id: Mapped[UUID] = mapped_column(
        Uuid(), ForeignKey("counties.id", ondelete="CASCADE"), primary_key=True
    )
    endpoint: Mapped[str] = mapped_column(words(100), primary_key=True)
    allowance: Mapped[int]
    remaining: Mapped[int]
    reset_at: Mapped[datetime | None]
    observed_at: Mapped[datetime]


class PermitDetail(Base):
    """What a county's record tells beyond the permit's row. Owner: scraper.

    raw_data and everything of the owner are ciphertext bound to subject_id, the hashes are blind indexes.
    """

    __tablename__ = "permit_details"
    __table_args__ = (Index("idx_permit_details_subject", "subject_id"),)

    permit_id: Mapped[UUID] = mapped_column(
        Uuid(), ForeignKey("roofing_permits.id", ondelete="CASCADE"), primary_key=True
    )
    record_id: Mapped[str] = mapped_column(words(100))
    subject_id: Mapped[UUID] = subject()
    raw_data: Mapped[str]
    owner_name: Mapped[str | None]
    owner_name_hash: Mapped[str | None]
    owner_phone: Mapped[str | None]
    owner_phone_hash: Mapped[str | None]
    owner_email: Mapped[str | None]
    owner_email_hash: Mapped[str | None]
    mailing_address: Mapped[str | None]
    mailing_address_hash: Mapped[str | None]
    year_built: Mapped[int | None]
    property_value: Mapped[Decimal | None] = mapped_column(number(14, 2))
    content_hash: Mapped[str]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()
