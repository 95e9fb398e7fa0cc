"""Every handed-over file of assessors and parcel layers through the importer; counts read from the files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
import shapefile
import zstandard
from pyproj import CRS
from sqlalchemy import text
from typer.testing import CliRunner

from services.scraper.ingest import IngestReport
from services.scraper.parcel_imports import UnknownCity, UnknownParcelSource, import_parcels
from shared.cli.main import build
from shared.db.engine import SessionMaker
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.security.fields import KeyRing
from shared.security.subject_keys import SubjectKeys

CENTER = (
    "UPDATE target_cities SET center = ST_SetSRID(ST_MakePoint(:lng, :lat), 4326)::geography"
    " WHERE city = 'New York' RETURNING 1"
)
RING = KeyRing({"k1": b"1" * 32}, b"p" * 32)
ASSESSOR = "data/assessor/"
ARCGIS = "data/arcgis_json/"
FOOTPRINTS = "data/footprints/boulder_buildings.zip"
CITIES = (
    ("Berkeley", "CA", "Alameda", "America/Los_Angeles"),
    ("Oakland", "CA", "Alameda", "America/Los_Angeles"),
    ("Los Angeles", "CA", "Los Angeles", "America/Los_Angeles"),
    ("New York", "NY", "New York", "America/New_York"),
    ("Columbia", "MO", "Boone", "America/Chicago"),
    ("Waco", "TX", "McLennan", "America/Chicago"),
)
ALAMEDA = f"{ASSESSOR}shapefile/us-ca-alameda_county-excerpt.zip"
SALES = f"{ASSESSOR}nyc_dof_sales.csv"
PLUTO = f"{ASSESSOR}nyc_pluto_MN_18v1.csv"
ROLL = f"{ASSESSOR}nyc_dof_assessment_2024.csv"
WACO = f"{ARCGIS}us-tx-waco-0.json"

# file, whose parcels they are, rows read, parcels stored, further rows on a lot, why the others were not kept
READ: tuple[tuple[str, str | None, int, int, int, dict[str, int]], ...] = (
    (f"{ASSESSOR}berkeley_ca_parcels.csv", None, 3, 3, 0, {}),
    (f"{ASSESSOR}la_county_assessor_portal.tsv", None, 10, 10, 0, {}),
    (f"{ASSESSOR}nyc_pluto_BK_18v1.csv", None, 10, 9, 0, {"missing_address": 1}),
    (f"{ASSESSOR}nyc_pluto_BX_18v1.csv", None, 10, 10, 0, {}),
    (PLUTO, None, 10, 10, 0, {}),
    (ROLL, None, 5, 5, 0, {}),
    (SALES, None, 10, 9, 1, {}),
    (ALAMEDA, None, 2849, 1511, 1338, {}),
    (f"{ARCGIS}us-mo-columbia-0.json", None, 43, 43, 0, {}),
    (f"{ARCGIS}us-fl-polk-0.json", None, 10, 10, 0, {}),
    (WACO, "Waco, TX", 1, 1, 0, {}),
)
REFUSED = {
    f"{ASSESSOR}county_gis_endpoints.json": "layer_directory",
    f"{ASSESSOR}html/putnam_fl_92263.html": "html",
    f"{ASSESSOR}html/putnam_fl_92263_seed.json": "unknown_format",
    f"{ARCGIS}us-il-cook-page-full.json": "missing_column_parcel_id",
    f"{ARCGIS}us-fl-polk-metadata.json": "arcgis_layer_metadata",
    f"{ARCGIS}us-mo-columbia-metadata.json": "arcgis_layer_metadata",
    f"{ARCGIS}us-tx-waco-metadata.json": "arcgis_layer_metadata",
    f"{ARCGIS}us-tx-waco-count-only.json": "arcgis_count_only",
    FOOTPRINTS: "missing_column_parcel_id",
}


@pytest_asyncio.fixture
async def cities(committed_db: SessionMaker) -> None:
    """The cities of these files among the targets."""
    async with committed_db() as session, session.begin():
        for city, state, county, zone in CITIES:
            await session.execute(
                text(
                    "INSERT INTO target_cities (city, state, county, time_zone) VALUES (:city, :state, :county, :zone)"
                ),
                {"city": city, "state": state, "county": county, "zone": zone},
            )


def counts(report: IngestReport) -> tuple[int, int, int, int, int]:
    assert report.adds_up()
    return report.read, report.stored, report.updated, report.duplicate, report.rejected


async def rows(sessions: SessionMaker, statement: str, **values: Any) -> list[Any]:
    async with sessions() as session, session.begin():
        return list((await session.execute(text(statement), values)).all())


@pytest.mark.parametrize(
    ("name", "city", "read", "stored", "again", "reasons"),
    READ,
    ids=[row[0].rpartition("/")[2] for row in READ],
)
async def test_a_file_is_stored_once(
    *,
    cities: None,
    handed_over: Path,
    unit_of_work: UnitOfWorkFactory,
    name: str,
    city: str | None,
    read: int,
    stored: int,
    again: int,
    reasons: dict[str, int],
) -> None:
    rejected = sum(reasons.values())
    first = await import_parcels([handed_over / name], unit_of_work, RING, jurisdiction=city)
    assert (counts(first), first.reasons) == ((read, stored, 0, again, rejected), reasons)
    second = await import_parcels([handed_over / name], unit_of_work, RING, jurisdiction=city)
    assert counts(second) == (read, 0, 0, stored + again, rejected)


@pytest.mark.parametrize("name", REFUSED, ids=[name.rpartition("/")[2] for name in REFUSED])
async def test_a_file_without_parcels_is_named_as_what_it_is(
    handed_over: Path, unit_of_work: UnitOfWorkFactory, name: str
) -> None:
    report = await import_parcels([handed_over / name], unit_of_work, RING)
    assert (counts(report), report.reasons) == ((1, 0, 0, 0, 1), {REFUSED[name]: 1})


async def test_coordinates_in_feet_and_metres_come_out_where_the_houses_stand(
    cities: None, handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    files = [handed_over / name for name in (ALAMEDA, PLUTO, f"{ASSESSOR}berkeley_ca_parcels.csv")]
    await import_parcels(files, unit_of_work, RING)
    # 2127 Broadway, Oakland, and Liberty Island, whose statue stands at 40.6892, -74.0445.
    for apn, lat, lng in (("008 064801700", 37.8109, -122.2677), ("1000010101", 40.6892, -74.0445)):
        [found] = await rows(committed_db, "SELECT lat, lng FROM parcels WHERE apn = :apn", apn=apn)
        assert (float(found.lat), float(found.lng)) == pytest.approx((lat, lng), abs=0.002)
    # Berkeley gives its boundaries in metres and each parcel's middle in degrees.
    away = await rows(
        committed_db,
        "SELECT ST_Distance(ST_Centroid(boundary), geom) AS metres FROM parcels WHERE city = 'Berkeley'",
    )
    assert len(away) == 3
    assert max(row.metres for row in away) < 3


async def test_zeros_and_prices_without_a_market_are_unknown(
    cities: None, handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    files = [handed_over / f"{ASSESSOR}nyc_pluto_BK_18v1.csv", handed_over / SALES]
    await import_parcels(files, unit_of_work, RING)
    [pluto] = await rows(
        committed_db,
        "SELECT count(*) FILTER (WHERE year_built IS NULL), count(*) FILTER (WHERE assessed_value IS NULL),"
        " min(year_built) FROM parcels WHERE source = 'nyc_pluto'",
    )
    assert tuple(pluto) == (8, 3, 1920)
    sales = await rows(
        committed_db,
        "SELECT apn, last_sale_on::text, last_sale_price FROM parcels WHERE source = 'nyc_dof_sales'"
        " AND apn IN ('1003770066', '1003760028', '1003740046') ORDER BY apn",
    )
    assert [tuple(row) for row in sales] == [
        ("1003740046", "2021-02-09", 2_385_000),
        ("1003760028", "2020-06-26", None),  # one dollar
        ("1003770066", "2020-10-31", None),  # the later of two, without a price
    ]


async def test_another_source_adds_what_it_knows_and_takes_nothing_away(
    cities: None, handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    facts = (
        "SELECT owner_name_hash, stories, assessed_value, market_value, lat, year_built FROM parcels"
        " WHERE apn = '1000010010'"
    )
    await import_parcels([handed_over / PLUTO], unit_of_work, RING)
    [before] = await rows(committed_db, facts)
    second = await import_parcels([handed_over / ROLL], unit_of_work, RING)
    assert (second.stored, second.updated) == (2, 3), "two lots are not in the excerpt"
    [after] = await rows(committed_db, facts)
    assert before.market_value is None
    assert after.market_value == 337_093_000
    assert after.lat == before.lat
    assert (await import_parcels([handed_over / ROLL], unit_of_work, RING)).updated == 0
    await import_parcels([handed_over / PLUTO], unit_of_work, RING)
    [last] = await rows(committed_db, facts)
    assert (last.market_value, last.assessed_value) == (337_093_000, before.assessed_value)


async def test_owners_are_sealed_and_the_kept_rows_name_nobody(
    cities: None, handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    await import_parcels([handed_over / WACO], unit_of_work, RING, jurisdiction="Waco, TX")
    [row] = await rows(
        committed_db,
        "SELECT subject_id, owner_name, mailing_address, owner_occupied, county, details, last_sale_price FROM parcels",
    )
    async with unit_of_work() as uow:
        cipher = await SubjectKeys(uow.session, RING).load(row.subject_id)
    assert cipher.decrypt("owner_name", row.owner_name) == "NIETO ERIC SANCHEZ & MARIA DE LA PAZ LUJANO"
    assert cipher.decrypt("mailing_address", row.mailing_address) == "308 PULLEN ST MCGREGOR TX 76657"
    assert (row.owner_occupied, row.county) == (True, "McLennan")
    [raw] = await rows(committed_db, "SELECT payload, row_count, kind FROM raw_records")
    [kept] = orjson.loads(zstandard.decompress(raw.payload))
    assert (raw.kind, raw.row_count, kept["PROP_ID"]) == ("parcels", 1, 136577)
    assert "NIETO" not in str(kept)
    assert "PULLEN" not in str({name: value for name, value in kept.items() if not name.startswith("SITUS")})


async def test_a_state_that_publishes_no_prices_is_said_to(
    cities: None, handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    await import_parcels([handed_over / WACO], unit_of_work, RING, jurisdiction="Waco, TX")
    await import_parcels([handed_over / PLUTO], unit_of_work, RING)
    found = await rows(
        committed_db,
        "SELECT DISTINCT state, details #>> '{not_published,last_sale_price}' AS why FROM parcels",
    )
    told = {row.state: row.why for row in found}
    assert told["NY"] is None
    assert "non-disclosure" in told["TX"]


async def test_persons_of_a_state_with_a_law_against_it_stay_outside(
    cities: None, tmp_path: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    layer = tmp_path / "parcels.csv"
    layer.write_text(
        "APN,SITUS_ADDR,SITUS_CITY,OWNER_NAME,MAIL_ADDR,YEAR_BUILT,SALE_PRICE\n"
        "1-2-3,12 OAK ST,OAKLAND,DOE JANE,12 OAK ST,1950,0\n1-2-3,14 OAK ST,OAKLAND,ROE RICHARD,9 ELM ST,1951,1\n"
    )
    alone = await import_parcels([layer], unit_of_work, RING)
    assert alone.reasons == {"jurisdiction_unknown": 1}
    report = await import_parcels([layer], unit_of_work, RING, jurisdiction="Oakland, CA")
    assert counts(report) == (2, 1, 0, 1, 0)
    [row] = await rows(
        committed_db,
        "SELECT owner_name, owner_name_hash, mailing_address, year_built, county, owner_occupied FROM parcels",
    )
    assert tuple(row) == (None, None, None, 1950, "Alameda", True)
    with pytest.raises(UnknownCity):
        await import_parcels([layer], unit_of_work, RING, jurisdiction="Atlantis, CA")


async def test_a_file_whose_projection_is_not_its_own_is_refused_as_a_whole(
    cities: None, tmp_path: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    await rows(committed_db, CENTER, lng=-73.99, lat=40.71)
    # Feet of New York read as metres lie in the Atlantic.
    layer, feet, metres = tmp_path / "lots.shp", CRS.from_epsg(2263), CRS.from_epsg(32118)
    with shapefile.Writer(str(layer)) as written:
        written.field("APN", "C")
        written.field("SITE_ADDR", "C")
        written.point(987838, 195989)
        written.record("3000010050", "10 JAY ST")
    for projection, reasons in ((metres, {"coordinates_elsewhere": 1}), (feet, {})):
        layer.with_suffix(".prj").write_text(projection.to_wkt("WKT1_ESRI"))
        report = await import_parcels([layer], unit_of_work, RING, jurisdiction="New York, NY")
        assert report.reasons == reasons
    [row] = await rows(committed_db, "SELECT lat, lng FROM parcels")
    assert (float(row.lat), float(row.lng)) == pytest.approx((40.7046, -73.9867), abs=0.001)


async def test_a_citys_own_field_map_reads_a_file_that_nothing_else_knows(
    cities: None, tmp_path: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    layer = tmp_path / "lots.csv"
    layer.write_text("Konto;Haus;Form\n77;12 Oak St;POINT (3114500 10073500)\n")
    report = await import_parcels([layer], unit_of_work, RING, jurisdiction="Waco, TX")
    assert report.reasons == {"missing_column_parcel_id": 1}
    entry = {
        "key": "waco_lots",
        "projection": "EPSG:2277",
        "field_map": {"parcel_id": "Konto", "address": "Haus", "boundary_wkt": "Form"},
    }
    sources = orjson.dumps({"parcel_sources": [entry]}).decode()
    async with committed_db() as session, session.begin():
        await session.execute(
            text("UPDATE target_cities SET sources = CAST(:sources AS jsonb) WHERE city = 'Waco'"),
            {"sources": sources},
        )
    report = await import_parcels([layer], unit_of_work, RING, jurisdiction="Waco, TX", source="waco_lots")
    assert counts(report) == (1, 1, 0, 0, 0)
    [row] = await rows(committed_db, "SELECT source, lat FROM parcels")
    assert row.source == "waco_lots"
    assert float(row.lat) == pytest.approx(30.27, abs=0.02)
    with pytest.raises(UnknownParcelSource):
        await import_parcels([layer], unit_of_work, RING, jurisdiction="Waco, TX", source="lots")


async def test_the_command_prints_one_line_and_why_a_file_was_refused(
    cities: None, handed_over: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    sales, directory = (str(handed_over / name) for name in (SALES, f"{ASSESSOR}county_gis_endpoints.json"))
    command = ["import", "parcels", sales, directory]
    result = await asyncio.to_thread(CliRunner().invoke, build(), command)
    assert orjson.loads(result.stdout) == {
        "read": 11, "stored": 9, "updated": 0, "duplicate": 1, "rejected": 1, "reasons": {"layer_directory": 1}
    }  # fmt: skip
    assert result.stderr.splitlines() == [
        "county_gis_endpoints.json: the addresses of 67 layers, not their rows"
    ]
    assert result.exit_code == 1
