"""The hourly round: who is in need, each looked for once, and the figures it shows."""

from __future__ import annotations

from typing import Any

from prometheus_client import REGISTRY

from services.enricher.app import service
from services.enricher.service import figures
from services.enricher.settings import EnricherSettings
from shared.workflow.schedule import seed_schedule, trigger
from tests.factories.owners import a_person, lead_of
from tests.factories.steps import bench
from tests.factories.town import ServedTown


async def test_leads_in_need_are_looked_for_once_and_the_figures_are_those_of_the_rows(
    town: ServedTown, database_url: str, redis_url: str, unit_of_work: Any, redis: Any
) -> None:
    del redis
    servers = {"database_url": database_url, "redis_url": redis_url}
    async with bench(service, EnricherSettings, town, unit_of_work, hourly_leads=3, **servers) as at:
        wanted = [await lead_of(at, town, parcel) for parcel in (a_person(town, "valid"), None)]
        others = {name: await lead_of(at, town, 10 + place) for place, name in enumerate(OTHERS)}
        for name, change in OTHERS.items():
            await at.rows(change, id=others[name])
        busy = await lead_of(at, town, 30)
        await at.begin("property", busy)
        told_not_to = await lead_of(at, town, 31)
        skipping = await at.begin("property", told_not_to, skip={"contacts": "recorded rows"})
        await at.rows("UPDATE core.step SET status = 'skipped' WHERE workflow_id = :id", id=skipping)

        async def one_round(hour: int) -> set[Any]:
            async with at.unit_of_work() as uow:
                await seed_schedule(uow.session, "enricher", tuple(service.schedule))
                run = await trigger(uow.session, "enrichment", key=f"hour {hour}")
            await at.run(run, "enrich_leads")
            children = await at.rows("SELECT id, subject_id FROM core.workflow WHERE parent_id = :id", id=run)
            for row in children:
                await at.run(row.id, "enrich_lead")
            await at.run(run, "enrich_leads")
            assert await at.status(run) == "done"
            return {row.subject_id for row in children}

        assert await one_round(1) == set(wanted)
        assert await one_round(2) == set()
        shown = await figures.measure(at.at)
    assert town.calls("hunter") == 2
    assert shown == {"match": 0.5, "verified": 1.0, "cost_usd": 0.0325, "address_valid": 1.0}
    assert REGISTRY.get_sample_value("enricher_email_cost_usd") == 0.0325
    assert REGISTRY.get_sample_value("enricher_address_valid_share") == 1.0


OTHERS = {
    "sold": "UPDATE base_leads SET status = 'sold' WHERE id = :id",
    "found": "UPDATE base_leads SET owner_email = 'sealed' WHERE id = :id",
    "unknown": "UPDATE base_leads SET owner_name = NULL WHERE id = :id",
    "objects": "INSERT INTO enrichment_jobs (base_lead_id, enrichment_type, status, enrichment_data)"
    " VALUES (:id, 'email', 'completed', '{\"opted_out\": true}')",
}
