"""No picture is asked for where its source may not be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.image_processor.app import service
from services.image_processor.settings import ImageProcessorSettings
from tests.factories.cities import decisions, disable
from tests.factories.leads import make_lead
from tests.factories.steps import bench
from tests.factories.town import serving_town

VENDOR_OF = {
    "naip": "stac",
    "harrow_tx_ortho": "imageserver",
    "usgs_ortho": "usgs",
    "licensed_street": "streetview",
}


@pytest.fixture
def servers(database_url: str, redis_url: str, redis: Any) -> dict[str, str]:
    """Where database and an emptied Redis are."""
    del redis
    return {"database_url": database_url, "redis_url": redis_url}


@pytest.mark.parametrize("closed", [("naip", "harrow_tx_ortho", "usgs_ortho"), tuple(VENDOR_OF)])
async def test_a_closed_source_is_not_asked_and_the_reason_is_in_the_row(
    servers: dict[str, str], unit_of_work: Any, tmp_path: Path, closed: tuple[str, ...]
) -> None:
    given = {**servers, "object_store_url": tmp_path.as_uri()}
    async with (
        serving_town() as town,
        bench(service, ImageProcessorSettings, town, unit_of_work, **given) as at,
    ):
        house = town.town().house(0)
        point = {"lat": house.latitude, "lng": house.longitude}
        async with at.unit_of_work() as uow:
            lead_id = await make_lead(uow.session, at.at.keys, **point)
        await disable(at, *closed)
        workflow = await at.begin("property", lead_id)
        await at.run(workflow, "imagery")
        step = await at.step(workflow, "imagery")
        kept = await decisions(at, workflow)
    words = [f"{source} may not be read: SOURCE_DISABLED" for source in closed]
    if closed == tuple(VENDOR_OF):
        assert step.status == "skipped"
        assert step.reason.startswith("; ".join(words))
    else:
        assert (step.status, step.output["denied"]) == ("done", words)
    assert [source for source, vendor in VENDOR_OF.items() if town.calls(vendor) == 0] == list(closed)
    denied = {source: ["SOURCE_DISABLED"] if source in closed else [] for source in VENDOR_OF}
    assert {source: reasons for source, reasons in kept.items() if source in VENDOR_OF} == denied
