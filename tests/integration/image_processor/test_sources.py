"""Whose pictures are taken: the order of the sources, their licences, and what happens where one has nothing."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PIL import Image

from services.image_processor.app import service
from services.image_processor.settings import ImageProcessorSettings
from shared.sandbox.misbehaviour import FaultKind
from shared.sandbox.vendors import stac
from tests.factories.leads import make_lead
from tests.factories.steps import Bench, bench
from tests.factories.town import ServedTown, serving_town

ROWS = """
SELECT image_type, view_angle, level, source, licence_id, s3_key, original_url, capture_date, gsd_m, usable_for_analysis,
       image_width, heading FROM property_images ORDER BY source, view_angle, level
"""
LICENCE = """
UPDATE compliance.source_registry SET may_store = :store, may_analyse = :ml, may_sell = :ml, enabled = true, tos = 'allowed'
 WHERE source_key = :key
"""


@dataclass
class Studio:
    """The image processor in front of the town."""

    at: Bench
    town: ServedTown
    folder: Path

    async def look(self, draw: range, kind: str = "property", **given: Any) -> tuple[Any, UUID]:
        """The imagery step's row for a house whose seed falls into a share of the hundred, and its lead."""
        town = self.town.town()
        building = next(b for b, seed in enumerate(town.roofs.seed) if int(seed) % 100 in draw)
        house = town.house(town.first_parcel(building))
        async with self.at.unit_of_work() as uow:
            point = {"lat": house.latitude, "lng": house.longitude}
            lead_id = await make_lead(uow.session, self.at.at.keys, sandbox=True, **point)
        name = "imagery" if kind == "property" else kind
        workflow = await self.at.begin(kind, lead_id, **given)
        await self.at.run(workflow, name)
        return await self.at.step(workflow, name), lead_id

    async def rows(self) -> list[Any]:
        return await self.at.rows(ROWS)

    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]


@pytest.fixture
async def studio(
    database_url: str, redis_url: str, redis: Any, unit_of_work: Any, tmp_path: Path
) -> AsyncIterator[Studio]:
    del redis
    given = {"database_url": database_url, "redis_url": redis_url, "object_store_url": tmp_path.as_uri()}
    async with (
        serving_town() as town,
        bench(service, ImageProcessorSettings, town, unit_of_work, **given) as at,
    ):
        yield Studio(at, town, tmp_path)


BARE = range(stac.BARE_PER_HUNDRED)
UNSEEN = range(stac.BARE_PER_HUNDRED, stac.CLOUDED_PER_HUNDRED)
PLAIN = range(20, 99)


async def test_a_house_without_naip_is_seen_on_its_countys_orthophotos(studio: Studio) -> None:
    step, _ = await studio.look(BARE)

    assert step.status == "done", step
    assert "naip: no picture of this house" in step.output["passed_over"]
    above = [row for row in await studio.rows() if row.source == "harrow_tx_ortho"]
    assert [(row.level, float(row.gsd_m)) for row in above] == [("lot", 0.1), ("roof", 0.1)]
    assert {row.licence_id for row in above} == {"sandbox_harrow"}
    assert {str(row.capture_date) for row in above} == {str(studio.town.town().day(410))}
    roof = next(row for row in above if row.level == "roof")
    assert "/original/satellite_overhead_" in roof.s3_key
    lot = (studio.folder / next(row for row in above if row.level == "lot").s3_key).read_bytes()
    assert Image.open(io.BytesIO(lot)).size == (960, 960)


async def test_a_source_whose_pictures_may_not_be_sold_upon_is_passed_over(studio: Studio) -> None:
    await studio.at.rows("UPDATE compliance.source_registry SET may_sell = false WHERE source_key = 'naip'")
    step, _ = await studio.look(PLAIN)

    assert "naip: its licence does not cover sell" in step.output["passed_over"]
    assert {row.source for row in await studio.rows() if row.view_angle == "overhead" and row.s3_key} == {
        "harrow_tx_ortho"
    }


async def test_the_newest_flight_that_shows_nothing_gives_way_to_an_older_one(studio: Studio) -> None:
    step, _ = await studio.look(UNSEEN)

    (above,) = [row for row in await studio.rows() if row.source == "naip"]
    assert step.status == "done"
    assert above.usable_for_analysis
    assert above.capture_date < studio.town.town().day(700)


async def test_what_may_only_be_shown_leaves_an_address_without_our_key_and_no_byte(
    studio: Studio,
) -> None:
    for key in ("naip", "harrow_tx_ortho", "usgs_ortho", "licensed_street"):
        await studio.at.rows(LICENCE, key=key, store=False, ml=False)
    step, _ = await studio.look(PLAIN)

    assert step.status == "skipped"
    assert "naip: its licence does not cover store" in step.reason
    rows = await studio.rows()
    assert {row.source for row in rows} == {"google_static", "licensed_street"}
    assert {row.level for row in rows if row.image_type == "satellite"} == {"roof", "lot"}
    assert all(row.original_url.startswith("/maps/api/") for row in rows)
    assert not any("key=" in row.original_url or row.usable_for_analysis or row.s3_key for row in rows)
    assert all(row.gsd_m > 0 and row.licence_id != "unknown" for row in rows)
    street = [row for row in rows if row.image_type == "street_view"]
    assert all(row.heading is not None for row in street)
    assert studio.files() == []
    assert [
        call for call in studio.town.sandbox.misbehaviour.calls("streetview")["by_path"] if "meta" not in call
    ] == []
    assert studio.town.calls("google_static") == 0


async def test_a_source_that_is_down_is_passed_over_and_asked_again_where_nobody_else_helps(
    studio: Studio,
) -> None:
    studio.town.misbehave("stac", FaultKind.HTML)
    step, _ = await studio.look(PLAIN)
    assert (step.status, step.output["passed_over"][0].partition(":")[0]) == ("done", "stac")
    assert {row.source for row in await studio.rows() if row.s3_key} >= {"harrow_tx_ortho"}

    studio.town.misbehave("imageserver", FaultKind.HTML)
    studio.town.misbehave("usgs", FaultKind.UNAVAILABLE)
    again, lead_id = await studio.look(PLAIN)
    assert again.status in ("ready", "waiting")
    assert (
        await studio.at.one("SELECT count(*) FROM property_images WHERE base_lead_id = :id", id=lead_id) == 0
    )


async def test_nearmap_serves_under_a_contract_alone_and_is_paid_from_the_budget(studio: Studio) -> None:
    providers = studio.at.at.providers
    only = providers.settings.model_copy(update={"nadir_imagery": "nearmap"})
    resources = replace(studio.at.at, providers=replace(providers, settings=only))
    studio = replace(studio, at=replace(studio.at, resources=resources))
    without, _ = await studio.look(PLAIN, "fetch_images", views=["satellite"])
    await studio.at.rows(LICENCE, key="nearmap", store=True, ml=False)
    unread, _ = await studio.look(PLAIN, "fetch_images", views=["satellite"])
    await studio.at.rows(LICENCE, key="nearmap", store=True, ml=True)
    under, _ = await studio.look(PLAIN, "fetch_images", views=["satellite"])

    assert (without.status, without.reason) == (
        "skipped",
        "nearmap: its licence does not cover store, ml, sell",
    )
    assert (unread.status, unread.reason) == ("skipped", "nearmap: its licence does not cover ml, sell")
    assert (under.status, under.output["images"]) == ("done", 2)
    (roof,) = [row for row in await studio.rows() if row.source == "nearmap" and row.level == "roof"]
    body = (studio.folder / roof.s3_key).read_bytes()
    side = Image.open(io.BytesIO(body)).size[0]
    assert side * float(roof.gsd_m) == pytest.approx(48.0, rel=0.03)
    assert str(roof.capture_date) == str(studio.town.town().day(45))
    spent = await studio.at.one("SELECT sum(spent) FROM core.budget WHERE scope LIKE 'lead:%'")
    assert spent > 0
