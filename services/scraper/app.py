"""The scraper's declaration."""

from __future__ import annotations

from services.scraper import jobs
from services.scraper.api import (
    background_jobs,
    counties,
    health,
    neighborhood,
    scrape,
    source_health,
    sources,
)
from services.scraper.api import jobs as job_routes
from services.scraper.hvac import steps as county_steps
from services.scraper.own import open_own
from services.scraper.settings import ScraperSettings
from shared.runtime import Service
from shared.schemas.workflow_inputs import (
    CityInput,
    ContractorsInput,
    ErasureInput,
    JobInput,
    PropertyInput,
    StormsInput,
)
from shared.workflow import Step
from shared.workflow.catalogue import (
    CITY,
    COUNTY_PULL,
    PRIVACY_ERASURE,
    PROPERTY,
    REFRESH_CITY,
    REFRESH_PERMITS,
    REFRESH_STORMS,
    SCHEDULE_COUNTY_PULLS,
    SCRAPE_CONTRACTORS,
    SCRAPE_PROPERTY,
)
from shared.workflow.schedule import daily, hourly

service = Service(
    name="scraper",
    summary="Permits, parcels, storms and assessor pages from public sources.",
    settings=ScraperSettings,
    routers=[
        source_health.router,
        sources.router,
        scrape.router,
        job_routes.router,
        neighborhood.router,
        counties.router,
        background_jobs.router,
        health.router,
    ],
    enveloped_paths=["/api/"],
    own=open_own,
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
        Step(COUNTY_PULL, "county_pull", county_steps.county_pull, county_steps.CountyPullInput),
        Step(SCHEDULE_COUNTY_PULLS, "schedule_county_pulls", county_steps.schedule_county_pulls, JobInput),
        Step(PRIVACY_ERASURE, "erase_records", jobs.erase_records, ErasureInput),
        Step(SCRAPE_PROPERTY, "scrape_property", jobs.scrape_property, PropertyInput),
        Step(SCRAPE_CONTRACTORS, "scrape_contractors", jobs.scrape_contractors, ContractorsInput),
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
        hourly("county_pulls", "schedule_county_pulls", "Counties whose next pull is due.", minute=20),
    ],
    concurrency={"default": 10, "slow": 2, "pulls": 3},
)
