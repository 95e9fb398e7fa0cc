"""One event, several reports: only the best of them counts, and a trigger follows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.scraper.domain.rows import StormRow
from services.scraper.domain.supersession import AUTHORITY, TOLERANCES
from services.scraper.domain.swaths import area_of
from services.scraper.imports import import_storms
from services.scraper.ingest import ingest_storms
from shared.db.engine import SessionMaker
from shared.db.unit_of_work import UnitOfWorkFactory

NOON = datetime(2026, 6, 3, 18, 0, tzinfo=UTC)
MILE_NORTH = 1 / 69.05


def storm(source: str, *, miles: float = 0, minutes: int = 0, **changes: Any) -> StormRow:
    facts: dict[str, Any] = {
        "event_type": "hail",
        "began_at": NOON + timedelta(minutes=minutes),
        "lat": 32.4 + miles * MILE_NORTH,
        "lng": -98.9,
        "hail_size_inches": Decimal("1.50"),
    }
    return StormRow(source=source, external_id=f"{source}{miles}{minutes}", **facts | changes)


def warning(**changes: Any) -> StormRow:
    ring = [[-99.0, 32.3], [-98.8, 32.3], [-98.8, 32.5], [-99.0, 32.5], [-99.0, 32.3]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    ends = {"ended_at": NOON + timedelta(minutes=45), "lat": None, "lng": None}
    return storm("nws_alert", swath=area_of(shape), **ends | changes)


async def counting(unit_of_work: UnitOfWorkFactory, *batches: Sequence[StormRow]) -> list[str]:
    """Sources of the events that count after the batches were stored one after the other."""
    for batch in batches:
        async with unit_of_work() as uow:
            await ingest_storms(uow.session, batch)
    async with unit_of_work() as uow:
        rows = await uow.session.execute(
            text(
                "SELECT source FROM weather_events WHERE superseded_by IS NULL ORDER BY source, began_at, lat"
            )
        )
        return list(rows.scalars())


async def test_the_official_record_takes_the_place_of_every_earlier_report(
    unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    early = [warning(), storm("swdi_nx3hail", miles=2), storm("lsr", miles=1), storm("spc", miles=1)]
    assert await counting(unit_of_work, early) == ["spc"]
    assert await counting(unit_of_work, [storm("ncei", minutes=10)]) == ["ncei"]


async def test_a_report_that_comes_after_the_record_does_not_count(
    unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    assert await counting(unit_of_work, [storm("ncei")], [storm("spc", miles=1)]) == ["ncei"]


@pytest.mark.parametrize(
    "other",
    [
        storm("spc", miles=3.2),
        storm("spc", minutes=31),
        storm("spc", minutes=-31),
        storm("spc", event_type="wind", wind_speed_mph=70, hail_size_inches=None),
        warning(began_at=NOON - timedelta(hours=2), ended_at=NOON - timedelta(minutes=16)),
        storm("spc", lat=None, lng=None),
    ],
    ids=["too far", "too late", "too early", "another kind", "a warning that was over", "no place"],
)
async def test_another_event_keeps_counting(
    unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker, other: StormRow
) -> None:
    assert await counting(unit_of_work, [other], [storm("ncei")]) == ["ncei", other.source]


async def test_each_report_finds_its_own_record_and_two_records_stay_two(
    unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    reports = [storm("spc"), storm("spc", miles=2, minutes=5)]
    records = [storm("ncei", miles=0.1), storm("ncei", miles=2.1, minutes=5)]
    assert await counting(unit_of_work, reports, records) == ["ncei", "ncei"]
    async with committed_db() as session:
        pairs = await session.execute(
            text(
                "SELECT round(r.lat - o.lat, 2) FROM weather_events r JOIN weather_events o ON o.id = r.superseded_by"
            )
        )
        assert {abs(float(gap)) for gap in pairs.scalars()} == {0.0}


async def test_a_record_that_is_moved_away_lets_the_report_count_again(
    unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    await counting(unit_of_work, [storm("spc")], [storm("ncei")])
    moved = storm("ncei", lat=40.0)
    assert await counting(unit_of_work, [moved]) == ["ncei", "spc"]


async def test_spcs_archive_of_1950_is_superseded_by_nceis_record_of_1950(
    handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    folder = handed_over / "data" / "storm"
    files = [
        folder / "spc_archive" / "spc_torn_archive.zip",
        folder / "ncei_bulk" / "StormEvents_details-ftp_v1.0_d1950_c20170120.csv.gz",
    ]
    report = await import_storms(files, unit_of_work)
    assert (report.stored, report.reasons) == (258, {"part_of_a_track": 3})
    async with committed_db() as session:
        counts = await session.execute(
            text("SELECT source, count(*) FROM weather_events WHERE superseded_by IS NULL GROUP BY source")
        )
        assert {row[0]: row[1] for row in counts} == {"ncei": 223}


def test_every_source_but_the_record_itself_can_be_superseded() -> None:
    assert set(TOLERANCES) == set(AUTHORITY) - {"ncei"}
    assert max(AUTHORITY.items(), key=lambda item: item[1])[0] == "ncei"
