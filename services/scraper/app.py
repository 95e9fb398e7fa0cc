"""The scraper's declaration."""

from __future__ import annotations

from services.scraper import jobs
from services.scraper.api import source_health, sources
from services.scraper.settings import ScraperSettings
from shared.runtime import Service
from shared.schemas.workflow_inputs import CityInput, JobInput, PropertyInput, StormsInput
from shared.workflow import Step
from shared.workflow.catalogue import CITY, PROPERTY, REFRESH_CITY, REFRESH_PERMITS, REFRESH_STORMS
from shared.workflow.schedule import daily, hourly

service = Service(
    name="scraper",
    summary="Permits, parcels, storms and assessor pages from public sources.",
    settings=ScraperSettings,
    routers=[source_health.router, sources.router],
    steps=[
        Step(CITY, "source_check", jobs.source_check, CityInput),
        Step(CITY, "permits", jobs.permits, CityInput),
        Step(CITY, "parcels", jobs.parcels, CityInput),
        Step(CITY, "storms", jobs.storms, CityInput),
        Step(PROPERTY, "scrape_property", jobs.scrape_property, PropertyInput),
        Step(REFRESH_PERMITS, "refresh_permits", jobs.refresh_permits, JobInput),
        Step(REFRESH_CITY, "source_check", jobs.source_check, CityInput),
        Step(REFRESH_CITY, "permits", jobs.permits, CityInput),
        Step(REFRESH_CITY, "date_roofs", jobs.date_roofs, CityInput),
        Step(REFRESH_STORMS, "refresh_storms", jobs.refresh_storms, StormsInput),
    ],
    schedule=[
        daily("02:00", "permits", "refresh_permits", "Permits of all active cities."),
        daily("03:00", "weather", "refresh_storms", "Storm reports of the last days."),
        hourly(
            "weather_reports",
            "refresh_storms",
            "Warnings and local reports of the last hours.",
            minute=10,
            input={"near_real_time": True},
        ),
    ],
    concurrency={"default": 10, "slow": 2},
)
