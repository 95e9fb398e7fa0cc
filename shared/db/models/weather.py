"""Storms."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from geoalchemy2 import WKBElement
from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, area, between, choice, key, number, point, refers, stamp, words
from shared.schemas.enums import TornadoRating, WeatherEventType, WeatherSeverity


class WeatherEvent(Base):
    """A storm report; a later, better source supersedes an earlier one (C-04). Owner: scraper."""

    __tablename__ = "weather_events"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index("idx_weather_events_location", "city", "state"),
        Index("idx_weather_events_date", text("event_date DESC")),
        Index("idx_weather_events_type", "event_type"),
        Index("idx_weather_events_geom", "geom", postgresql_using="gist"),
        Index("idx_weather_events_swath", "swath", postgresql_using="gist"),
        Index("idx_weather_events_reach", text("coalesce(swath, geom)"), postgresql_using="gist"),
        Index("idx_weather_events_began", "began_at"),
        Index("idx_weather_events_state_date", "state", text("event_date DESC")),
        Index("idx_weather_events_superseded_by", "superseded_by"),
        between("lat", -90, 90),
        between("lng", -180, 180),
    )

    id: Mapped[UUID] = key()
    event_type: Mapped[WeatherEventType] = choice("event_type", WeatherEventType, length=50)
    event_date: Mapped[date]
    event_time: Mapped[time | None]
    city: Mapped[str | None] = mapped_column(words(100))
    state: Mapped[str | None] = mapped_column(words(2))
    county: Mapped[str | None] = mapped_column(words(100))
    lat: Mapped[Decimal | None] = mapped_column(number(10, 8))
    lng: Mapped[Decimal | None] = mapped_column(number(11, 8))
    radius_miles: Mapped[Decimal | None] = mapped_column(number(5, 2))
    severity: Mapped[WeatherSeverity | None] = choice("severity", WeatherSeverity, length=50)
    hail_size_inches: Mapped[Decimal | None] = mapped_column(number(4, 2))
    wind_speed_mph: Mapped[int | None]
    tornado_rating: Mapped[TornadoRating | None] = choice("tornado_rating", TornadoRating, length=10)
    source: Mapped[str] = mapped_column(words(100))
    source_url: Mapped[str | None]
    external_id: Mapped[str] = mapped_column(words(255))
    properties_affected_estimate: Mapped[int | None]
    insurance_claims_filed: Mapped[int | None]
    damage_estimate: Mapped[Decimal | None] = mapped_column(number(16, 2))
    created_at: Mapped[datetime] = stamp()

    began_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    geom: Mapped[WKBElement | None] = mapped_column(point())
    swath: Mapped[WKBElement | None] = mapped_column(area())
    superseded_by: Mapped[UUID | None] = refers("weather_events.id", on_delete="SET NULL")
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    content_hash: Mapped[str]
    updated_at: Mapped[datetime] = stamp()
