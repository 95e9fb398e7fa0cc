"""Permits, parcels and the raw rows they were read from."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from geoalchemy2 import WKBElement
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import (
    Base,
    area,
    between,
    choice,
    key,
    number,
    point,
    refers,
    stamp,
    starts_false,
    subject,
    words,
)
from shared.schemas.enums import RoofAgeEvidence, RoofMaterial, TradeVertical


class RoofingPermit(Base):
    """A building permit. Owner: scraper.

    vertical_id is the trade that its words tell; `vertical` is the product whose sources it was read from, and no
    step of one product reads the rows of another. The enricher fills
    lat, lng, geom and zip where the source gave none.
    """

    __tablename__ = "roofing_permits"
    __table_args__ = (
        UniqueConstraint("jurisdiction", "permit_number"),
        Index("idx_permits_location", "city", "state"),
        Index("idx_permits_date", text("issue_date DESC")),
        Index("idx_permits_address", "address"),
        Index("idx_permits_address_key", "state", "address_key"),
        Index("idx_permits_geom", "geom", postgresql_using="gist"),
        Index("idx_permits_vertical", "vertical_id"),
        Index("idx_permits_city", "city_id", text("issue_date DESC")),
        Index("idx_permits_reroofs", "city_id", text("issue_date DESC"), postgresql_where=text("reroof")),
        Index(
            "idx_permits_county",
            "county_id",
            text("issue_date DESC"),
            postgresql_where=text("county_id IS NOT NULL"),
        ),
        Index(
            "idx_permits_other_verticals",
            "vertical",
            "state",
            "address_key",
            postgresql_where=text("vertical <> 'roofing'"),
        ),
        between("lat", -90, 90),
        between("lng", -180, 180),
    )

    id: Mapped[UUID] = key()
    permit_number: Mapped[str] = mapped_column(words(100))
    address: Mapped[str]
    city: Mapped[str | None] = mapped_column(words(100))
    state: Mapped[str | None] = mapped_column(words(2))
    zip: Mapped[str | None] = mapped_column(words(10))
    lat: Mapped[Decimal | None] = mapped_column(number(10, 8))
    lng: Mapped[Decimal | None] = mapped_column(number(11, 8))
    permit_type: Mapped[str | None] = mapped_column(words(100))
    work_description: Mapped[str | None]
    estimated_value: Mapped[Decimal | None] = mapped_column(number(10, 2))
    contractor_name: Mapped[str | None] = mapped_column(words(255))
    contractor_license: Mapped[str | None] = mapped_column(words(100))
    issue_date: Mapped[date | None]
    completion_date: Mapped[date | None]
    permit_status: Mapped[str | None] = mapped_column(words(50))
    source: Mapped[str | None] = mapped_column(words(100))
    source_url: Mapped[str | None]
    scraped_at: Mapped[datetime] = stamp()
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()

    jurisdiction: Mapped[str] = mapped_column(words(100))
    city_id: Mapped[UUID | None] = refers("target_cities.id")
    vertical_id: Mapped[UUID | None] = refers("verticals.id")
    vertical: Mapped[TradeVertical] = choice(
        "vertical", TradeVertical, length=50, default=TradeVertical.ROOFING
    )
    county_id: Mapped[UUID | None] = refers("counties.id", on_delete="SET NULL")
    address_key: Mapped[str | None]
    unit: Mapped[str | None] = mapped_column(words(20))
    apn: Mapped[str | None] = mapped_column(words(64))
    geom: Mapped[WKBElement | None] = mapped_column(point())
    reroof: Mapped[bool] = starts_false()
    roof_work: Mapped[str | None] = mapped_column(words(30))
    raw_record_id: Mapped[int | None] = mapped_column(BigInteger())
    read_method: Mapped[str | None] = mapped_column(words(20))
    """How the page of a portal was read; empty where a feed or a file gave the row."""
    content_hash: Mapped[str]


class Parcel(Base):
    """One lot with its house, as the assessor sees it. Owner: scraper.

    owner_name, mailing_address, owner_email and owner_phone are ciphertext bound to subject_id, the hashes are blind
    indexes. The enricher fills lat, lng, geom and zip where the source gave none.
    """

    __tablename__ = "parcels"
    __table_args__ = (
        UniqueConstraint("county", "state", "apn"),
        Index("idx_parcels_address_key", "state", "address_key"),
        Index("idx_parcels_geom", "geom", postgresql_using="gist"),
        Index("idx_parcels_boundary", "boundary", postgresql_using="gist"),
        Index("idx_parcels_city", "city_id", "roof_installed_on"),
        Index("idx_parcels_street", "city_id", text(r"regexp_replace(address, '^\s*\d\S*\s+', '')")),
        Index("idx_parcels_owner_name", "owner_name_hash"),
        Index("idx_parcels_subject", "subject_id"),
        Index(
            "idx_parcels_roof_permit", "roof_permit_id", postgresql_where=text("roof_permit_id IS NOT NULL")
        ),
        between("lat", -90, 90),
        between("lng", -180, 180),
    )

    id: Mapped[UUID] = key()
    city_id: Mapped[UUID] = refers("target_cities.id")
    apn: Mapped[str] = mapped_column(words(64))
    county: Mapped[str] = mapped_column(words(100))
    state: Mapped[str] = mapped_column(words(2))
    address: Mapped[str]
    address_key: Mapped[str]
    unit: Mapped[str | None] = mapped_column(words(20))
    city: Mapped[str] = mapped_column(words(100))
    zip: Mapped[str | None] = mapped_column(words(10))
    lat: Mapped[Decimal | None] = mapped_column(number(10, 8))
    lng: Mapped[Decimal | None] = mapped_column(number(11, 8))
    geom: Mapped[WKBElement | None] = mapped_column(point())
    boundary: Mapped[WKBElement | None] = mapped_column(area())
    subject_id: Mapped[UUID | None] = subject()
    owner_name: Mapped[str | None]
    owner_name_hash: Mapped[str | None]
    mailing_address: Mapped[str | None]
    mailing_address_hash: Mapped[str | None]
    owner_email: Mapped[str | None]
    owner_email_hash: Mapped[str | None]
    owner_phone: Mapped[str | None]
    owner_phone_hash: Mapped[str | None]
    owner_occupied: Mapped[bool | None]
    owner_is_company: Mapped[bool | None]
    hoa: Mapped[bool | None]
    property_type: Mapped[str | None] = mapped_column(words(50))
    use_code: Mapped[str | None] = mapped_column(words(50))
    year_built: Mapped[int | None]
    stories: Mapped[Decimal | None] = mapped_column(number(3, 1))
    sqft: Mapped[int | None]
    lot_size: Mapped[Decimal | None] = mapped_column(number(10, 2))
    beds: Mapped[int | None]
    baths: Mapped[Decimal | None] = mapped_column(number(3, 1))
    assessed_value: Mapped[Decimal | None] = mapped_column(number(12, 2))
    market_value: Mapped[Decimal | None] = mapped_column(number(12, 2))
    tax_amount: Mapped[Decimal | None] = mapped_column(number(12, 2))
    last_sale_on: Mapped[date | None]
    last_sale_price: Mapped[Decimal | None] = mapped_column(number(12, 2))
    roof_material: Mapped[RoofMaterial | None] = choice("roof_material", RoofMaterial, length=40)
    roof_installed_on: Mapped[date | None]
    roof_evidence: Mapped[RoofAgeEvidence | None] = choice("roof_evidence", RoofAgeEvidence, length=20)
    roof_permit_id: Mapped[UUID | None] = refers("roofing_permits.id", on_delete="SET NULL")
    suppressed_until: Mapped[date | None]
    suppression_reason: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    source: Mapped[str] = mapped_column(words(100))
    source_url: Mapped[str | None]
    licence_id: Mapped[str | None] = mapped_column(words(100))
    fetched_at: Mapped[datetime] = stamp()
    content_hash: Mapped[str]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class RawRecord(Base):
    """One page or file as it was read, compressed, for replay; `raw_record_parts` go on with a long one. Owner: scraper."""

    __tablename__ = "raw_records"
    __table_args__ = (
        UniqueConstraint("source", "sha256"),
        Index("idx_raw_records_fetched", "fetched_at"),
        CheckConstraint("encoding IN ('gzip', 'zlib', 'zstd', 'identity')", name="encoding"),
    )

    id: Mapped[int] = mapped_column(BigInteger(), Identity(always=True), primary_key=True)
    source: Mapped[str] = mapped_column(words(100))
    kind: Mapped[str] = mapped_column(words(50))
    name: Mapped[str | None]
    fetched_at: Mapped[datetime] = stamp()
    encoding: Mapped[str] = mapped_column(words(10), server_default=text("'gzip'"))
    payload: Mapped[bytes] = mapped_column(LargeBinary())
    size_bytes: Mapped[int] = mapped_column(BigInteger())
    row_count: Mapped[int | None]
    sha256: Mapped[str]


class RawRecordPart(Base):
    """What follows the payload of a long raw record: joined in their order they are one compressed file. Owner: scraper."""

    __tablename__ = "raw_record_parts"

    raw_record_id: Mapped[int] = mapped_column(
        BigInteger(), ForeignKey("raw_records.id", ondelete="CASCADE"), primary_key=True
    )
    part: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    payload: Mapped[bytes] = mapped_column(LargeBinary())


class PageMethod(Base):
    """The method by which a source's pages are read, and what those that failed said. Owner: scraper."""

    __tablename__ = "page_methods"
    __table_args__ = (
        CheckConstraint("method IN ('http', 'crawl4ai', 'playwright', 'selenium')", name="method"),
    )

    source_key: Mapped[str] = mapped_column(words(100), primary_key=True)
    method: Mapped[str | None] = mapped_column(words(20))
    failures: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    decided_at: Mapped[datetime] = stamp()
    failed_at: Mapped[datetime | None]
    """When no method worked; empty once one does again."""
