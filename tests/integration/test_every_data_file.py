"""Every data file of the handed-over folders is claimed by a reader of production, by its content alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from services.scraper.domain.addresses import read_address
from services.scraper.formats.files import inspect
from services.scraper.formats.parcel_map import ParcelSource
from services.scraper.formats.parcels import reader_of
from services.scraper.formats.permits import parse_permits
from services.scraper.formats.storms import parse_storms
from shared.files import FileRefused
from shared.providers.contractor_listings.answers import listings_of
from shared.providers.parcel_source.layers import open_layer_at
from shared.schemas.address import InvalidAddress
from tests.measure.addresses import tagged_addresses, unparseable_addresses

FOLDERS = ("storm", "permits", "assessor", "arcgis_json", "addresses", "contractors", "footprints")
TODAY = date(2026, 11, 22)
SOMEWHERE = ParcelSource("", "Waco", "TX", "McLennan", ZoneInfo("America/Chicago"), {})

# No rows of ours are in these; a reader of production says by this name what they are.
NAMED = {
    "storm/ncei_bulk/StormEvents_fatalities-ftp_v1.0_d2022_c20220719_limit20.csv": "unsupported_format_ncei_fatalities",
    "storm/ncei_bulk/fatalities_2019.csv": "unsupported_format_ncei_fatalities",
    "storm/ncei_bulk/StormEvents_locations_2019_part1.csv.gz": "unsupported_format_ncei_locations",
    "storm/ncei_bulk/detailsFileList_2020.txt": "unsupported_format_ncei_file_list",
    "storm/spc_daily/spc_hail_future.html": "html_instead_of_csv",
    "permits/socrata_columns.json": "column_lists",
    "arcgis_json/us-fl-polk-metadata.json": "arcgis_layer_metadata",
    "arcgis_json/us-mo-columbia-metadata.json": "arcgis_layer_metadata",
    "arcgis_json/us-tx-waco-metadata.json": "arcgis_layer_metadata",
    "arcgis_json/us-tx-waco-count-only.json": "arcgis_count_only",
    # Landmarks of Cook County, without a lot number.
    "arcgis_json/us-il-cook-page-full.json": "missing_column_parcel_id",
    "assessor/county_gis_endpoints.json": "layer_directory",
    # Outlines of buildings with a year and no lot number.
    "footprints/boulder_buildings.zip": "missing_column_parcel_id",
    "contractors/google_places_legacy/maps_http_geocode_reverse_response.json": "google_geocoder_answer",
}
# Read by no importer, and why.
DOCUMENTS = {
    "assessor/html/putnam_fl_92263.html": "an assessor's page, which shared/providers/assessor reads by a recipe",
    "assessor/html/putnam_fl_92263_seed.json": "how the page beside it was asked for",
}


def storms(path: Path, _: Path) -> bool:
    next(iter(parse_storms(inspect(path), report_day=TODAY, today=TODAY)), None)
    return True


def permits(path: Path, _: Path) -> bool:
    next(parse_permits(inspect(path), today=TODAY, jurisdiction=("Waco", "TX")), None)
    return True


def parcels(path: Path, _: Path) -> bool:
    with open_layer_at(path) as layer:
        return next(reader_of(layer, place=SOMEWHERE).read(layer, TODAY), None) is not None


def listings(path: Path, _: Path) -> bool:
    try:
        return bool(listings_of(orjson.loads(path.read_bytes())))
    except orjson.JSONDecodeError:
        return False


def addresses(path: Path, folder: Path) -> bool:
    """Tagged texts, of which our address reader must read most, and texts that nobody's reader could."""
    if path.parent.name != "addresses":
        return False
    if path.suffix == ".xml":
        texts = [text for text, _ in tagged_addresses(folder, path.name)]
        return sum(map(is_read, texts)) * 2 > len(texts)
    return sum(map(is_read, unparseable_addresses(folder))) > 0


def is_read(text: str) -> bool:
    try:
        return bool(read_address(text, "Springfield", "IL").street)
    except InvalidAddress:
        return False


READERS: dict[str, Callable[[Path, Path], bool]] = {
    "storms": storms,
    "permits": permits,
    "parcels": parcels,
    "listings": listings,
    "addresses": addresses,
}


def data_files(folder: Path) -> Iterator[tuple[str, Path]]:
    for name in FOLDERS:
        for path in sorted((folder / "data" / name).rglob("*")):
            if path.is_file():
                yield path.relative_to(folder / "data").as_posix(), path


@pytest.fixture(scope="module")
def claims(handed_over: Path) -> dict[str, Any]:
    """Each file's readers, and the names by which others refuse it."""
    found: dict[str, Any] = {}
    for name, path in data_files(handed_over):
        takers, refusals = [], set()
        for reader, claim in READERS.items():
            try:
                takers += [reader] if claim(path, handed_over) else []
            except FileRefused as refused:
                refusals.add(refused.reason)
        found[name] = takers, refusals
    return found


def test_every_data_file_is_read_or_named_as_what_it_is(claims: dict[str, Any]) -> None:
    assert len(claims) > 100
    unclaimed = {name for name, (takers, _) in claims.items() if not takers}
    assert unclaimed == NAMED.keys() | DOCUMENTS.keys()
    assert [name for name, reason in NAMED.items() if reason not in claims[name][1]] == []


def test_no_two_readers_take_the_same_file(claims: dict[str, Any]) -> None:
    assert {name: takers for name, (takers, _) in claims.items() if len(takers) > 1} == {}
