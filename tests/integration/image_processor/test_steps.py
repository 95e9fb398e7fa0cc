"""Pictures of a house of the sandbox town: fetched, kept under their licence, brought into the standard form."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image
from redis.asyncio import Redis
from sqlalchemy import text

from services.image_processor.app import service
from services.image_processor.settings import ImageProcessorSettings
from shared.db.engine import SessionMaker
from tests.factories.leads import make_lead
from tests.factories.sandbox import running_sandbox
from tests.factories.services import RunningService, running, settings_with_keys
from tests.factories.single_step import begin, run_step

KEPT = """
SELECT image_type, licence_id, s3_key, usable_for_analysis, processed FROM property_images
 WHERE variant IS NULL ORDER BY image_type, view_angle
"""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox of this module."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as url:
        yield url


@dataclass
class Studio:
    """The service with one house of the town."""

    door: RunningService
    db: SessionMaker
    lead_id: UUID

    async def run(self, *steps: str, **given: Any) -> list[Any]:
        """The rows of these steps, run in order."""
        workflow = await begin(self.door.resources, "property", self.lead_id, **given)
        return [await run_step(service, self.door.resources, workflow, step) for step in steps]

    async def kept(self) -> list[Any]:
        async with self.db() as session:
            return list((await session.execute(text(KEPT))).all())


@pytest.fixture
async def studio(  # noqa: PLR0917 - fixtures are asked for by name
    database_url: str,
    redis_url: str,
    redis: Redis,
    committed_db: SessionMaker,
    town: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Studio]:
    """A lead where the town's first parcel is."""
    monkeypatch.setenv("SANDBOX_URL", town)
    async with httpx.AsyncClient() as client:
        truth = (await client.get(f"{town}/_sandbox/truth", params={"limit": 1})).json()["parcels"][0]
    settings = settings_with_keys(
        ImageProcessorSettings,
        database_url=database_url,
        redis_url=redis_url,
        sandbox_url=town,
        object_store_url=tmp_path.as_uri(),
    )
    async with running(service, settings) as door:
        async with committed_db.begin() as session:
            place = f"SRID=4326;POINT({truth['longitude']} {truth['latitude']})"
            lead_id = await make_lead(
                session,
                door.resources.keys,
                status="processing",
                geom=place,
                lat=truth["latitude"],
                lng=truth["longitude"],
                sandbox=True,
            )
        yield Studio(door, committed_db, lead_id)


async def test_pictures_are_kept_with_their_licence_and_brought_into_the_standard_form(
    studio: Studio,
) -> None:
    imagery, preprocess = await studio.run("imagery", "preprocess")

    assert imagery.status == "done", imagery
    assert preprocess.status == "done", preprocess
    every = await studio.kept()
    rows = [row for row in every if row.s3_key]
    assert {row.image_type for row in rows} == {"satellite", "street_view"}
    assert all(row.licence_id != "unknown" for row in every)
    assert imagery.output == {
        "images": len(rows),
        "usable": preprocess.output["usable"],
        "shown": len(every) - len(rows),
        "denied": [],
        "passed_over": [],
    }
    assert {row.processed for row in rows if row.usable_for_analysis} == {True}
    store = studio.door.resources.own.store
    standard = await store.get(f"images/{studio.lead_id}/preprocessed/satellite_overhead.jpg")
    assert Image.open(io.BytesIO(standard)).size == (1024, 1024)
    assert await store.get(rows[0].s3_key.replace(".jpg", ".json").replace(".png", ".json"))


async def test_pictures_cost_the_leads_and_the_citys_budget(studio: Studio) -> None:
    await studio.run("imagery")

    async with studio.db() as session:
        spent = await session.execute(
            text("SELECT split_part(scope, ':', 1) FROM core.budget WHERE spent > 0")
        )
    assert {"lead", "city"} <= set(spent.scalars())


async def test_a_house_without_a_point_or_left_out_by_its_city_is_skipped(studio: Studio) -> None:
    left_out = (await studio.run("imagery", skip={"imagery": "no licence here"}))[0]
    async with studio.db.begin() as session:
        await session.execute(text("UPDATE core.workflow SET status = 'done'"))
        await session.execute(text("UPDATE base_leads SET lat = NULL, lng = NULL"))
    nowhere, after = await studio.run("imagery", "preprocess")

    assert (left_out.status, left_out.reason) == ("skipped", "no licence here")
    assert (nowhere.status, nowhere.reason) == ("skipped", "the house has no point on the map")
    assert after.status == "skipped"
    assert await studio.kept() == []
