"""Contractors, and the leads assigned to them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from geoalchemy2 import WKBElement
from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import (
    ZERO,
    Base,
    between,
    choice,
    choices,
    counter,
    key,
    number,
    point,
    refers,
    stamp,
    starts_false,
    starts_true,
    subject,
    words,
)
from shared.schemas.enums import (
    AcquisitionStatus,
    ContactMethod,
    CredentialStatus,
    LicenseStatus,
    RoofWork,
    SubscriptionTier,
)


class Contractor(Base):
    """A roofing company. Owner: contractor_acquisition; marketplace writes subscription and buyer columns.

    owner_name is ciphertext bound to subject_id, owner_name_hash its blind index.
    """

    __tablename__ = "contractors"
    __table_args__ = (
        Index("idx_contractors_city_state", "city", "state"),
        Index("idx_contractors_status", "acquisition_status"),
        Index("idx_contractors_priority", text("priority_score DESC")),
        Index("idx_contractors_email", "email"),
        Index("idx_contractors_tier", "subscription_tier"),
        Index("idx_contractors_geom", "geom", postgresql_using="gist"),
        Index("idx_contractors_subject", "subject_id"),
        between("fit_score", 0, 100),
        between("conversion_likelihood", 0, 100),
        between("response_rate", 0, 100),
        between("preferred_score_min", 0, 100),
        between("preferred_score_max", 0, 100),
        CheckConstraint("preferred_score_min <= preferred_score_max", name="preferred_score_order"),
        CheckConstraint("daily_cap >= 0", name="daily_cap_positive"),
        CheckConstraint("weekly_cap >= 0", name="weekly_cap_positive"),
    )

    id: Mapped[UUID] = key()
    company_name: Mapped[str] = mapped_column(words(255))
    owner_name: Mapped[str | None]
    email: Mapped[str | None] = mapped_column(words(255))
    phone: Mapped[str | None] = mapped_column(words(50))
    website: Mapped[str | None] = mapped_column(words(500))
    address: Mapped[str | None]
    city: Mapped[str | None] = mapped_column(words(100))
    state: Mapped[str | None] = mapped_column(words(2))
    zip: Mapped[str | None] = mapped_column(words(10))
    lat: Mapped[Decimal | None] = mapped_column(number(10, 8))
    lng: Mapped[Decimal | None] = mapped_column(number(11, 8))
    service_areas: Mapped[list[dict[str, Any]] | None]
    license_number: Mapped[str | None] = mapped_column(words(100))
    license_state: Mapped[str | None] = mapped_column(words(2))
    license_status: Mapped[LicenseStatus | None] = choice("license_status", LicenseStatus, length=50)
    license_expiration: Mapped[date | None]
    years_in_business: Mapped[int | None]
    employee_count_range: Mapped[str | None] = mapped_column(words(50))
    annual_revenue_range: Mapped[str | None] = mapped_column(words(50))
    services_offered: Mapped[list[str] | None]
    roof_types: Mapped[list[str] | None] = choices("roof_types", RoofWork)
    certifications: Mapped[list[str] | None]
    insurance_types: Mapped[list[str] | None]
    google_rating: Mapped[Decimal | None] = mapped_column(number(3, 2))
    google_review_count: Mapped[int | None]
    google_place_id: Mapped[str | None] = mapped_column(words(255))
    yelp_rating: Mapped[Decimal | None] = mapped_column(number(3, 2))
    yelp_review_count: Mapped[int | None]
    yelp_business_id: Mapped[str | None] = mapped_column(words(255))
    bbb_rating: Mapped[str | None] = mapped_column(words(5))
    bbb_accredited: Mapped[bool | None]
    social_media: Mapped[dict[str, Any] | None]
    fit_score: Mapped[int | None]
    conversion_likelihood: Mapped[int | None]
    ltv_estimate: Mapped[Decimal | None] = mapped_column(number(10, 2))
    priority_score: Mapped[Decimal | None] = mapped_column(number(5, 2))
    acquisition_status: Mapped[AcquisitionStatus] = choice(
        "acquisition_status", AcquisitionStatus, length=50, default=AcquisitionStatus.DISCOVERED
    )
    current_stage: Mapped[str | None] = mapped_column(words(50))
    first_contact_date: Mapped[datetime | None]
    last_contact_date: Mapped[datetime | None]
    total_touchpoints: Mapped[int] = counter()
    response_rate: Mapped[Decimal | None] = mapped_column(number(5, 2))
    signed_up_at: Mapped[datetime | None]
    subscription_tier: Mapped[SubscriptionTier | None] = choice(
        "subscription_tier", SubscriptionTier, length=50
    )
    monthly_fee: Mapped[Decimal | None] = mapped_column(number(10, 2))
    leads_per_month: Mapped[int | None]
    contract_start_date: Mapped[date | None]
    contract_end_date: Mapped[date | None]
    auto_renew: Mapped[bool] = starts_true()
    total_leads_purchased: Mapped[int] = counter()
    total_leads_contacted: Mapped[int] = counter()
    total_leads_converted: Mapped[int] = counter()
    total_revenue_generated: Mapped[Decimal] = mapped_column(number(12, 2), server_default=ZERO)
    avg_lead_quality_rating: Mapped[Decimal | None] = mapped_column(number(3, 2))
    conversion_rate: Mapped[Decimal | None] = mapped_column(number(5, 2))
    avg_time_to_contact_hours: Mapped[Decimal | None] = mapped_column(number(6, 2))
    source: Mapped[str | None] = mapped_column(words(100))
    discovered_at: Mapped[datetime] = stamp()
    notes: Mapped[str | None]
    custom_fields: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()

    subject_id: Mapped[UUID | None] = subject()
    owner_name_hash: Mapped[str | None]
    geom: Mapped[WKBElement | None] = mapped_column(point())
    time_zone: Mapped[str | None] = mapped_column(words(64))
    insurance_expires_on: Mapped[date | None]
    credential_status: Mapped[CredentialStatus] = choice(
        "credential_status", CredentialStatus, length=20, default=CredentialStatus.NONE
    )
    credential_checked_at: Mapped[datetime | None]
    identity_verified_at: Mapped[datetime | None]
    agreement_version: Mapped[str | None] = mapped_column(words(50))
    agreement_accepted_at: Mapped[datetime | None]
    us_entity: Mapped[bool | None]
    preferred_score_min: Mapped[int | None]
    preferred_score_max: Mapped[int | None]
    daily_cap: Mapped[int | None]
    weekly_cap: Mapped[int | None]
    payment_customer_ref: Mapped[str | None] = mapped_column(words(255))
    payment_method_ref: Mapped[str | None] = mapped_column(words(255))
    sandbox: Mapped[bool] = starts_false()


class ContractorListing(Base):
    """A company that a business directory lists, by its id there. Owner: contractor_acquisition.

    The directories' terms keep everything else out of our tables; it is shown live.
    """

    __tablename__ = "contractor_listings"
    __table_args__ = (
        UniqueConstraint("directory", "listing_id"),
        Index("idx_contractor_listings_city", "city_id"),
    )

    id: Mapped[UUID] = key()
    directory: Mapped[str] = mapped_column(words(50))
    listing_id: Mapped[str] = mapped_column(words(255))
    city_id: Mapped[UUID | None] = refers("target_cities.id")
    found_at: Mapped[datetime] = stamp()


class LeadAssignment(Base):
    """A sold lead in its buyer's hands, and what became of it. Owner: marketplace."""

    __tablename__ = "lead_assignments"
    __table_args__ = (
        Index("idx_lead_assignments_lead", "base_lead_id"),
        Index("idx_lead_assignments_contractor", "contractor_id"),
        Index("idx_lead_assignments_converted", "converted"),
        Index("uq_lead_assignments_sale", "sale_id", unique=True),
        between("contractor_rating", 1, 5),
        between("lead_quality_rating", 1, 5),
    )

    id: Mapped[UUID] = key()
    base_lead_id: Mapped[UUID] = refers("base_leads.id", on_delete="RESTRICT")
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    assigned_at: Mapped[datetime] = stamp()
    price_paid: Mapped[Decimal | None] = mapped_column(number(10, 2))
    viewed: Mapped[bool] = starts_false()
    viewed_at: Mapped[datetime | None]
    contacted: Mapped[bool] = starts_false()
    contacted_at: Mapped[datetime | None]
    contact_method: Mapped[ContactMethod | None] = choice("contact_method", ContactMethod, length=50)
    appointment_scheduled: Mapped[bool] = starts_false()
    appointment_date: Mapped[datetime | None]
    quote_provided: Mapped[bool] = starts_false()
    quote_amount: Mapped[Decimal | None] = mapped_column(number(10, 2))
    quote_date: Mapped[datetime | None]
    converted: Mapped[bool] = starts_false()
    converted_at: Mapped[datetime | None]
    job_value: Mapped[Decimal | None] = mapped_column(number(10, 2))
    contractor_rating: Mapped[int | None]
    contractor_feedback: Mapped[str | None]
    lead_quality_rating: Mapped[int | None]
    created_at: Mapped[datetime] = stamp()

    sale_id: Mapped[UUID | None] = refers("sales.id", on_delete="RESTRICT")
