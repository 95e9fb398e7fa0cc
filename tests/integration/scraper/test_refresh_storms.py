"""The daily look at storm reports."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from services.scraper.app import service
from services.scraper.settings import ScraperSettings
from shared.db.engine import SessionMaker
from tests.factories.sandbox import running_sandbox
from tests.factories.services import running, settings_with_keys
from tests.factories.single_step import begin, run_step


async def test_reports_are_stored_once_however_often_they_are_read(  # noqa: PLR0917 - fixtures
    database_url: str,
    redis_url: str,
    redis: Redis,
    committed_db: SessionMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running_sandbox(tmp_path) as town:
        monkeypatch.setenv("SANDBOX_URL", town)
        settings = settings_with_keys(
            ScraperSettings,
            database_url=database_url,
            redis_url=redis_url,
            sandbox_url=town,
            refresh_storm_days=30,
        )
        async with running(service, settings) as door:
            counts = []
            for _ in range(2):
                workflow = await begin(door.resources, "refresh_storms")
                counts.append((await run_step(service, door.resources, workflow, "refresh_storms")).output)

    first, again = counts
    assert first["stored"] > 0
    assert (again["read"], again["stored"]) == (first["read"], 0)
    assert again["cities_reached"] == 0
    async with committed_db() as session:
        stored = await session.execute(text("SELECT count(*) FROM weather_events"))
        assert stored.scalar_one() == first["stored"]
        rows = await session.execute(
            text(
                "SELECT DISTINCT source, superseded_by IS NULL AS counts FROM weather_events"
                " WHERE began_at > now() - interval '25 days'"
            )
        )
        found = {(row.source, row.counts) for row in rows}
    # Every storm of these days is in four feeds, and only SPC's report of it counts.
    assert found == {("spc", True), ("swdi_plsr", False), ("lsr", False), ("nws_alert", False)}
