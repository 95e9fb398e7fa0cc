"""Sunday's job activates the next city, as an operator would, or says why not."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from services.orchestrator.app import service
from shared.db.engine import SessionMaker
from tests.factories.leads import make_lead
from tests.factories.services import RunningService
from tests.factories.single_step import begin, run_step


def listed(city: str, priority: int, feed: str) -> str:
    """A city with one feed."""
    return (
        f"UPDATE target_cities SET priority = {priority}, sources = '{{\"permit_sources\": [{feed}]}}'"
        f" WHERE city = '{city}'"
    )


READY = (
    "UPDATE target_cities SET tier = 2, priority = 50, sources = '{}'",
    "UPDATE target_cities SET active = true, status = 'active' WHERE city = 'Austin'",
    listed("Dallas", 90, '{"key": "x", "kind": "arcgis"}'),
    listed("Charleston", 99, '{"key": "y", "kind": "opengov"}'),
    listed("Tampa", 98, '{"key": "z", "kind": "arcgis", "status": "blocked"}'),
    "INSERT INTO core.config (key, value) VALUES ('expansion.leads_per_month', '1'), ('expansion.budget_usd', '1')",
    "INSERT INTO core.feature_flag (key, enabled) VALUES ('city_expansion', true)",
)


async def expand(door: RunningService) -> Any:
    workflow = await begin(door.resources, "expand_cities")
    return await run_step(service, door.resources, workflow, "expand_cities")


async def rows(db: SessionMaker, statement: str) -> list[tuple[Any, ...]]:
    async with db() as session:
        return [tuple(row) for row in (await session.execute(text(statement))).all()]


async def test_the_next_city_is_activated_announced_and_audited(
    orchestrator: RunningService, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        for statement in READY:
            await session.execute(text(statement))
        lead_id = await make_lead(session, orchestrator.resources.keys)
        await session.execute(
            text(
                "UPDATE base_leads SET city_id = (SELECT id FROM target_cities WHERE city = 'Austin') WHERE id = :id"
            ),
            {"id": lead_id},
        )

    step = await expand(orchestrator)

    assert step.output == {"activated": "Dallas, TX", "reasons": []}
    assert await rows(committed_db, "SELECT status FROM target_cities WHERE city = 'Dallas'") == [
        ("activating",)
    ]
    assert await rows(committed_db, "SELECT count(*) FROM core.outbox WHERE type = 'city.activated'") == [
        (1,)
    ]
    audited = "SELECT actor, details ->> 'new' FROM audit_log WHERE action = 'city.activate'"
    assert await rows(committed_db, audited) == [("job expand_cities", "true")]


async def test_without_the_criteria_nothing_is_activated_and_the_reasons_are_kept(
    orchestrator: RunningService, committed_db: SessionMaker
) -> None:
    step = await expand(orchestrator)

    assert step.output["activated"] is None
    assert "the feature flag city_expansion is off" in step.output["reasons"]
    assert await rows(committed_db, "SELECT count(*) FROM core.workflow WHERE kind = 'city'") == [(0,)]
