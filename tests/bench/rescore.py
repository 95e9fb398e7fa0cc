"""Every lead of some cities scored and priced anew with its explanation, beside the workflow's step and a tight loop.

A city is a transaction, as many at once as there are connections. RIDGELINE_BENCH_ROWS sets the number of leads; goals
are told for a million. The step is measured without the durable core around it, so the true ratio is higher.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from services.lead_generator.repository.leads import LeadRepository
from services.lead_generator.service.leads import scores, store
from shared.runtime.resources import Resources
from tests.bench.core import with_resources
from tests.bench.figure import Figure
from tests.faults.chaos import connect, prepare
from tests.faults.plane import Plane, own_plane

LEADS = int(os.environ.get("RIDGELINE_BENCH_ROWS", "1000000"))
CITIES, CONNECTIONS = 20, 2
STEPS, SINGLE = 300, 2_000
ALL_GOAL, FEW_GOAL = 40.0, 10.0
STEP_GOAL, LOOP_GOAL = 50.0, 6.0
LOAD = (
    "SELECT setseed(0.7)",
    """
    INSERT INTO target_cities (city, state, tier, priority, active, time_zone)
    SELECT 'Metro ' || n, 'TX', 1, 1, true, 'America/Chicago' FROM generate_series(1, %(cities)s) n
    """,
    """
    INSERT INTO base_leads (city_id, address, address_key, city, state, zip, time_zone, geom, property_value, year_built,
                            sqft, property_type, roof_age_mid, roof_material, owner_name, owner_email, owner_email_verified,
                            owner_phone, quality_score, score_breakdown, status)
    SELECT c.id, n || ' OAK ST', n || '||OAK|ST|||76998', 'Metro', 'TX', '76998', 'America/Chicago',
           ST_Point(-97.3 + 0.64 * random(), 32.5 + 0.54 * random(), 4326)::geography,
           round((900000 * random())::numeric, 2), 1990, 2000, 'single_family', floor(40 * random()),
           'asphalt_architectural', 'sealed', CASE WHEN random() < 0.6 THEN 'sealed' END,
           random() < 0.5, CASE WHEN random() < 0.4 THEN 'sealed' END, 0, '{}',
           CASE WHEN random() < 0.5 THEN 'processing' ELSE 'review' END
      FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM target_cities WHERE city LIKE 'Metro%%') c
      JOIN generate_series(1, %(leads)s) n ON 1 + (n - 1) * %(cities)s::bigint / %(leads)s = c.place
     ORDER BY n
    """,
    """
    INSERT INTO lead_triggers (base_lead_id, trigger_type, trigger_date, trigger_strength, trigger_details, expires_at)
    SELECT id, 'weather_event', now(), 80, '{"scores_as": "hail"}', now() + interval '90 days' FROM base_leads
     WHERE random() < 0.3
    """,
    """
    INSERT INTO roof_analysis (base_lead_id, overall_condition, calibrated_confidence, is_current, image_domain)
    SELECT id, (ARRAY['critical', 'poor', 'fair', 'good'])[1 + floor(4 * random())], 0.8, true, 'rendered' FROM base_leads
     WHERE random() < 0.3
    """,
    "VACUUM ANALYZE base_leads",
    "VACUUM ANALYZE lead_triggers",
    "VACUUM ANALYZE roof_analysis",
    "CHECKPOINT",
)
AGE_SOME = "UPDATE base_leads SET roof_age_mid = coalesce(roof_age_mid, 0) + 1 WHERE abs(hashtext(id::text)) % 10 = 0"


def figures() -> list[Figure]:
    """Seconds where all rows change and where a tenth does; how much faster than the step and than a loop."""
    with own_plane() as plane:
        prepare(plane)
        _run(plane, LOAD)
        everything, changed = with_resources(plane, _cities)
        _run(plane, (AGE_SOME, "VACUUM ANALYZE base_leads", "CHECKPOINT"))
        few, few_changed = with_resources(plane, _cities)
        none, nothing = with_resources(plane, _cities)
        step = with_resources(plane, _by_step) * LEADS
        loop = with_resources(plane, _by_loop) * LEADS
    parts = {
        "leads": LEADS,
        "changed": changed,
        "nothing changed, s": round(none, 1),
        "written then": nothing,
    }
    return [
        Figure("leads scored anew, all change", round(everything, 1), "s", ALL_GOAL, at_most=True,
               baseline="tight loop, s", baseline_value=round(loop, 1), parts=parts),
        Figure("leads scored anew, a tenth changes", round(few, 1), "s", FEW_GOAL, at_most=True,
               baseline="tight loop, s", baseline_value=round(loop, 1), parts={"changed": few_changed}),
        Figure("times as fast as the step", round(step / everything, 1), "x", STEP_GOAL, at_most=False,
               baseline="step", baseline_value=1.0, parts={"step, s": round(step, 1)}),
        Figure("times as fast as a tight loop", round(loop / everything, 1), "x", LOOP_GOAL, at_most=False,
               baseline="loop", baseline_value=1.0),
    ]  # fmt: skip


def _run(plane: Plane, statements: Sequence[str]) -> None:
    with connect(plane) as connection:
        for statement in statements:
            values = {"cities": CITIES, "leads": LEADS} if "%(" in statement else None
            connection.execute(statement, values)


BY_CITY = text("SELECT array_agg(id) FROM base_leads GROUP BY city_id")


async def _cities(resources: Resources) -> tuple[float, int]:
    """Seconds for all cities, commits included, and the leads that changed; their ids are known, as to the nightly job."""
    async with resources.unit_of_work() as uow:
        left = list((await uow.session.execute(BY_CITY)).scalars())
    began = time.perf_counter()
    changed = await asyncio.gather(*(_some(resources, left) for _ in range(CONNECTIONS)))
    return time.perf_counter() - began, sum(changed)


async def _some(resources: Resources, left: list[list[UUID]]) -> int:
    """Cities until none is left, each by the statement that serves the nightly job."""
    changed = 0
    while left:
        async with resources.unit_of_work() as uow:
            changed += len(await LeadRepository(uow.session).rescore(left.pop()))
    return changed


async def _ids(resources: Resources, count: int) -> list[UUID]:
    """Leads spread over the table, each with another roof's age than its score was made of."""
    async with resources.unit_of_work() as uow:
        found = await uow.session.execute(
            text(
                "UPDATE base_leads SET roof_age_mid = coalesce(roof_age_mid, 0) + 7"
                " WHERE id IN (SELECT id FROM base_leads ORDER BY id LIMIT :count) RETURNING id"
            ),
            {"count": count},
        )
        return list(found.scalars())


async def _by_step(resources: Resources) -> float:
    """Seconds a lead of the workflow's own score step: read, judged, stored and told of in its transaction."""
    ids = await _ids(resources, STEPS)
    began = time.perf_counter()
    for lead_id in ids:
        async with resources.unit_of_work() as uow:
            repository = LeadRepository(uow.session)
            await store(uow, await scores(repository, await repository.many([lead_id])))
    return (time.perf_counter() - began) / len(ids)


async def _by_loop(resources: Resources) -> float:
    """Seconds a lead of the set's own statement, one lead at a time in one transaction."""
    ids = await _ids(resources, SINGLE)
    began = time.perf_counter()
    async with resources.unit_of_work() as uow:
        repository = LeadRepository(uow.session)
        for lead_id in ids:
            await repository.rescore([lead_id])
    return (time.perf_counter() - began) / len(ids)
