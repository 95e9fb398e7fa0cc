"""Places whose leads one buyer is offered alone, and who waits for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, Index, text
from sqlalchemy.dialects.postgresql import INT4RANGE, INT8RANGE, TSTZRANGE, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, choice, key, refers, stamp, words
from shared.schemas.territory import TerritoryEnd, TerritoryKind, TerritoryStatus


class Territory(Base):
    """A buyer's wish for a place: waiting, offered, held, ended. Owner: marketplace.

    `period` is the time for which the place is kept from others; `zips` and `clusters` are what it covers of its city,
    and no two rows meet in all three.
    """

    __tablename__ = "territories"
    __table_args__ = (
        Index("idx_territories_city", "city_id", "status"),
        Index("idx_territories_cluster", "cluster_id"),
        Index(
            "uq_territories_own_place",
            "contractor_id",
            "city_id",
            "zips",
            "clusters",
            unique=True,
            postgresql_where=text("status <> 'ended'"),
        ),
        ExcludeConstraint(
            ("city_id", "="),
            ("zips", "&&"),
            ("clusters", "&&"),
            ("period", "&&"),
            name="ex_territories_one_holder",
        ),
        CheckConstraint("(kind = 'zip') = (zip IS NOT NULL)", name="zip_of_a_zip"),
        CheckConstraint(r"zip ~ '^\d{5}$'", name="zip_digits"),
        CheckConstraint("kind = 'cluster' OR cluster_id IS NULL", name="cluster_of_a_cluster"),
        CheckConstraint(
            "status NOT IN ('offered', 'held') OR (period IS NOT NULL AND upper_inf(period))",
            name="taken_has_period",
        ),
        CheckConstraint("status <> 'waiting' OR period IS NULL", name="waiting_has_none"),
        CheckConstraint("(status = 'offered') = (offered_until IS NOT NULL)", name="offer_has_end"),
        CheckConstraint(
            "(status = 'ended') = (ended_at IS NOT NULL) AND (ended_at IS NULL) = (end_reason IS NULL)"
            " AND (status <> 'ended' OR period IS NULL OR NOT upper_inf(period) OR isempty(period))",
            name="ended_has_reason",
        ),
    )

    id: Mapped[UUID] = key()
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="RESTRICT")
    kind: Mapped[TerritoryKind] = choice("kind", TerritoryKind, length=10)
    city_id: Mapped[UUID] = refers("target_cities.id")
    zip: Mapped[str | None] = mapped_column(words(5))
    cluster_id: Mapped[UUID | None] = refers("lead_clusters.id", on_delete="SET NULL")
    status: Mapped[TerritoryStatus] = choice("status", TerritoryStatus, length=10)
    period: Mapped[Any] = mapped_column(TSTZRANGE(), nullable=True)
    offered_until: Mapped[datetime | None]
    warned_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[TerritoryEnd | None] = choice("end_reason", TerritoryEnd, length=20)
    zips: Mapped[Any] = mapped_column(
        INT4RANGE(),
        Computed(
            "CASE WHEN kind = 'zip' THEN int4range(zip::integer, zip::integer, '[]')"
            " ELSE int4range(NULL, NULL) END",
            persisted=True,
        ),
        nullable=True,
    )
    clusters: Mapped[Any] = mapped_column(
        INT8RANGE(),
        Computed(
            "CASE WHEN kind = 'cluster' THEN int8range(hashtext(cluster_id::text), hashtext(cluster_id::text), '[]')"
            " ELSE int8range(NULL, NULL) END",
            persisted=True,
        ),
        nullable=True,
    )
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()
