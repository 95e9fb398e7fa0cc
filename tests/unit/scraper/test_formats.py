from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest

from services.scraper.domain.rows import ParcelRow, PermitRow, Rejected, Remark, StormRow
from services.scraper.formats.field_map import PermitSource, permit_of
from services.scraper.formats.files import inspect
from services.scraper.formats.ncei import COLUMNS
from services.scraper.formats.parcel_map import ParcelSource, parcel_of
from services.scraper.formats.permits import Parsed, parse_permits
from services.scraper.formats.storms import parse_storms
from shared.files import FileRefused

TODAY = date(2026, 11, 22)
NCEI = {
    "BEGIN_YEARMONTH": "201703", "BEGIN_DAY": "1", "BEGIN_TIME": "905", "END_YEARMONTH": "201703", "END_DAY": "1",
    "END_TIME": "910", "EVENT_ID": "673610", "STATE": "KENTUCKY", "EVENT_TYPE": "Thunderstorm Wind", "CZ_TYPE": "C",
    "CZ_NAME": "MORGAN", "CZ_TIMEZONE": "EST-5", "DAMAGE_PROPERTY": "10.00K", "MAGNITUDE": "60.00",
    "MAGNITUDE_TYPE": "EG", "CATEGORY": "", "TOR_F_SCALE": "", "BEGIN_LOCATION": "WEST LIBERTY",
    "BEGIN_LAT": "37.91", "BEGIN_LON": "-83.27",
}  # fmt: skip


def ncei_file(folder: Path, *rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> Path:
    path = folder / "StormEvents_details.csv"
    lines = [
        ",".join(columns),
        *(",".join(f'"{(NCEI | row).get(name, "")}"' for name in columns) for row in rows),
    ]
    path.write_text("\n".join(lines))
    return path


def storms(path: Path, report_day: date | None = None) -> list[StormRow | Rejected | Remark]:
    return list(parse_storms(inspect(path), report_day=report_day, today=TODAY))


def refusal(path: Path) -> str:
    with pytest.raises(FileRefused) as error:
        storms(path)
    return error.value.reason


def test_an_ncei_wind_is_read_in_miles_per_hour_and_utc(tmp_path: Path) -> None:
    [storm] = storms(ncei_file(tmp_path, {}))
    assert isinstance(storm, StormRow)
    assert (storm.external_id, storm.event_type, storm.wind_speed_mph) == ("673610", "wind", 69)
    assert storm.began_at == datetime(2017, 3, 1, 14, 5, tzinfo=UTC)
    assert (storm.state, storm.county, storm.city) == ("KY", "MORGAN", "WEST LIBERTY")
    assert storm.damage_estimate == Decimal(10_000)


def test_a_zone_row_without_point_is_kept_and_marked_as_zone(tmp_path: Path) -> None:
    row = {
        "EVENT_TYPE": "High Wind",
        "CZ_TYPE": "Z",
        "CZ_NAME": "SOUTHEASTERN ELKO",
        "BEGIN_LAT": "",
        "BEGIN_LON": "",
    }
    [storm] = storms(ncei_file(tmp_path, row))
    assert isinstance(storm, StormRow)
    assert (storm.lat, storm.lng, storm.county) == (None, None, "SOUTHEASTERN ELKO (ZONE)")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"EVENT_TYPE": "Winter Storm"}, "not_roof_relevant"),
        ({"EVENT_ID": ""}, "missing_event_id"),
        ({"BEGIN_TIME": "2575"}, "time_unreadable"),
        ({"BEGIN_YEARMONTH": "205004"}, "date_implausible"),
        ({"CZ_TIMEZONE": "UNK", "STATE": "LAKE ERIE"}, "time_zone_unknown"),
        ({"EVENT_TYPE": "Hail", "MAGNITUDE": "175"}, "magnitude_implausible"),
    ],
)
def test_a_bad_ncei_row_is_rejected_by_name(tmp_path: Path, change: dict[str, str], reason: str) -> None:
    assert storms(ncei_file(tmp_path, change)) == [Rejected(reason)]


def test_a_renamed_column_is_named(tmp_path: Path) -> None:
    columns = tuple("HAIL_SIZE" if name == "MAGNITUDE" else name for name in COLUMNS)
    assert refusal(ncei_file(tmp_path, {}, columns=columns)) == "missing_column_MAGNITUDE"


def test_a_cut_gzip_is_refused_before_the_first_row(tmp_path: Path) -> None:
    path = tmp_path / "details.csv.gz"
    path.write_bytes(
        gzip.compress(ncei_file(tmp_path, *[{"EVENT_ID": str(n)} for n in range(500)]).read_bytes())[:-40]
    )
    assert refusal(path) == "truncated_file"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<!DOCTYPE HTML PUBLIC><html>not found</html>", "html_instead_of_csv"),
        ("", "empty_file"),
        ("\n \n", "empty_file"),
        ("a,b,c\n1,2,3\n", "unknown_format"),
        ("FATALITY_ID,EVENT_ID,FATALITY_TYPE\n1,2,D\n", "unsupported_format_ncei_fatalities"),
    ],
)
def test_files_that_are_no_storm_file_are_refused_by_name(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "file.csv"
    path.write_text(content)
    assert refusal(path) == reason


SPC_WIND = (
    "Time,Speed,Location,County,State,Lat,Lon,Comments\n"
    "1830,UNK,FORT KENT,AROOSTOOK,ME,47.26,-68.59,2 TREES DOWN,ONE ON HIGHLAND RD AND THE OTHER (CAR)\n"
    "0300,65,MOUNT AYR,NEWTON,IN,40.95,-87.3,BRANCHES (LOT)\n"
)


def test_spc_comments_may_hold_commas_and_the_file_name_carries_the_day(tmp_path: Path) -> None:
    path = tmp_path / "130531_rpts_wind.csv"
    path.write_text(SPC_WIND)
    first, second = storms(path)
    assert isinstance(first, StormRow)
    assert isinstance(second, StormRow)
    assert first.wind_speed_mph is None
    assert second.wind_speed_mph == 65
    assert second.began_at == datetime(2013, 6, 1, 3, 0, tzinfo=UTC)


def test_an_spc_file_without_a_day_needs_one(tmp_path: Path) -> None:
    path = tmp_path / "today_wind.csv"
    path.write_text(SPC_WIND)
    remark, *rows = storms(path)
    assert isinstance(remark, Remark)
    assert "today_wind.csv" in remark.text
    assert "--day" in remark.text
    assert rows == [Rejected("report_date_unknown")] * 2
    assert all(isinstance(row, StormRow) for row in storms(path, date(2013, 5, 31)))


def test_an_amended_size_keeps_its_identity_and_two_reports_of_one_spot_stay_two(tmp_path: Path) -> None:
    head = "Time,Size,Location,County,State,Lat,Lon,Comments\n"
    path = tmp_path / "130531_rpts_hail.csv"
    path.write_text(head + "1830,100,A,B,TX,33.1,-97.1,\n1830,175,A,B,TX,33.1,-97.1,\n")
    before = storms(path)
    path.write_text(head + "1830,125,A,B,TX,33.1,-97.1,\n1830,175,A,B,TX,33.1,-97.1,\n")
    after = storms(path)
    ids = [[row.external_id for row in rows if isinstance(row, StormRow)] for rows in (before, after)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2
    assert [row.hail_size_inches for row in after if isinstance(row, StormRow)] == [
        Decimal("1.25"),
        Decimal("1.75"),
    ]


SOURCE = PermitSource.from_config(
    "test_permits",
    {
        "layer_url": "https://example.org/layer/0",
        "field_map": {
            "permit_number": "number",
            "address": ["house", "street"],
            "zip": "zip",
            "permit_type": "kind",
            "work_description": ["text", "more"],
            "estimated_value": "cost",
            "contractor_name": "contact_N_name where contact_N_type contains CONTRACTOR (N=1..15)",
            "contractor_license": None,
            "issue_date": ["issued", "entered"],
            "permit_status": "status",
            "jurisdiction": "place",
        },
    },
    city="Harrow",
    state="TX",
    time_zone="America/Chicago",
)
ROW = {"number": " P-1 ", "house": "12", "street": "OAK  ST", "zip": "78724.0", "kind": "Roofing", "text": "Re-roof",
       "more": "Single family", "cost": "1", "issued": "", "entered": "2026-01-05T00:00:00.000"}  # fmt: skip


def permit(**change: object) -> PermitRow | Rejected:
    return permit_of({**ROW, **change}, SOURCE, TODAY)


def test_a_row_is_read_by_its_sources_field_map() -> None:
    row = permit(
        contact_1_type="OWNER",
        contact_1_name="ANN",
        contact_2_type="ROOFING CONTRACTOR",
        contact_2_name="ACME",
    )
    assert isinstance(row, PermitRow)
    assert (row.permit_number, row.jurisdiction, row.home_city) == ("P-1", "Harrow, TX", "Harrow")
    assert (row.address, row.zip, row.address_key) == ("12 OAK ST", "78724", "12||OAK|ST|||78724")
    assert (row.roof_work, row.dates_roof, row.estimated_value) == ("reroof", True, None)
    assert (row.contractor_name, row.issue_date) == ("ACME", date(2026, 1, 5))
    assert row.work_description == "Re-roof / Single family"


def test_numbers_of_another_jurisdiction_stay_its_own() -> None:
    row = permit(place="Ashby County")
    assert isinstance(row, PermitRow)
    assert (row.jurisdiction, row.home_city) == ("Ashby County", "Harrow")


def test_a_cancelled_re_roof_dates_no_roof() -> None:
    row = permit(status="Cancelled")
    assert isinstance(row, PermitRow)
    assert (row.roof_work, row.dates_roof) == ("reroof", False)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"number": ""}, "missing_permit_number"),
        ({"entered": ""}, "missing_date"),
        ({"entered": "n/a"}, "date_unreadable"),
        ({"entered": "2050-01-01"}, "date_implausible"),
        ({"house": "", "street": None}, "missing_address"),
        ({"house": "0", "street": "UNKNOWN"}, "address_without_number"),
    ],
)
def test_a_bad_permit_row_is_rejected_by_name(change: dict[str, object], reason: str) -> None:
    assert permit(**change) == Rejected(reason)


def parse(path: Path, source: PermitSource | None = None) -> list[Parsed]:
    return list(parse_permits(inspect(path), today=TODAY, source=source))


def test_a_document_too_long_for_memory_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text("[" + " " * 8_000_000 + "]")
    with pytest.raises(FileRefused) as refused:
        parse(path)
    assert refused.value.reason == "json_too_large"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"error": {"code": 400, "message": "Invalid query"}}, "error_answer"),
        ({"code": "query.soql.no-such-column", "error": True, "message": "no"}, "error_answer"),
        ([{"foo": 1}], "unknown_format"),
        ({"foo": 1}, "unknown_format"),
    ],
)
def test_json_that_is_no_permit_feed_is_refused_by_name(
    tmp_path: Path, document: object, reason: str
) -> None:
    path = tmp_path / "answer.json"
    path.write_bytes(orjson.dumps(document))
    with pytest.raises(FileRefused) as error:
        parse(path)
    assert error.value.reason == reason


def test_html_and_cut_json_are_refused_by_name(tmp_path: Path) -> None:
    for content, reason in (("<html>login</html>", "html_instead_of_data"), ('[{"n":"1"', "broken_json")):
        path = tmp_path / "answer.json"
        path.write_text(content)
        with pytest.raises(FileRefused) as error:
            parse(path)
        assert error.value.reason == reason


def test_a_feed_whose_key_was_renamed_is_refused_and_an_empty_one_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "page.json"
    path.write_bytes(orjson.dumps([{"permit_no": "1", "house": "1", "street": "OAK ST"}]))
    with pytest.raises(FileRefused) as error:
        parse(path, SOURCE)
    assert error.value.reason == "missing_column_number"
    path.write_bytes(b"[]")
    assert parse(path, SOURCE) == []


def test_arcgis_features_bring_their_point(tmp_path: Path) -> None:
    attributes = {"Permit__": "9", "Address": "12 OAK ST", "Date_Issued": 1681189200000, "Purpose": "Reroof"}
    path = tmp_path / "features.json"
    path.write_bytes(
        orjson.dumps({"features": [{"attributes": attributes, "geometry": {"x": -86.7, "y": 36.1}}]})
    )
    [row] = parse(path)
    assert isinstance(row, PermitRow)
    assert (row.lat, row.lng, row.issue_date, row.dates_roof) == (36.1, -86.7, date(2023, 4, 11), True)


PARCELS = ParcelSource.from_config(
    "test_parcels",
    {"field_map": {"parcel_id": "APN", "address": "SITUS", "zip": "ZIP", "owner_name": "OWNER",
                   "owner_mailing": ["MAIL", "MAIL_CITY", "MAIL_ST", "MAIL_ZIP"], "homestead": "HS", "year_built": "YR",
                   "lot_sqft": "LOT", "property_type": "USE", "last_sale_price": "PRICE", "hoa_name": "HOA"}},
    city="Harrow", state="TX", county="Ashby", time_zone="America/Chicago",
)  # fmt: skip
LOT = {"rings": [[[-98.9, 32.4], [-98.9, 32.401], [-98.899, 32.401], [-98.899, 32.4], [-98.9, 32.4]]]}


def test_a_parcel_is_read_with_its_shape_and_zeros_are_unknown() -> None:
    row = {"APN": "001-2", "SITUS": "12 OAK ST", "ZIP": "79501", "OWNER": "ANN LEE", "MAIL": "12 Oak Street",
           "MAIL_CITY": "HARROW", "MAIL_ST": "TX", "MAIL_ZIP": "79501", "HS": "N", "YR": 0, "LOT": 43560,
           "USE": "SINGLE FAMILY", "PRICE": 0, "HOA": ""}  # fmt: skip
    parcel = parcel_of(row, PARCELS, TODAY, geometry=LOT)
    assert not isinstance(parcel, Rejected)
    assert (parcel.apn, parcel.address_key) == ("001-2", "12||OAK|ST|||79501")
    assert (parcel.year_built, parcel.last_sale_price, parcel.lot_size) == (None, None, Decimal("1.00"))
    assert (parcel.owner_occupied, parcel.owner_is_company, parcel.hoa) == (True, False, None)
    assert parcel.boundary is not None
    assert parcel.lat == pytest.approx(32.4005)
    assert parcel.lng == pytest.approx(-98.8995)


def test_a_tax_bill_sent_elsewhere_means_an_absent_owner() -> None:
    row = {"APN": "1", "SITUS": "12 OAK ST", "MAIL": "9 PINE AVE", "MAIL_CITY": "DALLAS", "MAIL_ST": "TX"}
    parcel = parcel_of(row, PARCELS, TODAY)
    assert not isinstance(parcel, Rejected)
    assert parcel.owner_occupied is False


def test_the_zone_of_a_source_is_its_citys() -> None:
    assert SOURCE.zone == ZoneInfo("America/Chicago")
    assert SOURCE.source_url == "https://example.org/layer/0"


@pytest.mark.parametrize(
    ("email", "phone", "kept"),
    [
        ("Ann.Lee@Mail.example", "(325) 555-0142", ("ann.lee@mail.example", "(325) 555-0142")),
        ("none on file", "555-0142", (None, None)),
        ("a@mail.example; b@mail.example", "", (None, None)),
    ],
)
def test_what_a_county_publishes_of_an_owner_is_taken_where_it_is_one_address(
    email: str, phone: str, kept: tuple[str | None, str | None]
) -> None:
    fields = {**PARCELS.fields, "owner_email": ("EMAIL",), "owner_phone": ("PHONE",)}
    row = {"APN": "001-2", "SITUS": "12 OAK ST", "EMAIL": email, "PHONE": phone}
    parcel = parcel_of(row, replace(PARCELS, fields=fields), TODAY)
    assert isinstance(parcel, ParcelRow)
    assert (parcel.owner_email, parcel.owner_phone) == kept
