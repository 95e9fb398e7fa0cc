"""One suite over every feed of rows: permits of every kind of publisher, parcels by ArcGIS and as files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared.errors import ProviderBadAnswer, ProviderRateLimited, ProviderRejected
from shared.providers import parcel_source, permit_source
from shared.providers.permit_source import RawRow, SourceConfig

ROOT = "http://sandbox.test"
SOURCES: dict[str, dict[str, Any]] = {
    "socrata": {"kind": "socrata", "dataset_id": "h4rw-p7mt", "incremental_date_field": "issue_date"},
    "arcgis": {
        "kind": "arcgis",
        "layer_path": "rest/services/Ellery_Permits/FeatureServer/0",
        "incremental_date_field": "Date_Issued",
    },
    "ckan": {
        "kind": "ckan",
        "resource_id": "c21106f9-0000-4000-8000-00000000a1a1",
        "incremental_date_field": "DATE ISSUED",
    },
    "ckan without SQL": {
        "kind": "ckan",
        "resource_id": "c21106f9-0000-4000-8000-00000000b2b2",
        "incremental_date_field": "DATE ISSUED",
    },
    "csv file": {
        "kind": "csv_download",
        "file_path": "sable/permits.csv",
        "incremental_date_field": "DATE ISSUED",
    },
    "xlsx file": {
        "kind": "csv_download",
        "file_path": "sable/permits.xlsx",
        "incremental_date_field": "DATE ISSUED",
    },
    "zip file": {
        "kind": "csv_download",
        "file_path": "sable/permits.zip",
        "member": "*.csv",
        "incremental_date_field": "DATE ISSUED",
    },
    "accela": {
        "kind": "accela_api",
        "accela_agency_code": "QUILL",
        "accela_module": "Building",
        "incremental_date_field": "openedDate",
    },
    "accela portal": {
        "kind": "accela_portal",
        "portal_path": "SABLE/Cap/CapHome.aspx?module=Building&TabName=Building",
        "search_days": 120,
        "first_days": 600,
    },
    "energov": {"kind": "energov", "base_url": f"{ROOT}/energov/marn", "incremental_date_field": "IssueDate"},
    "parcels": {"kind": "arcgis", "layer_path": "rest/services/Harrow_Parcels/FeatureServer/0"},
    "parcels file": {"kind": "csv_download", "file_path": "harrow/parcels.csv"},
}
VENDORS = {"csv_download": "files", "accela_api": "accela"}
"""Where a kind of source and its vendor differ in name."""
UNKNOWN: dict[str, dict[str, Any]] = {
    "csv_download": {"incremental_date_field": "no such column"},
    "accela_api": {"accela_module": "NoSuchModule"},
    "energov": {"energov": {"body": {"SearchModule": 99}}},
    "accela_portal": {"portal_path": "SABLE/Cap/CapHome.aspx?module=NoSuchModule"},
}
"""How a kind without `where` is asked for what it lacks."""
Make = Callable[..., Any]


@pytest.fixture(params=list(SOURCES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def vendor(kind: str) -> str:
    name = str(SOURCES[kind]["kind"])
    return VENDORS.get(name, name)


@pytest.fixture
def make(kind: str, world: Any, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def source(**changes: Any) -> Any:
        config = SourceConfig(key=kind, **{**SOURCES[kind], **changes})
        build = parcel_source.build if kind.startswith("parcels") else permit_source.build
        return build(config, settings, world.deps)

    return source


async def read(source: Any, **kwargs: Any) -> list[RawRow]:
    return [row async for page in source.pages(**kwargs) for row in page.rows]


async def test_every_row_comes_once_whatever_the_page_size(make: Make) -> None:
    whole = await read(make(page_size=5000))
    pieces = await read(make(page_size=97))
    assert len(whole) > 100
    assert len({row.row_id for row in whole}) == len(whole)
    assert sorted(row.row_id for row in pieces) == sorted(row.row_id for row in whole)


async def test_a_cursor_resumes_without_gap_or_overlap(make: Make) -> None:
    source = make(page_size=97)
    pages = [page async for page in source.pages()]
    half = pages[len(pages) // 2]
    rest = await read(make(page_size=97), cursor=half.cursor)
    after = [row.row_id for page in pages[len(pages) // 2 + 1 :] for row in page.rows]
    assert sorted(row.row_id for row in rest) == sorted(after)
    assert pages[-1].cursor is None


async def test_pages_say_where_and_when_they_came_from(make: Make) -> None:
    page = await anext(aiter(make().pages()))
    assert page.source_url.startswith("http://sandbox.test/")
    assert page.fetched_at.tzinfo is not None


async def test_a_sample_shows_announced_columns(make: Make) -> None:
    source = make()
    sample, columns = await source.sample(3), await source.columns()
    assert len(sample) == 3
    assert set(sample[0].columns) <= {column.name for column in columns}


async def test_geometry_is_longitude_first(make: Make) -> None:
    for row in await make().sample(3):
        if row.geometry is not None:
            value = row.geometry["coordinates"]
            while isinstance(value[0], list):
                value = value[0]
            assert -125 < value[0] < -66
            assert 24 < value[1] < 50


async def test_since_leaves_older_rows_out(make: Make, kind: str) -> None:
    if kind.startswith("parcels"):
        pytest.skip("parcels have no date")
    whole, recent = await read(make()), await read(make(), since=date(2026, 6, 1))
    assert 0 < len(recent) < len(whole)


@pytest.mark.parametrize("kind_of_fault", ["429", "500", "503", "drop"])
async def test_a_passing_failure_loses_nothing(
    make: Make, vendor: str, fault: Any, kind_of_fault: str
) -> None:
    whole = await read(make(page_size=500))
    await fault(vendor, kind_of_fault, count=2)
    again = await read(make(page_size=500))
    assert sorted(row.row_id for row in again) == sorted(row.row_id for row in whole)


async def test_a_wait_is_kept(make: Make, vendor: str, fault: Any, world: Any) -> None:
    await fault(vendor, "429", count=1, retry_after=4)
    started = world.clock.now
    await make().sample(1)
    assert world.clock.now - started >= 4


async def test_a_long_wait_is_handed_to_the_caller(make: Make, vendor: str, fault: Any) -> None:
    await fault(vendor, "429", count=1, retry_after=300)
    with pytest.raises(ProviderRateLimited) as caught:
        await make().sample(1)
    assert caught.value.retry_after == 300


@pytest.mark.parametrize("kind_of_fault", ["html", "truncate"])
async def test_what_is_no_data_is_told(make: Make, vendor: str, fault: Any, kind_of_fault: str) -> None:
    await fault(vendor, kind_of_fault, count=5)
    with pytest.raises(ProviderBadAnswer):
        await read(make())


async def test_an_unknown_name_is_refused(make: Make, kind: str) -> None:
    asked = UNKNOWN.get(str(SOURCES[kind]["kind"]), {"where": "no_such_column = 'x'"})
    with pytest.raises(ProviderRejected) as caught:
        await read(make(**asked))
    assert caught.value.fields["reason"] == "invalid"
