"""Storms over roofs that are sold: their buyers are told once a storm, for 24 months (G-53)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from services.lead_generator.handlers import price_territory
from shared.db.engine import SessionMaker
from shared.events.leads import TerritoryChanged
from tests.factories.leads import city_id
from tests.factories.services import RunningService
from tests.integration.lead_generator.test_rescore import rescore
from tests.integration.lead_generator.test_steps import lead, one, report

SOLD = {"status": "sold", "quality_score": 70, "price": "150.00"}
TOLD = "SELECT payload FROM core.outbox WHERE type = 'lead.sold_struck'"


async def told(db: SessionMaker) -> list[dict[str, Any]]:
    """Every event of a storm over a sold roof."""
    async with db() as session:
        return [row.payload for row in (await session.execute(text(TOLD))).all()]


@pytest.mark.parametrize(
    ("sold", "reached"),
    [("6 days", True), ("4 days", False), ("23 months", True), ("24 months 1 day", False)],
)
async def test_a_storm_after_the_sale_is_told_once_however_many_report_it(
    generator: RunningService, committed_db: SessionMaker, sold: str, reached: bool
) -> None:
    lead_id = await lead(generator, committed_db, **SOLD)
    when = "UPDATE base_leads SET sold_at = now() - CAST(:ago AS interval) WHERE id = :id"
    await one(committed_db, when, ago=sold, id=lead_id)
    for source in ("lsr", "nws_alert"):
        await report(committed_db, source)
    for _ in range(2):
        await rescore(generator, committed_db)

    found = await told(committed_db)
    assert len(found) == int(reached)
    for each in found:
        assert each["base_lead_id"] == str(lead_id)
        assert (each["event_type"], each["source"] in {"lsr", "nws_alert"}) == ("hail", True)
        assert 0.6 < each["distance_miles"] < 0.8


@pytest.mark.parametrize(
    "weak",
    [
        "hail_size_inches = 0.5",
        "geom = 'SRID=4326;POINT(-98.0 32.41)'",
        "began_at = now() - interval '91 days'",
    ],
)
async def test_a_weak_far_or_old_storm_is_told_to_nobody(
    generator: RunningService, committed_db: SessionMaker, weak: str
) -> None:
    lead_id = await lead(generator, committed_db, **SOLD)
    await one(
        committed_db, "UPDATE base_leads SET sold_at = now() - interval '1 year' WHERE id = :id", id=lead_id
    )
    await report(committed_db, "lsr")
    await one(committed_db, f"UPDATE weather_events SET {weak}")
    await rescore(generator, committed_db)

    assert await told(committed_db) == []


async def test_a_territory_that_changes_prices_its_city_again_beside_a_run_under_way(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    async with committed_db() as session:
        harrow = await city_id(session)
    event = TerritoryChanged(territory_id=harrow, city_id=harrow)
    for _ in range(2):
        async with generator.resources.unit_of_work() as uow:
            await price_territory(event, uow, generator.resources)

    begun = "SELECT count(*) FROM core.workflow WHERE kind = 'rescore_leads' AND input->>'city_id' = :id"
    assert await one(committed_db, begun, id=str(harrow)) == 2
