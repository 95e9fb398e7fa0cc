"""Contacts are kept as long as the privacy page says, on a fake clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from services.enricher import jobs
from services.enricher.app import service as enricher
from shared.compliance.retention import KEPT, SOLD_CONTACT_MONTHS, UNSOLD_CONTACT_DAYS
from shared.db.engine import SessionMaker
from shared.runtime.resources import open_resources
from tests.factories.leads import make_lead
from tests.factories.single_step import begin, run_step
from tests.integration.marketplace.conftest import Market, rows

NOW = datetime(2027, 6, 1, 12, tzinfo=UTC)


async def forget(market: Market, at: datetime) -> int:
    """How many leads a run of the job at that time cleared."""
    async with open_resources("enricher", market.resources.settings) as opened:
        resources = replace(opened, clock=lambda: at)
        workflow = await begin(resources, "forget_contacts")
        step = await run_step(enricher, resources, workflow, "forget_contacts")
    assert step.status == "done", step
    return int(step.output["forgotten"])


async def read_on(db: SessionMaker, lead_id: UUID, at: datetime) -> None:
    async with db.begin() as session:
        await session.execute(
            text("UPDATE compliance.provenance SET fetched_at = :at WHERE entity_id = :id"),
            {"id": lead_id, "at": at},
        )


async def named(db: SessionMaker, lead_id: UUID) -> bool:
    found = await rows(db, "SELECT owner_name, subject_id FROM base_leads WHERE id = :id", id=lead_id)
    return found[0].owner_name is not None and found[0].subject_id is not None


async def test_an_unsold_leads_owner_goes_180_days_after_the_last_reading(
    market: Market, committed_db: SessionMaker
) -> None:
    await read_on(committed_db, market.lead_id, NOW)
    limit = NOW + timedelta(days=180)

    assert await forget(market, limit) == 0
    assert await named(committed_db, market.lead_id)
    assert await forget(market, limit + timedelta(seconds=1)) == 1
    assert not await named(committed_db, market.lead_id)


async def test_a_sold_leads_owner_stays_24_months(market: Market, committed_db: SessionMaker) -> None:
    assert (await market.buy()).json()["status"] == "sold"
    async with committed_db.begin() as session:
        await session.execute(
            text("UPDATE base_leads SET sold_at = :at WHERE id = :id"), {"at": NOW, "id": market.lead_id}
        )

    assert await forget(market, datetime(2029, 6, 1, 12, tzinfo=UTC)) == 0
    assert await forget(market, datetime(2029, 6, 1, 12, 1, tzinfo=UTC)) == 1


async def test_many_leads_go_by_pages_and_one_being_bought_stays(
    market: Market, committed_db: SessionMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "FORGET_PAGE", 2)
    async with committed_db.begin() as session:
        made = [await make_lead(session, market.resources.keys) for _ in range(4)]
    await market.hanging_sale(committed_db)
    for lead_id in (*made, market.lead_id):
        await read_on(committed_db, lead_id, NOW)

    assert await forget(market, NOW + timedelta(days=181)) == 4
    assert await named(committed_db, market.lead_id)


def test_the_privacy_page_tells_the_jobs_numbers() -> None:
    told = " ".join(kept.until for kept in KEPT)
    assert f"{UNSOLD_CONTACT_DAYS} days" in told
    assert f"{SOLD_CONTACT_MONTHS} months" in told
