"""New storms are heard of within the hour and announced to the cities they reached, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from services.scraper.app import service as scraper_service
from services.scraper.domain.rows import StormRow
from services.scraper.ingest import ingest_storms
from services.scraper.repository import StormRepository
from shared.db.engine import SessionMaker
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.workflow.schedule import ScheduledJob
from tests.factories.steps import Bench
from tests.factories.town import ServedTown

HARROW = (32.40, -98.90)
FAST = {"spc", "nws_alerts", "lsr"}


async def test_the_hourly_look_asks_only_the_fast_feeds(scraper: Bench, town: ServedTown) -> None:
    assert {f.name for f in scraper.at.providers.storm_feeds if f.near_real_time} == FAST
    workflow = await scraper.begin("refresh_storms", None, near_real_time=True)
    await scraper.run(workflow, "refresh_storms")
    step = await scraper.step(workflow, "refresh_storms")
    assert (step.status, step.output["failed"]) == ("done", [])
    assert [town.calls(vendor) > 0 for vendor in ("spc", "nws", "ncei", "swdi")] == [True, True, False, False]


def test_the_fast_feeds_are_asked_every_hour() -> None:
    jobs: dict[str, ScheduledJob] = {job.job: job for job in scraper_service.schedule}
    assert (jobs["weather_reports"].cron, jobs["weather_reports"].input) == (
        "10 * * * *",
        {"near_real_time": True},
    )
    assert jobs["weather"].input == {}


def hail(source: str, *, lat: float = HARROW[0], hours: float = 1) -> StormRow:
    return StormRow(
        source=source,
        external_id=f"{source}{lat}{hours}",
        event_type="hail",
        began_at=datetime.now(UTC) - timedelta(hours=hours),
        lat=lat,
        lng=HARROW[1],
        hail_size_inches=Decimal("1.75"),
    )


async def reached(unit_of_work: UnitOfWorkFactory, *rows: StormRow) -> list[int]:
    """How many new storms were announced to Harrow and others by one look."""
    async with unit_of_work() as uow:
        since = await uow.database_now()
    async with unit_of_work() as uow:
        await ingest_storms(uow.session, rows)
    async with unit_of_work() as uow:
        found = await StormRepository(uow.session).reached_cities(since, days=90, radius_miles=40)
        return [row.reports for row in found]


@pytest.mark.parametrize("active", [True, False])
async def test_news_is_for_active_cities_near_it(
    *, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker, active: bool
) -> None:
    async with committed_db.begin() as session:
        await session.execute(
            text("UPDATE target_cities SET active = :active WHERE city = 'Harrow'"), {"active": active}
        )
    early = [hail("lsr"), hail("spc"), hail("spc", lat=HARROW[0] + 2), hail("spc", hours=24 * 91)]
    assert await reached(unit_of_work, *early) == ([1] if active else [])
    assert await reached(unit_of_work, *early) == []
    assert await reached(unit_of_work, hail("ncei")) == []
