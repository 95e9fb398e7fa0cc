"""Imports of the handed-over public files; every count was read from the files."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.scraper.imports import UnknownPermitSource, import_permits, import_storms
from services.scraper.ingest import IngestReport
from shared.db.engine import SessionMaker
from shared.db.unit_of_work import UnitOfWorkFactory

NCEI = "data/storm/ncei_bulk/StormEvents_details-ftp_v1.0_"
SPC = "data/storm/spc_daily/"
CHICAGO = "data/permits/chicago_compact/"
NASHVILLE = "data/permits/arcgis_hub/nashville_building_permits_part1.csv"


async def one(sessions: SessionMaker, statement: str, **parameters: Any) -> Any:
    async with sessions() as session:
        return (await session.execute(text(statement), parameters)).one()


def counts(report: IngestReport) -> tuple[int, int, int, int, int]:
    assert report.adds_up()
    return report.read, report.stored, report.updated, report.duplicate, report.rejected


@pytest.mark.parametrize(
    ("name", "read", "stored", "reasons"),
    [
        ("d1950_c20170120.csv.gz", 223, 223, {}),
        ("d1974_c20160223.csv.gz", 5375, 5375, {}),
        ("d1993_c20160223.csv.gz", 8664, 8652, {"magnitude_implausible": 12}),
        ("d2017_c20170616.csv.gz", 15619, 7634, {"not_roof_relevant": 7985}),
        ("d2022_c20220719_limit20.csv", 19, 1, {"not_roof_relevant": 18}),
    ],
)
async def test_a_year_of_ncei_is_stored_once(
    *,
    handed_over: Path,
    unit_of_work: UnitOfWorkFactory,
    name: str,
    read: int,
    stored: int,
    reasons: dict[str, int],
) -> None:
    path = handed_over / f"{NCEI}{name}"
    first = await import_storms([path], unit_of_work)
    assert counts(first) == (read, stored, 0, 0, read - stored)
    assert first.reasons == reasons
    assert counts(await import_storms([path], unit_of_work)) == (read, 0, 0, stored, read - stored)


async def test_1950_stays_1950_and_1993_keeps_its_rows_without_points(
    handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    files = [handed_over / f"{NCEI}d1950_c20170120.csv.gz", handed_over / f"{NCEI}d1993_c20160223.csv.gz"]
    await import_storms(files, unit_of_work)
    oldest = await one(committed_db, "SELECT min(event_date), max(event_date) FROM weather_events")
    assert tuple(oldest) == (date(1950, 1, 3), date(1993, 12, 23))
    places = await one(
        committed_db,
        "SELECT count(*), count(geom), count(*) FILTER (WHERE county IS NULL) FROM weather_events"
        " WHERE extract(year FROM event_date) = 1993",
    )
    assert (places[0], places[1], places[2]) == (8652, 425, 0)
    worst = await one(
        committed_db, "SELECT damage_estimate, event_type FROM weather_events WHERE external_id = '10317829'"
    )
    assert tuple(worst) == (1_600_000_000, "wind")


async def test_a_storm_of_2017_is_stored_in_utc_with_its_local_day(
    handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    await import_storms([handed_over / f"{NCEI}d2017_c20170616.csv.gz"], unit_of_work)
    row = await one(
        committed_db,
        "SELECT began_at::text, event_date::text, event_time::text, wind_speed_mph, severity, ST_AsText(geom)"
        " FROM weather_events WHERE source = 'ncei' AND external_id = '673610'",
    )
    assert tuple(row) == (
        "2017-03-01 14:05:00+00", "2017-03-01", "09:05:00", 69, "moderate", "POINT(-83.27 37.91)"
    )  # fmt: skip


async def test_spc_days_are_stored_once_and_the_night_is_the_next_date(
    handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    paths = [handed_over / f"{SPC}2013_0531_{hazard}.csv" for hazard in ("hail", "wind", "torn")]
    assert counts(await import_storms(paths, unit_of_work)) == (193, 193, 0, 0, 0)
    assert counts(await import_storms(paths, unit_of_work)) == (193, 0, 0, 193, 0)
    night = await one(
        committed_db,
        "SELECT count(*) FROM weather_events WHERE event_type = 'wind' AND began_at >= '2013-06-01'",
    )
    assert night[0] == 49
    largest = await one(committed_db, "SELECT max(hail_size_inches) FROM weather_events")
    assert float(largest[0]) == 2.5


async def test_the_raw_file_dates_its_three_sections_itself(
    handed_over: Path, unit_of_work: UnitOfWorkFactory
) -> None:
    assert counts(await import_storms([handed_over / f"{SPC}2013_yesterday_raw.csv"], unit_of_work)) == (
        32,
        32,
        0,
        0,
        0,
    )


async def test_a_file_without_a_day_waits_for_one(handed_over: Path, unit_of_work: UnitOfWorkFactory) -> None:
    path = handed_over / f"{SPC}2013_20_hail.csv"
    undated = await import_storms([path], unit_of_work)
    assert (counts(undated), undated.reasons) == ((99, 0, 0, 0, 99), {"report_date_unknown": 99})
    assert counts(await import_storms([path], unit_of_work, report_day=date(2013, 5, 20))) == (
        99,
        99,
        0,
        0,
        0,
    )


@pytest.mark.parametrize(
    ("name", "read", "reroofs"), [("permits_2019_05.json", 4616, 115), ("permits_2026_06.json", 2857, 139)]
)
async def test_a_month_of_chicago_is_stored_once(
    *,
    handed_over: Path,
    unit_of_work: UnitOfWorkFactory,
    committed_db: SessionMaker,
    name: str,
    read: int,
    reroofs: int,
) -> None:
    path = handed_over / f"{CHICAGO}{name}"
    assert counts(await import_permits([path], unit_of_work)) == (read, read, 0, 0, 0)
    assert counts(await import_permits([path], unit_of_work)) == (read, 0, 0, read, 0)
    row = await one(
        committed_db,
        "SELECT count(*) FILTER (WHERE roof_work = 'reroof'), count(DISTINCT city_id),"
        " count(*) FILTER (WHERE permit_type LIKE :dash) FROM roofing_permits",
        dash="%\u2013%",
    )
    assert tuple(row) == (reroofs, 1, 0)


async def test_nashville_is_stored_once_and_refused_applications_date_no_roof(
    handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    first = await import_permits([handed_over / NASHVILLE], unit_of_work)
    assert counts(first) == (3597, 3576, 0, 2, 19)
    assert first.reasons == {"address_without_number": 19}
    assert counts(await import_permits([handed_over / NASHVILLE], unit_of_work)) == (3597, 0, 0, 3578, 19)
    roofs = await one(
        committed_db,
        "SELECT count(*) FILTER (WHERE roof_work = 'reroof'), count(*) FILTER (WHERE reroof),"
        " count(*) FILTER (WHERE reroof AND permit_status = 'rejected') FROM roofing_permits",
    )
    assert tuple(roofs) == (172, 155, 0)
    raw = await one(committed_db, "SELECT count(*), min(size_bytes) FROM raw_records")
    assert tuple(raw) == (1, (handed_over / NASHVILLE).stat().st_size)


async def test_accela_records_are_completed_by_the_addresses_beside_them(
    handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    paths = sorted((handed_over / "data/permits/accela_v4").glob("*.json"))
    report = await import_permits(paths, unit_of_work)
    assert counts(report) == (116, 1, 0, 3, 112)
    assert report.reasons == {"missing_address": 31, "not_a_building_permit": 23, "not_permit_rows": 58}
    permit = await one(
        committed_db, "SELECT jurisdiction, permit_number, address, city, zip FROM roofing_permits"
    )
    assert tuple(permit) == ("ISLANDTON", "BLD14-00187", "1 ALLEGHENY CT", "Petaluma", "94952")


async def test_the_portals_csv_and_the_socrata_months_share_their_numbers(
    handed_over: Path, unit_of_work: UnitOfWorkFactory
) -> None:
    path = handed_over / "data/permits/socrata_csv/chicago_portal_2016_part1.csv"
    report = await import_permits([path], unit_of_work)
    assert (counts(report), report.reasons) == ((264, 260, 0, 0, 4), {"missing_date": 4})


async def test_a_configured_source_reads_the_same_file(
    handed_over: Path, unit_of_work: UnitOfWorkFactory
) -> None:
    report = await import_permits(
        [handed_over / NASHVILLE], unit_of_work, city="Nashville, TN", source="nashville_tn_issued"
    )
    assert counts(report) == (3597, 3576, 0, 2, 19)
    with pytest.raises(UnknownPermitSource):
        await import_permits([handed_over / NASHVILLE], unit_of_work, city="Nashville, TN", source="nobody")
