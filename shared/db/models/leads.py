"""Leads: the house, the roof, the reasons, the neighbourhood."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from geoalchemy2 import WKBElement
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.geo import CELL_DEGREES
from shared.db.models.base import (
    Base,
    between,
    choice,
    choices,
    counter,
    key,
    number,
    plane_point,
    point,
    refers,
    stamp,
    starts_false,
    starts_true,
    subject,
    words,
)
from shared.schemas.enums import (
    ConfidenceBand,
    DamageType,
    Grade,
    LeadClass,
    LeadStatus,
    PublishLabel,
    RoofAgeEvidence,
    RoofMaterial,
    RoofType,
    TriggerType,
)


def _where_known(name: str, column: str) -> Index:
    """An index without the rows that hold nothing: a new score costs an entry in every index the lead stands in."""
    return Index(name, column, postgresql_where=text(f"{column} IS NOT NULL"))


class BaseLead(Base):
    """A house worth a visit. Owner: lead_generator.

    enricher writes the contact columns; marketplace moves the status from `available` on and sets
    reserved_at, sold_at and sale_id. owner_name, owner_email, owner_phone and mailing_address are ciphertext
    bound to subject_id; their `_hash` columns are blind indexes. `map_cell`, set at publication, is all that
    the market tells of the place; empty where too few homes share the cell.
    """

    __tablename__ = "base_leads"
    __table_args__ = (
        UniqueConstraint("state", "address_key"),
        Index("idx_base_leads_location", "city", "state"),
        Index("idx_base_leads_status", "status"),
        Index("idx_base_leads_quality", text("quality_score DESC")),
        Index("idx_base_leads_geom", "geom", postgresql_using="gist"),
        Index("idx_base_leads_owner_email", "owner_email_hash"),
        _where_known("idx_base_leads_owner_phone", "owner_phone_hash"),
        Index("idx_base_leads_vertical", "vertical_id"),
        Index("idx_base_leads_city_status", "city_id", "status"),
        _where_known("idx_base_leads_parcel", "parcel_id"),
        _where_known("idx_base_leads_cluster", "cluster_id"),
        _where_known("idx_base_leads_sale", "sale_id"),
        _where_known("idx_base_leads_subject", "subject_id"),
        Index(
            "idx_base_leads_market",
            "state",
            text("quality_score DESC"),
            text("created_at DESC"),
            postgresql_where=text("status = 'available'"),
        ),
        Index(
            "idx_base_leads_map",
            "map_row",
            "map_col",
            postgresql_include=[
                "id",
                "quality_score",
                "price",
                "grade",
                "city",
                "state",
                "available_until",
                "published_at",
                "exclusive_contractor_id",
            ],
            postgresql_where=text("status = 'available'"),
        ),
        Index(
            "idx_base_leads_best",
            text("quality_score DESC"),
            text("id DESC"),
            postgresql_where=text("status = 'available'"),
        ),
        Index("idx_base_leads_cheapest", "price", "id", postgresql_where=text("status = 'available'")),
        Index("idx_base_leads_expiry", "available_until", postgresql_where=text("status = 'available'")),
        CheckConstraint(
            "status NOT IN ('available', 'reserved', 'sold')"
            " OR (price IS NOT NULL AND price > 0 AND quality_score IS NOT NULL)",
            name="priced_when_on_sale",
        ),
        CheckConstraint("price > 0", name="price_positive"),
        between("quality_score", 0, 100),
        between("pre_score", 0, 100),
        between("owner_email_confidence", 0, 100),
        between("confidence", 0, 1),
        between("lat", -90, 90),
        between("lng", -180, 180),
    )

    id: Mapped[UUID] = key()
    vertical_id: Mapped[UUID | None] = refers("verticals.id")
    address: Mapped[str]
    city: Mapped[str] = mapped_column(words(100))
    state: Mapped[str] = mapped_column(words(2))
    zip: Mapped[str | None] = mapped_column(words(10))
    lat: Mapped[Decimal | None] = mapped_column(number(10, 8))
    lng: Mapped[Decimal | None] = mapped_column(number(11, 8))
    geom: Mapped[WKBElement | None] = mapped_column(point())
    property_value: Mapped[Decimal | None] = mapped_column(number(12, 2))
    year_built: Mapped[int | None]
    sqft: Mapped[int | None]
    lot_size: Mapped[Decimal | None] = mapped_column(number(10, 2))
    beds: Mapped[int | None]
    baths: Mapped[Decimal | None] = mapped_column(number(3, 1))
    property_type: Mapped[str | None] = mapped_column(words(50))
    owner_name: Mapped[str | None]
    owner_occupied: Mapped[bool | None]
    owner_email: Mapped[str | None]
    owner_email_confidence: Mapped[Decimal | None] = mapped_column(number(5, 2))
    owner_email_source: Mapped[str | None] = mapped_column(words(100))
    owner_email_verified: Mapped[bool] = starts_false()
    owner_phone: Mapped[str | None]
    owner_phone_verified: Mapped[bool] = starts_false()
    email_acquisition_cost: Mapped[Decimal | None] = mapped_column(number(10, 4))
    quality_score: Mapped[int | None]
    price: Mapped[Decimal | None] = mapped_column(number(10, 2))
    status: Mapped[LeadStatus] = choice("status", LeadStatus, length=50, default=LeadStatus.PROCESSING)
    available_until: Mapped[datetime | None]
    reserved_at: Mapped[datetime | None]
    sold_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()

    city_id: Mapped[UUID] = refers("target_cities.id")
    parcel_id: Mapped[UUID | None] = refers("parcels.id")
    address_key: Mapped[str]
    unit: Mapped[str | None] = mapped_column(words(20))
    county: Mapped[str | None] = mapped_column(words(100))
    apn: Mapped[str | None] = mapped_column(words(64))
    time_zone: Mapped[str] = mapped_column(words(64))
    subject_id: Mapped[UUID | None] = subject()
    owner_name_hash: Mapped[str | None]
    owner_email_hash: Mapped[str | None]
    owner_phone_hash: Mapped[str | None]
    mailing_address: Mapped[str | None]
    mailing_address_hash: Mapped[str | None]
    last_sale_on: Mapped[date | None]
    last_sale_price: Mapped[Decimal | None] = mapped_column(number(12, 2))
    lead_class: Mapped[LeadClass] = choice("lead_class", LeadClass, length=20, default=LeadClass.DATA)
    grade: Mapped[Grade | None] = choice("grade", Grade, length=1)
    publish_label: Mapped[PublishLabel | None] = choice("publish_label", PublishLabel, length=20)
    confidence: Mapped[Decimal | None] = mapped_column(number(5, 4))
    confidence_band: Mapped[ConfidenceBand | None] = choice("confidence_band", ConfidenceBand, length=20)
    review_reason: Mapped[str | None]
    status_reason: Mapped[str | None]
    score_breakdown: Mapped[dict[str, Any] | None]
    scored_from: Mapped[int | None] = mapped_column(BigInteger())
    """Digest of the facts and rules that the score was last made of by the set; NULL after a single score."""
    pre_score: Mapped[Decimal | None] = mapped_column(number(6, 2))
    prospect_reason: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    roof_installed_on: Mapped[date | None]
    roof_age_low: Mapped[int | None]
    roof_age_mid: Mapped[int | None]
    roof_age_high: Mapped[int | None]
    roof_age_evidence: Mapped[RoofAgeEvidence | None] = choice(
        "roof_age_evidence", RoofAgeEvidence, length=20
    )
    roof_material: Mapped[RoofMaterial | None] = choice("roof_material", RoofMaterial, length=40)
    published_at: Mapped[datetime | None]
    cluster_id: Mapped[UUID | None] = refers("lead_clusters.id", on_delete="SET NULL")
    sale_id: Mapped[UUID | None] = mapped_column(
        Uuid(),
        ForeignKey(
            "sales.id",
            name="fk_base_leads_sale_id",
            use_alter=True,
            deferrable=True,
            initially="DEFERRED",
        ),
    )
    sandbox: Mapped[bool] = starts_false()
    map_cell: Mapped[WKBElement | None] = mapped_column(plane_point())
    map_row: Mapped[int | None] = mapped_column(Computed(f"floor(ST_Y(map_cell) / {CELL_DEGREES})"))
    map_col: Mapped[int | None] = mapped_column(Computed(f"floor(ST_X(map_cell) / {CELL_DEGREES})"))
    exclusive_contractor_id: Mapped[UUID | None]


class RoofingLead(Base):
    """What makes a lead a roofing lead: age, triggers, findings, estimates. Owner: lead_generator."""

    __tablename__ = "roofing_leads"
    __table_args__ = (
        UniqueConstraint("base_lead_id"),
        Index("idx_roofing_leads_vertical", "vertical_id"),
    )

    id: Mapped[UUID] = key()
    base_lead_id: Mapped[UUID] = refers("base_leads.id", on_delete="CASCADE")
    vertical_id: Mapped[UUID | None] = refers("verticals.id")
    estimated_roof_age: Mapped[int | None]
    roof_type: Mapped[RoofType | None] = choice("roof_type", RoofType, length=50)
    roof_sqft: Mapped[int | None]
    roof_pitch: Mapped[str | None] = mapped_column(words(50))
    last_roof_permit: Mapped[date | None]
    neighbor_permits_30d: Mapped[int] = counter()
    neighbor_permits_60d: Mapped[int] = counter()
    neighbor_permits_90d: Mapped[int] = counter()
    hail_event_30d: Mapped[bool] = starts_false()
    hail_event_90d: Mapped[bool] = starts_false()
    wind_event_30d: Mapped[bool] = starts_false()
    trigger_event: Mapped[str | None] = mapped_column(words(100))
    trigger_details: Mapped[dict[str, Any] | None]
    satellite_image_url: Mapped[str | None]
    street_view_urls: Mapped[list[str] | None]
    ai_roof_analysis: Mapped[dict[str, Any] | None]
    ai_insights: Mapped[dict[str, Any] | None]
    damage_detected: Mapped[list[str] | None] = choices("damage_detected", DamageType)
    damage_severity: Mapped[dict[str, Any] | None]
    repair_cost_estimate: Mapped[dict[str, Any] | None]
    replacement_cost_estimate: Mapped[dict[str, Any] | None]
    data_sources: Mapped[list[str] | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class LeadTrigger(Base):
    """A reason to visit now. Owner: lead_generator. One row per lead, type and origin."""

    __tablename__ = "lead_triggers"
    __table_args__ = (
        UniqueConstraint("base_lead_id", "trigger_type", "origin_key"),
        Index("idx_lead_triggers_lead", "base_lead_id"),
        Index("idx_lead_triggers_type", "trigger_type"),
        Index("idx_lead_triggers_active", "active", postgresql_where=text("active = TRUE")),
        Index("idx_lead_triggers_strength", text("trigger_strength DESC")),
        Index("idx_lead_triggers_weather_event", "weather_event_id"),
        Index(
            "idx_lead_triggers_storm",
            "base_lead_id",
            postgresql_where=text("active AND trigger_type = 'weather_event'"),
        ),
        between("trigger_strength", 0, 100),
    )

    id: Mapped[UUID] = key()
    base_lead_id: Mapped[UUID] = refers("base_leads.id", on_delete="CASCADE")
    trigger_type: Mapped[TriggerType] = choice("trigger_type", TriggerType, length=50)
    trigger_date: Mapped[datetime | None]
    trigger_strength: Mapped[int | None]
    trigger_details: Mapped[dict[str, Any] | None]
    active: Mapped[bool] = starts_true()
    expired_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()

    origin_key: Mapped[str] = mapped_column(Text(), server_default=text("''"))
    weather_event_id: Mapped[UUID | None] = refers("weather_events.id")
    expires_at: Mapped[datetime | None]


class ParcelStorm(Base):
    """The storm that speaks most for a parcel now. Owner: lead_generator. Prospecting writes a city's rows anew.

    Without foreign keys: it is derived, and a check of each of a million rows would cost more than finding them.
    """

    __tablename__ = "parcel_storms"
    __table_args__ = (between("strength", 0, 100),)

    city_id: Mapped[UUID] = mapped_column(primary_key=True)
    parcel_id: Mapped[UUID] = mapped_column(primary_key=True)
    weather_event_id: Mapped[UUID]
    strength: Mapped[int]


class ParcelTrigger(Base):
    """Why a parcel is worth a visit now, storms aside. Owner: lead_generator. Only rows that changed are written.

    Without foreign keys, as `parcel_storms`.
    """

    __tablename__ = "parcel_triggers"
    __table_args__ = (between("strength", 0, 100),)

    city_id: Mapped[UUID] = mapped_column(primary_key=True)
    parcel_id: Mapped[UUID] = mapped_column(primary_key=True)
    trigger_type: Mapped[TriggerType] = choice("trigger_type", TriggerType, length=50, primary_key=True)
    strength: Mapped[int]
    measure: Mapped[int | None]
    """Permits nearby or years of the roof; none of a sale."""
    occurred_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class SoldLeadStorm(Base):
    """A storm at a sold roof of which its buyer was told, once a kind and day. Owner: lead_generator."""

    __tablename__ = "sold_lead_storms"
    __table_args__ = (
        UniqueConstraint("base_lead_id", "event_type", "struck_on"),
        Index("idx_sold_lead_storms_weather_event", "weather_event_id"),
    )

    id: Mapped[UUID] = key()
    base_lead_id: Mapped[UUID] = refers("base_leads.id", on_delete="CASCADE")
    event_type: Mapped[str] = mapped_column(words(50))
    struck_on: Mapped[date]
    weather_event_id: Mapped[UUID] = refers("weather_events.id")
    distance_miles: Mapped[Decimal] = mapped_column(number(6, 2))
    created_at: Mapped[datetime] = stamp()


class LeadCluster(Base):
    """Neighbouring leads that one crew can work together. Owner: lead_generator."""

    __tablename__ = "lead_clusters"
    __table_args__ = (
        Index("idx_lead_clusters_location", "city", "state"),
        Index("idx_lead_clusters_contractor", "exclusive_contractor_id"),
        Index("idx_lead_clusters_city", "city_id"),
        Index("idx_lead_clusters_center", "center", postgresql_using="gist"),
        CheckConstraint("lead_count >= 0", name="lead_count_positive"),
    )

    id: Mapped[UUID] = key()
    cluster_name: Mapped[str | None] = mapped_column(words(255))
    city: Mapped[str | None] = mapped_column(words(100))
    state: Mapped[str | None] = mapped_column(words(2))
    center_lat: Mapped[Decimal | None] = mapped_column(number(10, 8))
    center_lng: Mapped[Decimal | None] = mapped_column(number(11, 8))
    radius_miles: Mapped[Decimal | None] = mapped_column(number(5, 2))
    lead_count: Mapped[int] = counter()
    avg_quality_score: Mapped[Decimal | None] = mapped_column(number(5, 2))
    total_value: Mapped[Decimal | None] = mapped_column(number(12, 2))
    leads_available: Mapped[int] = counter()
    leads_sold: Mapped[int] = counter()
    exclusive_contractor_id: Mapped[UUID | None] = refers("contractors.id", on_delete="SET NULL")
    assigned_at: Mapped[datetime | None]
    exclusivity_expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()

    city_id: Mapped[UUID | None] = refers("target_cities.id")
    center: Mapped[WKBElement | None] = mapped_column(point())
