"""Settings of the scraper."""

from __future__ import annotations

from pydantic import Field

from shared.settings import Settings


class ScraperSettings(Settings):
    """How far back to read, and when a feed counts as stale."""

    freshness_days: int = Field(30, alias="SCRAPER_FRESHNESS_DAYS", ge=1)
    refresh_days: int = Field(30, alias="SCRAPER_REFRESH_DAYS", ge=1)
    storm_days: int = Field(90, alias="SCRAPER_STORM_DAYS", ge=1)
    refresh_storm_days: int = Field(7, alias="SCRAPER_REFRESH_STORM_DAYS", ge=1)
    report_days: int = Field(2, alias="SCRAPER_REPORT_DAYS", ge=1)
    city_radius_miles: float = Field(40.0, alias="SCRAPER_CITY_RADIUS_MILES", gt=0)
