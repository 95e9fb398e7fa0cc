"""Every kind of connector through the scraper's own steps: checked, read, normalised, stored."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories.cities import city_of, configure, permits_of
from tests.factories.steps import Bench
from tests.factories.town import ServedTown

SEEDED = {
    "Harrow": "socrata",
    "Ellery": "arcgis",
    "Marn": "ckan",
    "Quill": "accela_api",
    "Sable": "csv_download",
}
"""What the towns are seeded with."""
PORTALS: dict[str, dict[str, Any]] = {
    "accela_portal": {
        "city": "Sable",
        "portal_path": "SABLE/Cap/CapHome.aspx?module=Building",
        "search_days": 30,
        "incremental_date_field": None,
        "field_map": {
            "permit_number": "Record Number",
            "address": "Address",
            "permit_type": "Record Type",
            "work_description": "Description",
            "issue_date": "Date",
            "permit_status": "Status",
        },
    },
    "energov": {
        "city": "Harrow",
        "energov": {"path": "/harrow/apps/selfservice/api/energov/search/search"},
        "incremental_date_field": "IssueDate",
        "field_map": {
            "permit_number": "CaseNumber",
            "address": "AddressDisplay",
            "permit_type": "CaseType",
            "work_description": ["Description", "CaseWorkclass"],
            "issue_date": "IssueDate",
            "permit_status": "CaseStatus",
            "parcel_id": "MainParcel",
        },
    },
}
VENDORS = {"csv_download": "files", "accela_api": "accela"}
"""Where a kind of source and its vendor differ in name."""


@pytest.fixture(autouse=True)
def _files_beside_the_test(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.mark.parametrize("city", SEEDED)
async def test_each_town_is_activated_by_its_own_kind_of_portal(
    scraper: Bench, town: ServedTown, city: str
) -> None:
    vendor = VENDORS.get(SEEDED[city], SEEDED[city])
    town_id = await city_of(scraper, city)
    asked = town.calls(vendor)
    flow = await scraper.begin("city", town_id, city_id=str(town_id))
    await scraper.run(flow, "source_check", "permits", "parcels")
    for name in ("source_check", "permits", "parcels"):
        assert (await scraper.step(flow, name)).status == "done", name
    counts = (await scraper.step(flow, "permits")).output
    assert counts["stored"] == await permits_of(scraper, town_id) > 100
    assert counts["read"] == sum(counts[n] for n in ("stored", "updated", "duplicate", "rejected"))
    assert (await scraper.step(flow, "parcels")).output["suppressed_addresses"] > 0
    assert town.calls(vendor) > asked


async def test_towns_of_portals_are_refreshed_in_one_night(scraper: Bench, town: ServedTown) -> None:
    for kind, feed in PORTALS.items():
        city = await city_of(scraper, feed["city"])
        entry = {name: value for name, value in feed.items() if name != "city"}
        await configure(scraper, city, kind=kind, **entry)
    await scraper.rows(
        "UPDATE target_cities SET active = city = ANY (:c)", c=[f["city"] for f in PORTALS.values()]
    )
    night = await scraper.begin("refresh_permits", None)
    await scraper.run(night, "refresh_permits")
    for child in await scraper.rows("SELECT id FROM core.workflow WHERE parent_id = :id", id=night):
        await scraper.run(child.id, "source_check", "permits", "date_roofs")
    await scraper.run(night, "refresh_permits")
    step = await scraper.step(night, "refresh_permits")
    assert (step.status, step.output["done"], step.output["failed"]) == ("done", len(PORTALS), 0)
    for feed in PORTALS.values():
        assert await permits_of(scraper, await city_of(scraper, feed["city"])) > 0, feed["city"]
    assert town.calls("accela_portal") > 0
