"""Every storm file of the handed-over data through the importer; every count was read from the files."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.scraper.imports import import_storms
from shared.db.engine import SessionMaker
from shared.db.unit_of_work import UnitOfWorkFactory

STORM = "data/storm"
MAY_20 = date(2013, 5, 20)
JUNE_15 = date(2018, 6, 15)
# File, the day to give it, rows read, rows stored, reasons of the others. The five details files are in test_real_files.
FILES: tuple[tuple[str, date | None, int, int, dict[str, int]], ...] = (
    ("ncei_search_export/arizona_2024_2025.csv", None, 500, 236, {"not_roof_relevant": 264}),
    ("ncei_search_export/iowa_tornado_2020_2021.csv", None, 87, 87, {}),
    ("ncei_search_export/tarrant_tx_hail_1999_2023.csv", None, 500, 500, {}),
    ("nws_alerts/air-quality-alerts_active.json", None, 402, 14, {"not_roof_relevant": 388}),
    ("nws_alerts/e2e_active.json", None, 153, 5, {"not_roof_relevant": 146}),
    # Its three storms are those of the recording before: the same messages, known by their ids.
    ("nws_alerts/testing_active.json", None, 39, 0, {"not_roof_relevant": 36}),
    ("nws_lsr_text/LSRDMX.txt", None, 1, 1, {}),
    ("nws_lsr_text/LSRFWD.txt", None, 1, 1, {}),
    ("nws_lsr_text/LSRICT_mixed.txt", None, 1, 1, {}),
    ("nws_lsr_text/LSROUN_hail.txt", None, 1, 1, {}),
    ("nws_lsr_text/LSR_empty.txt", None, 0, 0, {}),
    ("spc_archive/spc_hail_archive.csv", None, 40, 40, {}),
    ("spc_archive/spc_torn_archive.zip", None, 38, 35, {"part_of_a_track": 3}),
    ("spc_archive/spc_wind_archive.csv", None, 40, 40, {}),
    ("spc_daily/2013_0531_hail.csv", None, 75, 75, {}),
    ("spc_daily/2013_0531_torn.csv", None, 18, 18, {}),
    ("spc_daily/2013_0531_wind.csv", None, 100, 100, {}),
    ("spc_daily/2013_20_hail.csv", MAY_20, 99, 99, {}),
    ("spc_daily/2013_20_torn.csv", MAY_20, 18, 18, {}),
    ("spc_daily/2013_20_wind.csv", MAY_20, 145, 145, {}),
    ("spc_daily/2013_yesterday_raw.csv", None, 32, 32, {}),
    ("spc_daily/spc_hail_after_2011_archive.csv", JUNE_15, 20, 20, {}),
    ("swdi/swdi_accessible_0_nx3tvs.xml", None, 25, 0, {"radar_signature": 25}),
    ("swdi/swdi_accessible_1_nx3meso.xml", None, 25, 0, {"radar_signature": 25}),
    ("swdi/swdi_bbox_0_plsr.xml", None, 5, 5, {}),
    ("spc_daily/spc_hail_future.html", None, 1, 0, {"html_instead_of_csv": 1}),
    ("ncei_bulk/StormEvents_fatalities-ftp_v1.0_d2022_c20220719_limit20.csv", None, 1, 0,
     {"unsupported_format_ncei_fatalities": 1}),
    ("ncei_bulk/fatalities_2019.csv", None, 1, 0, {"unsupported_format_ncei_fatalities": 1}),
    ("ncei_bulk/StormEvents_locations_2019_part1.csv.gz", None, 1, 0, {"unsupported_format_ncei_locations": 1}),
    ("ncei_bulk/detailsFileList_2020.txt", None, 1, 0, {"unsupported_format_ncei_file_list": 1}),
)  # fmt: skip


def test_no_file_of_the_folder_is_left_out(handed_over: Path) -> None:
    folder = handed_over / STORM
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    details = {name for name in there if "StormEvents_details" in name}
    assert len(details) == 5
    assert there - details == {name for name, *_ in FILES}


async def test_every_file_is_stored_once_and_adds_up(
    handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    for name, day, read, stored, reasons in FILES:
        path = handed_over / STORM / name
        first = await import_storms([path], unit_of_work, report_day=day)
        assert first.adds_up(), name
        assert (first.read, first.stored, first.updated, first.reasons) == (read, stored, 0, reasons), name
        again = await import_storms([path], unit_of_work, report_day=day)
        assert (again.stored, again.updated, again.read) == (0, 0, read), name


async def test_an_export_of_500_rows_is_said_to_be_cut(
    handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    names = ("tarrant_tx_hail_1999_2023", "iowa_tornado_2020_2021")
    cut, whole = [
        await import_storms([handed_over / STORM / "ncei_search_export" / f"{name}.csv"], unit_of_work)
        for name in names
    ]
    assert (len(cut.remarks), cut.notes, whole.remarks) == (1, (), ())


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        (  # 11:40 CST is 17:40 UTC, also in May
            "ncei_search_export/tarrant_tx_hail_1999_2023.csv", "5693932",
            ("1999-05-04 17:40:00+00", "hail", 1.0, None, "POINT(-97.47 32.63)", None),
        ),
        (  # 54 kt are 62 mph; a zone has no place
            "ncei_search_export/arizona_2024_2025.csv", "1182869",
            ("2024-05-05 18:30:00+00", "wind", None, 62, None, None),
        ),
        (  # 16:39 CST; the end point 0.0 is none
            "spc_archive/spc_hail_archive.csv", "hail-1955-01-17-1",
            ("1955-01-17 22:39:00+00", "hail", 0.75, None, "POINT(-101.5 32.2)", None),
        ),
        (
            "swdi/swdi_bbox_0_plsr.xml", "427540",
            ("2006-05-09 02:20:00+00", "hail", 1.0, None, "POINT(-90.43 30.93)", None),
        ),
        (  # -9999 is none
            "swdi/swdi_bbox_0_plsr.xml", "427537",
            ("2006-05-09 02:40:00+00", "wind", None, None, "POINT(-90.3 30.96)", None),
        ),
        (  # 14:51:16 at -05:00, with its polygon and no point
            "nws_alerts/air-quality-alerts_active.json", "KBGM.SV.W.0113.2026:wind",
            ("2026-07-15 19:51:16+00", "wind", None, 60, None, "ST_MultiPolygon"),
        ),
    ],
)  # fmt: skip
async def test_a_row_of_each_publisher_is_stored_in_our_units_and_utc(
    *,
    handed_over: Path,
    unit_of_work: UnitOfWorkFactory,
    committed_db: SessionMaker,
    name: str,
    key: str,
    expected: tuple[Any, ...],
) -> None:
    await import_storms([handed_over / STORM / name], unit_of_work)
    async with committed_db() as session:
        row = (
            await session.execute(
                text(
                    "SELECT began_at::text, event_type, hail_size_inches::float, wind_speed_mph, ST_AsText(geom),"
                    " ST_GeometryType(swath::geometry) FROM weather_events WHERE external_id = :key"
                ),
                {"key": key},
            )
        ).one()
    assert tuple(row) == expected


@pytest.mark.parametrize(
    ("name", "began_at"),
    [  # CDT is five hours behind UTC, CST six
        ("LSRDMX.txt", "2018-07-04 18:30:00+00"),
        ("LSRFWD.txt", "2012-01-24 21:09:00+00"),
        ("LSRICT_mixed.txt", "2012-05-26 02:45:00+00"),
        ("LSROUN_hail.txt", "2024-05-01 14:15:00+00"),
    ],
)
async def test_local_reports_are_read_by_the_clock_on_the_spot(
    handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker, name: str, began_at: str
) -> None:
    await import_storms([handed_over / STORM / "nws_lsr_text" / name], unit_of_work)
    async with committed_db() as session:
        row = (await session.execute(text("SELECT began_at::text FROM weather_events"))).one()
    assert row[0] == began_at
