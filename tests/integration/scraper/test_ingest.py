from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random
from uuid import UUID

import psycopg
import pytest
import zstandard
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper import chunks, imports
from services.scraper.domain.rows import ParcelRow, PermitRow, Rejected, StatusChange
from services.scraper.imports import import_permits
from services.scraper.ingest import IngestReport, ingest_permits
from services.scraper.repository import ParcelRepository, raw_records
from shared.db.engine import SessionMaker
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.files import FileRefused
from shared.security.fields import KeyRing
from shared.security.subject_keys import SubjectKeys

STANDING = """
    SELECT permit_number, permit_status, completion_date, reroof FROM roofing_permits ORDER BY permit_number
"""
RING = KeyRing({"k1": b"1" * 32}, b"2" * 32)


def permit(number: str, **change: object) -> PermitRow:
    plain = PermitRow(
        jurisdiction="Harrow, TX",
        permit_number=number,
        source="test",
        address=f"{number} OAK ST",
        address_key=f"{number}||OAK|ST|||79501",
        city="Harrow",
        state="TX",
        home_city="Harrow",
        zip="79501",
        lat=32.4,
        lng=-98.9,
        permit_type="Roofing",
        issue_date=date(2024, 5, 1),
    )
    return replace(plain, **change)  # type: ignore[arg-type]


def reroof(number: str, **change: object) -> PermitRow:
    return permit(number, **({"roof_work": "reroof", "dates_roof": True} | change))


async def city_id(session: AsyncSession) -> UUID:
    found = await session.execute(text("SELECT id FROM target_cities WHERE city = 'Harrow' AND state = 'TX'"))
    return found.scalar_one()  # type: ignore[no-any-return]


def counts(report: IngestReport) -> tuple[int, int, int, int, int]:
    assert report.adds_up()
    return report.read, report.stored, report.updated, report.duplicate, report.rejected


async def test_a_changed_row_is_an_update_and_an_unchanged_one_a_duplicate(db: AsyncSession) -> None:
    assert counts(await ingest_permits(db, [permit("1"), permit("2"), Rejected("x")])) == (3, 2, 0, 0, 1)
    again = [permit("1"), permit("2", estimated_value=9000), permit("3")]
    assert counts(await ingest_permits(db, again)) == (3, 1, 1, 1, 0)


async def test_of_two_rows_with_one_number_the_last_wins_and_nothing_changes_the_second_time(
    db: AsyncSession,
) -> None:
    rows = [permit("1", contractor_name="FIRST"), permit("1", contractor_name="AMENDED")]
    assert counts(await ingest_permits(db, rows)) == (2, 1, 0, 1, 0)
    assert counts(await ingest_permits(db, rows)) == (2, 0, 0, 2, 0)
    stored = (await db.execute(text("SELECT contractor_name FROM roofing_permits"))).scalars().all()
    assert stored == ["AMENDED"]


async def test_a_later_status_is_applied_and_a_withdrawn_re_roof_dates_no_roof(db: AsyncSession) -> None:
    await ingest_permits(db, [reroof("1", permit_status="issued"), reroof("2", permit_status="issued")])
    later = [
        reroof("1", permit_status="completed", completion_date=date(2024, 6, 2)),
        reroof("2", permit_status="cancelled", dates_roof=False),
    ]
    assert counts(await ingest_permits(db, later)) == (2, 0, 2, 0, 0)
    stored = await db.execute(text(STANDING))
    assert [tuple(row) for row in stored] == [
        ("1", "completed", date(2024, 6, 2), True),
        ("2", "cancelled", None, False),
    ]


async def test_a_place_that_was_found_for_an_address_stays_until_the_permit_names_another(
    db: AsyncSession,
) -> None:
    bare = permit("1", lat=None, lng=None, zip=None)
    await ingest_permits(db, [bare])
    await db.execute(
        text(
            "UPDATE roofing_permits SET lat = 32.4, lng = -98.9, zip = '79501', geom = ST_Point(-98.9, 32.4, 4326)"
        )
    )
    place = text("SELECT zip, lat IS NOT NULL, lng IS NOT NULL, geom IS NOT NULL FROM roofing_permits")
    assert counts(await ingest_permits(db, [replace(bare, permit_status="completed")])) == (1, 0, 1, 0, 0)
    assert tuple((await db.execute(place)).one()) == ("79501", True, True, True)
    elsewhere = replace(bare, address="9 ELM ST", address_key="9||ELM|ST|||")
    assert counts(await ingest_permits(db, [elsewhere])) == (1, 0, 1, 0, 0)
    assert tuple((await db.execute(place)).one()) == (None, False, False, False)


async def test_a_change_that_only_numbers_its_permit_is_applied_to_the_known_one(db: AsyncSession) -> None:
    def change(number: str, status: str | None, completed: date | None = None) -> StatusChange:
        return StatusChange("Harrow, TX", number, status, completed)

    rows: list[PermitRow | StatusChange] = [
        reroof("1", permit_status="issued"),
        change("1", "completed", date(2024, 6, 2)),
        change("2", "issued"),
        change("2", "cancelled"),
        change("9", "completed"),
        reroof("2"),
        permit("3", permit_status="issued"),
        change("3", "issued"),
    ]
    report = await ingest_permits(db, rows)
    assert counts(report) == (8, 3, 2, 2, 1)
    assert report.reasons == {"status_change_only": 1}
    stored = await db.execute(text(STANDING))
    assert [tuple(row) for row in stored] == [
        ("1", "completed", date(2024, 6, 2), True),
        ("2", "cancelled", None, False),
        ("3", "issued", None, False),
    ]
    assert counts(await ingest_permits(db, [change("2", "issued")])) == (1, 0, 1, 0, 0)
    whole = [reroof("1", permit_status="issued"), reroof("2"), permit("3", permit_status="issued")]
    assert counts(await ingest_permits(db, whole)) == (3, 0, 2, 1, 0), "a whole row that comes later wins"


async def test_one_number_in_two_jurisdictions_is_two_permits(db: AsyncSession) -> None:
    rows = [permit("1"), permit("1", jurisdiction="Ashby County")]
    assert counts(await ingest_permits(db, rows)) == (2, 2, 0, 0, 0)


async def test_rows_that_look_like_copys_own_signs_arrive_as_they_are(db: AsyncSession) -> None:
    strange = "\\N \\t ends with a slash \\ and 'quotes' \u2014 \U0001f3e0"
    await ingest_permits(db, [permit("1", work_description=strange, contractor_name="\\N")])
    stored = (await db.execute(text("SELECT work_description, contractor_name FROM roofing_permits"))).one()
    assert tuple(stored) == (strange, "\\N")


@pytest.mark.parametrize("rows", [0, 1, 7, 20])
async def test_counts_do_not_depend_on_chunks(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 3)

    def feed() -> Iterator[PermitRow | Rejected]:
        for number in range(rows):
            yield Rejected("bad") if number % 5 == 4 else permit(str(number))

    bad = rows // 5
    assert counts(await ingest_permits(db, feed())) == (rows, rows - bad, 0, 0, bad)
    assert counts(await ingest_permits(db, feed())) == (rows, 0, 0, rows - bad, bad)


async def test_a_feed_that_breaks_half_way_raises_its_reason(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 1)

    def feed() -> Iterator[PermitRow]:
        yield permit("1")
        raise FileRefused("broken_csv", "line 2")

    with pytest.raises(FileRefused):
        await ingest_permits(db, feed())


async def test_a_database_that_fails_half_way_ends_the_load_while_rows_are_still_to_come(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 1)
    strange = replace(permit("1"), state="TOO LONG")
    rows = [permit("0"), strange, *(permit(str(number)) for number in range(2, 9))]
    async with asyncio.timeout(20):
        with pytest.raises(psycopg.Error):
            await ingest_permits(db, rows)


async def test_a_file_that_breaks_half_way_leaves_nothing_behind(
    tmp_path: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    path = tmp_path / "nashville.csv"
    header = "Permit__,Permit_Type_Description,Date_Entered,Address,Purpose\n"
    path.write_text(
        header + "1,New,1681189200000,12 OAK ST,x\n" + '2,New,1681189200000,13 OAK ST,"' + "x" * 200_000
    )
    report = await import_permits([path], unit_of_work)
    assert (counts(report), report.reasons) == ((1, 0, 0, 0, 1), {"broken_csv": 1})
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(header.encode() * 500)[:-9])
    assert (await import_permits([cut], unit_of_work)).reasons == {"truncated_file": 1}
    async with committed_db() as session:
        assert (await session.execute(text("SELECT count(*) FROM roofing_permits"))).scalar_one() == 0
        assert (await session.execute(text("SELECT count(*) FROM raw_records"))).scalar_one() == 0


async def test_a_long_file_is_read_in_a_process_of_its_own_with_the_same_outcome(
    tmp_path: Path,
    unit_of_work: UnitOfWorkFactory,
    committed_db: SessionMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(imports, "READ_APART_BYTES", 1)
    header = "Permit__,Permit_Type_Description,Date_Entered,Address,Purpose\n"
    rows = [f"{n},New,1681189200000,{n % 900} OAK ST,New house {n}\n" for n in range(chunks.CHUNK_ROWS + 7)]
    path = tmp_path / "nashville.csv"
    path.write_text(header + "".join(rows) + "short\n")
    report = await import_permits([path], unit_of_work)
    homeless = sum(1 for n in range(len(rows)) if n % 900 == 0)
    assert (counts(report), report.reasons) == (
        (len(rows) + 1, len(rows) - homeless, 0, 0, homeless + 1),
        {"address_without_number": homeless, "short_row": 1},
    )
    path.write_text(header + "".join(rows) + '1,New,1681189200000,13 OAK ST,"' + "x" * 200_000)
    refused = await import_permits([path], unit_of_work)
    assert (counts(refused), refused.reasons) == ((1, 0, 0, 0, 1), {"broken_csv": 1})
    assert refused.notes[0].startswith("nashville.csv: line")
    async with committed_db() as session:
        assert (await session.execute(text("SELECT count(*) FROM raw_records"))).scalar_one() == 1


def test_a_reader_that_stands_in_for_one_that_died_goes_on_where_that_one_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 4)
    items = [Rejected("bad") if n % 3 == 0 else n for n in range(10)]

    def begin() -> None:
        chunks.begin_reading(lambda: iter(items), lambda place, row: f"{place}:{row}")

    begin()
    whole = [chunks.chunk_after(taken) for taken in (0, 4, 8, 10)]
    resumed = []
    for taken in (0, 4, 8, 10):
        begin()
        resumed.append(chunks.chunk_after(taken))
    assert resumed == whole
    assert [chunk.taken for chunk in whole] == [4, 4, 2, 0]
    assert b"".join(chunk.text for chunk in whole) == b"2:1\n3:2\n5:4\n6:5\n8:7\n9:8\n"


@pytest.mark.parametrize("gzipped", [False, True])
async def test_a_long_file_is_kept_in_parts_that_make_it_whole_again(
    tmp_path: Path,
    unit_of_work: UnitOfWorkFactory,
    committed_db: SessionMaker,
    monkeypatch: pytest.MonkeyPatch,
    gzipped: bool,
) -> None:
    monkeypatch.setattr(raw_records, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(raw_records, "PART_BYTES", 2000)
    rows = [f"{n},New,1681189200000,{n} OAK ST,{Random(n).randbytes(1500).hex()}" for n in range(1, 201)]
    text_of_file = "\n".join(
        ["Permit__,Permit_Type_Description,Date_Entered,Address,Purpose", *rows]
    ).encode()
    path = tmp_path / "nashville.csv"
    path.write_bytes(gzip.compress(text_of_file) if gzipped else text_of_file)

    assert counts(await import_permits([path], unit_of_work)) == (200, 200, 0, 0, 0)
    assert counts(await import_permits([path], unit_of_work)) == (200, 0, 0, 200, 0)

    async with committed_db() as session:
        [record] = await session.execute(text("SELECT id, encoding, payload, size_bytes FROM raw_records"))
        further = text("SELECT payload FROM raw_record_parts WHERE raw_record_id = :id ORDER BY part")
        parts = (await session.execute(further, {"id": record.id})).scalars().all()
        stream = b"".join([record.payload, *parts])
        whole = (
            gzip.decompress(stream)
            if gzipped
            else zstandard.ZstdDecompressor().decompressobj().decompress(stream)
        )
        assert (whole, record.size_bytes, len(parts) > 1) == (text_of_file, len(text_of_file), True)
        await session.execute(text("DELETE FROM raw_records"))
        assert (await session.execute(text("SELECT count(*) FROM raw_record_parts"))).scalar_one() == 0


async def test_verticals_points_and_city_are_set_by_the_database(db: AsyncSession) -> None:
    await ingest_permits(
        db, [reroof("1"), permit("2", category="mechanical"), permit("3", lat=None, lng=None)]
    )
    rows = await db.execute(
        text(
            "SELECT p.permit_number, v.slug, p.reroof, ST_AsText(p.geom), c.city FROM roofing_permits p"
            " LEFT JOIN verticals v ON v.id = p.vertical_id LEFT JOIN target_cities c ON c.id = p.city_id ORDER BY 1"
        )
    )
    assert [tuple(row) for row in rows] == [
        ("1", "roofing", True, "POINT(-98.9 32.4)", "Harrow"),
        ("2", "hvac", False, "POINT(-98.9 32.4)", "Harrow"),
        ("3", None, False, None, "Harrow"),
    ]


def parcel(apn: str, **change: object) -> ParcelRow:
    plain = ParcelRow(
        county="Ashby",
        state="TX",
        apn=apn,
        address=f"{apn} OAK ST",
        address_key=f"{apn}||OAK|ST|||79501",
        city="Harrow",
        source="test_parcels",
        zip="79501",
        owner_name=f"OWNER {apn}",
        mailing_address=f"{apn} OAK ST HARROW TX 79501",
        owner_email="owner@mail.example",
        year_built=1990,
    )
    return replace(plain, **change)  # type: ignore[arg-type]


async def test_owners_are_ciphertext_that_only_their_own_key_opens(db: AsyncSession) -> None:
    await ParcelRepository(db).upsert(await city_id(db), [parcel("1")], RING)
    row = (await db.execute(text("SELECT * FROM parcels"))).one()
    assert "OWNER" not in row.owner_name
    assert row.owner_name_hash == RING.blind_index("owner  1", "name")
    cipher = await SubjectKeys(db, RING).load(row.subject_id)
    assert cipher.decrypt("owner_name", row.owner_name) == "OWNER 1"
    assert cipher.decrypt("mailing_address", row.mailing_address) == "1 OAK ST HARROW TX 79501"
    assert cipher.decrypt("owner_email", row.owner_email) == "owner@mail.example"
    assert row.owner_email_hash == RING.blind_index("owner@mail.example", "email")


async def test_an_unchanged_parcel_is_left_alone_and_a_new_owner_is_a_new_subject(db: AsyncSession) -> None:
    parcels, city = ParcelRepository(db), await city_id(db)
    first = await parcels.upsert(city, [parcel("1"), parcel("2")], RING)
    assert (first.stored, first.updated, first.duplicate) == (2, 0, 0)
    subjects = text("SELECT apn, subject_id FROM parcels ORDER BY apn")
    before = {row.apn: row.subject_id for row in await db.execute(subjects)}
    again = await parcels.upsert(city, [parcel("1", year_built=1991), parcel("2", owner_name="BUYER")], RING)
    assert (again.stored, again.updated, again.duplicate) == (0, 2, 0)
    after = {row.apn: row.subject_id for row in await db.execute(subjects)}
    assert after["1"] == before["1"]
    assert after["2"] != before["2"]
    same = await parcels.upsert(city, [parcel("1", year_built=1991), parcel("2", owner_name="BUYER")], RING)
    assert (same.stored, same.updated, same.duplicate) == (0, 0, 2)


async def test_a_shape_is_stored_as_a_multipolygon(db: AsyncSession) -> None:
    ring = [[-98.9, 32.4], [-98.9, 32.401], [-98.899, 32.401], [-98.899, 32.4], [-98.9, 32.4]]
    shape = {"type": "MultiPolygon", "coordinates": [[ring]]}
    await ParcelRepository(db).upsert(await city_id(db), [parcel("1", boundary=shape)], RING)
    area = (await db.execute(text("SELECT ST_Area(boundary) FROM parcels"))).scalar_one()
    assert 10_000 < area < 11_000


async def dated(db: AsyncSession) -> dict[str, tuple[date | None, date | None]]:
    rows = await db.execute(text("SELECT address, roof_installed_on, suppressed_until FROM parcels"))
    return {row.address: (row.roof_installed_on, row.suppressed_until) for row in rows}


async def test_a_re_roof_dates_its_address_and_suppresses_it_for_ten_years(db: AsyncSession) -> None:
    parcels, city = ParcelRepository(db), await city_id(db)
    await parcels.upsert(city, [parcel("1"), parcel("2"), parcel("3"), parcel("4")], RING)
    rows = [
        reroof("1", issue_date=date(2024, 5, 1), completion_date=date(2024, 6, 2)),
        reroof("2", issue_date=date(2001, 5, 1)),
        permit("3", roof_work="repair"),
        reroof("9"),
    ]
    await ingest_permits(db, rows)
    first = await parcels.date_roofs(city)
    assert (first.dated, first.changed, first.suppressed, first.unmatched_permits) == (2, 2, 1, 1)
    assert await dated(db) == {
        "1 OAK ST": (date(2024, 6, 2), date(2034, 6, 2)),
        "2 OAK ST": (date(2001, 5, 1), date(2011, 5, 1)),
        "3 OAK ST": (None, None),
        "4 OAK ST": (None, None),
    }
    assert (await parcels.date_roofs(city)).changed == 0


async def test_the_newest_re_roof_counts_and_a_cancelled_one_is_taken_back(db: AsyncSession) -> None:
    parcels, city = ParcelRepository(db), await city_id(db)
    await parcels.upsert(city, [parcel("1"), parcel("2")], RING)
    newer = reroof("N", address_key="1||OAK|ST|||79501", issue_date=date(2025, 3, 3))
    await ingest_permits(db, [reroof("1", issue_date=date(2020, 1, 1)), newer, reroof("2")])
    await parcels.date_roofs(city)
    assert (await dated(db))["1 OAK ST"][0] == date(2025, 3, 3)
    await ingest_permits(db, [reroof("2", dates_roof=False, permit_status="cancelled")])
    assert (await parcels.date_roofs(city)).withdrawn == 1
    assert (await dated(db))["2 OAK ST"] == (None, None)


async def test_a_permit_without_zip_meets_the_one_house_of_its_street_but_never_one_of_two(
    db: AsyncSession,
) -> None:
    parcels, city = ParcelRepository(db), await city_id(db)
    twins = [parcel("5"), parcel("6", address_key="5||OAK|ST|||79502", address="5 OAK ST twin")]
    await parcels.upsert(city, [parcel("1"), *twins], RING)
    await ingest_permits(db, [reroof(n, address_key=f"{n}||OAK|ST|||HARROW", zip=None) for n in ("1", "5")])
    result = await parcels.date_roofs(city)
    assert (result.dated, result.unmatched_permits) == (1, 1)
    assert (await dated(db))["1 OAK ST"][0] is not None


async def test_a_lot_number_is_stronger_than_a_spelling(db: AsyncSession) -> None:
    parcels, city = ParcelRepository(db), await city_id(db)
    await parcels.upsert(city, [parcel("77-A")], RING)
    await ingest_permits(db, [reroof("1", address_key="999||OKA|ST|||79501", apn="77-A")])
    assert (await parcels.date_roofs(city)).dated == 1


async def test_parcels_are_derived_from_permit_addresses_once(db: AsyncSession) -> None:
    parcels, city = ParcelRepository(db), await city_id(db)
    house = {
        "permit_type": "Building Residential - New",
        "work_description": "new house / Single Family Residence",
    }
    pool = {
        "permit_type": "Building Residential - New",
        "work_description": "pool behind Single Family Residence",
    }
    await ingest_permits(
        db,
        [
            permit("1", **house),
            permit("2", **pool),
            reroof("3", address_key="1||OAK|ST|||79501", address="1 OAK ST"),
            permit("4", permit_type="Building Commercial - Rehab"),
        ],
    )
    first = await parcels.derive_from_permits(city)
    assert (first.stored, first.updated, first.duplicate) == (3, 0, 0)
    second = await parcels.derive_from_permits(city)
    assert (second.stored, second.updated, second.duplicate) == (0, 0, 3)
    rows = await db.execute(
        text("SELECT address_key, year_built, property_type FROM parcels ORDER BY address_key")
    )
    assert [tuple(row) for row in rows] == [
        ("1||OAK|ST|||79501", 2024, "single_family"),
        ("2||OAK|ST|||79501", None, "single_family"),
        ("4||OAK|ST|||79501", None, "commercial"),
    ]
    assert (await parcels.date_roofs(city)).suppressed == 1
