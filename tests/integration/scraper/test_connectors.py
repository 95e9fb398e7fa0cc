"""Every kind of connector through the scraper's own steps: checked, read, normalised, stored."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories.cities import city_of, configure, permits_of
from tests.factories.steps import Bench
from tests.factories.town import ServedTown

REPORT: dict[str, Any] = {
    "permit_number": "PERMIT #",
    "address": "ADDRESS",
    "city": "CITY",
    "zip": "ZIP",
    "lat": "Y_COORD",
    "lng": "X_COORD",
    "permit_type": "PERMIT TYPE",
    "work_description": ["PROJECT NAME", "WORK TYPE"],
    "estimated_value": "DECLARED VALUATION",
    "contractor_name": "PRIMARY CONTACT",
    "issue_date": "DATE ISSUED",
    "permit_status": "STATUS",
    "parcel_id": "PARCEL",
}
FEEDS: dict[str, dict[str, Any]] = {
    "ckan": {
        "city": "Marn",
        "resource_id": "c21106f9-0000-4000-8000-00000000a1a1",
        "incremental_date_field": "DATE ISSUED",
        "field_map": REPORT,
    },
    "csv_download": {
        "city": "Ellery",
        "file_path": "ellery/permits.xlsx",
        "incremental_date_field": "DATE ISSUED",
        "field_map": REPORT,
    },
    "accela_api": {
        "city": "Quill",
        "accela_agency_code": "QUILL",
        "accela_module": "Building",
        "incremental_date_field": "openedDate",
        "field_map": {
            "permit_number": "customId",
            "address": "address",
            "city": "city",
            "zip": "postalCode",
            "permit_type": "type",
            "work_description": ["description", "typePath"],
            "estimated_value": "jobValue",
            "issue_date": "openedDate",
            "permit_status": "status",
            "parcel_id": "parcelNumber",
        },
    },
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


@pytest.fixture(autouse=True)
def _files_beside_the_test(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


async def test_towns_of_five_kinds_are_refreshed_in_one_night(scraper: Bench, town: ServedTown) -> None:
    for kind, feed in FEEDS.items():
        city = await city_of(scraper, feed["city"])
        entry = {name: value for name, value in feed.items() if name != "city"}
        await configure(scraper, city, kind=kind, requests_per_second=50, **entry)
    await scraper.rows(
        "UPDATE target_cities SET active = city = ANY (:c)", c=[f["city"] for f in FEEDS.values()]
    )
    night = await scraper.begin("refresh_permits", None)
    await scraper.run(night, "refresh_permits")
    for child in await scraper.rows("SELECT id FROM core.workflow WHERE parent_id = :id", id=night):
        await scraper.run(child.id, "source_check", "permits", "date_roofs")
    await scraper.run(night, "refresh_permits")
    step = await scraper.step(night, "refresh_permits")
    assert (step.status, step.output["done"], step.output["failed"]) == ("done", len(FEEDS), 0)
    for feed in FEEDS.values():
        assert await permits_of(scraper, await city_of(scraper, feed["city"])) > 0, feed["city"]
    assert town.calls("accela_portal") > 0
