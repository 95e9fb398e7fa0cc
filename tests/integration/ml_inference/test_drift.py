"""The job that measures drift, on stored pictures and reviews, and the gauges that show it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import cv2
import numpy as np
import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from sqlalchemy import text

from services.ml_inference.own import MlOwn, Models
from shared.db.engine import SessionMaker
from shared.processes import WorkProcesses
from shared.providers.object_store import Obstore
from shared.relay import quality
from tests.factories.leads import make_lead
from tests.factories.reviews import Desk, open_desk, service
from tests.factories.single_step import begin, run_step

HOUSES = 60
FILL = text(
    """
    WITH judged AS (
        INSERT INTO roof_analysis (base_lead_id, overall_condition, calibrated_confidence, is_current, image_domain,
                                   classifier_sha256, analyzed_at)
        SELECT :lead, 'fair', :confidence + 0.002 * (n % 50), false, 'rendered', 'w1', now() - make_interval(days => :days)
          FROM generate_series(1, CAST(:n AS integer)) AS n RETURNING id)
    INSERT INTO condition_comparisons (roof_analysis_id, image_domain, weights, origin, said, truth, confidence, compared_at)
    SELECT id, 'rendered', 'w1', 'review', 'fair', :truth, 0.7, now() - make_interval(days => :days) FROM judged
    """
)
PICTURE = text(
    """
    INSERT INTO property_images (base_lead_id, image_type, view_angle, source, licence_id, image_domain, s3_key, gsd_m,
                                 quality_score, created_at, capture_date)
    VALUES (:lead, 'satellite', 'overhead', 's', 'l', 'rendered', :key, :gsd, 80, now() - interval '90 days',
            current_date - CAST(:day AS integer))
    """
)
MEASURED = text("SELECT monitor, verdict, reference_n, window_n, psi, ks, share FROM drift_measurements")


def gauge(name: str, **labels: str) -> float | None:
    """What this process exports."""
    return REGISTRY.get_sample_value(name, labels)


@pytest.fixture
async def desk(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker, tmp_path: Path
) -> AsyncIterator[Desk]:
    """The service with a store of its own."""
    async with open_desk(database_url, redis_url, committed_db) as opened:
        store = Obstore((tmp_path / "objects").as_uri())
        with WorkProcesses(1) as processes:
            resources = replace(opened.door.resources, own=MlOwn(store, Models(processes)))
            yield Desk(replace(opened.door, resources=resources), committed_db)


async def weeks(
    desk: Desk, *, days: int, brightness: float, confidence: float, truth: str, gsd: float
) -> None:
    """Houses analysed so many days ago, with pictures of a brightness."""
    rng = np.random.default_rng(days)
    async with desk.db.begin() as session:
        lead = await make_lead(session, desk.door.resources.keys)
        for day in range(HOUSES):
            pixels = np.clip(rng.normal(brightness + rng.normal(0, 10), 25, (96, 96)), 0, 255).astype(
                np.uint8
            )
            key = f"images/{uuid4()}/original/satellite_overhead.jpg"
            await desk.door.resources.own.store.put(key, cv2.imencode(".jpg", pixels)[1].tobytes())
            await session.execute(PICTURE, {"lead": lead, "key": key, "gsd": gsd, "day": day})
        values = {"lead": lead, "confidence": confidence, "days": days, "n": HOUSES, "truth": truth}
        await session.execute(FILL, values)


async def measured(desk: Desk) -> dict[str, Any]:
    """The stored rows by monitor after a run of the job."""
    workflow = await begin(desk.door.resources, "measure_drift")
    step = await run_step(service, desk.door.resources, workflow, "measure_drift")
    assert step.status == "done", step.reason
    async with desk.db() as session:
        return {row.monitor: row for row in await session.execute(MEASURED)}


async def test_darker_pictures_less_confidence_and_contradicting_reviewers_are_told(desk: Desk) -> None:
    await weeks(desk, days=60, brightness=130, confidence=0.75, truth="fair", gsd=0.3)
    await weeks(desk, days=2, brightness=90, confidence=0.55, truth="poor", gsd=0.3)

    rows = await measured(desk)

    assert {name: row.verdict for name, row in rows.items()} == {
        "gsd_m": "steady",
        "quality_score": "steady",
        "brightness": "drifted",
        "sharpness": "steady",
        "confidence": "drifted",
        "reviewers_disagree": "drifted",
    }
    assert (rows["brightness"].reference_n, rows["brightness"].window_n) == (HOUSES, HOUSES)
    assert (rows["confidence"].ks, rows["reviewers_disagree"].share) == (1, 1)


async def test_the_newest_measurement_is_shown_by_every_relay(desk: Desk) -> None:
    await weeks(desk, days=60, brightness=130, confidence=0.75, truth="fair", gsd=0.3)
    await weeks(desk, days=2, brightness=130, confidence=0.55, truth="fair", gsd=0.3)
    await measured(desk)
    async with desk.db() as session:
        await quality.measure(session)

    assert gauge("roof_drift_verdict", monitor="confidence", domain="rendered") == 2
    assert gauge("roof_drift_verdict", monitor="brightness", domain="rendered") == 0
    assert (gauge("roof_drift_psi", monitor="confidence", domain="rendered") or 0) > 0.25
    assert gauge("roof_drift_ks", monitor="confidence", domain="rendered") == 1
    assert gauge("roof_models_contradicted_share", domain="rendered") == 0
    assert gauge("roof_compared_roofs", domain="rendered") is None


async def test_a_service_without_analyses_measures_nothing(desk: Desk) -> None:
    assert await measured(desk) == {}
