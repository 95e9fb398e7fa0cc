"""Storm files of every publisher: units, years, times and places at their edges."""

from __future__ import annotations

import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scraper.domain.rows import Rejected, Remark, StormRow
from services.scraper.domain.storms import SCALES, MagnitudeUnit, clock_offset, measured, standard_offset
from services.scraper.domain.swaths import area_of, track_of
from services.scraper.formats.files import inspect
from services.scraper.formats.ncei_export import EXPORT
from services.scraper.formats.storms import parse_storms
from shared.files import FileRefused

TODAY = date(2026, 11, 22)
MAGNITUDES = st.decimals(-9999, 9999, places=2)


def read(path: Path, content: str) -> list[StormRow | Rejected | Remark]:
    path.write_text(content)
    return list(parse_storms(inspect(path), report_day=None, today=TODAY))


def only(rows: list[StormRow | Rejected | Remark]) -> StormRow:
    [row] = rows
    assert isinstance(row, StormRow)
    return row


class TestUnits:
    @given(MAGNITUDES, st.sampled_from(MagnitudeUnit))
    def test_what_is_loaded_can_be_true_and_the_rest_is_named(
        self, magnitude: Decimal, unit: MagnitudeUnit
    ) -> None:
        kind = "hail" if "inch" in unit else "wind"
        found = measured(kind, magnitude, unit)
        if isinstance(found, Rejected):
            assert not SCALES[unit].least <= magnitude <= SCALES[unit].most
            return
        assert found.hail_inches is None or Decimal("0.1") < found.hail_inches < 10
        assert found.wind_mph is None or 15 < found.wind_mph <= 300

    @pytest.mark.parametrize(
        ("kind", "magnitude", "unit", "ours"),
        [
            ("hail", "1.75", MagnitudeUnit.INCHES, Decimal("1.75")),
            ("hail", "175", MagnitudeUnit.HUNDREDTHS_OF_INCH, Decimal("1.75")),
            ("wind", "50", MagnitudeUnit.KNOTS, 58),
            ("wind", "58", MagnitudeUnit.MPH, 58),
            ("hail", "175", MagnitudeUnit.INCHES, None),
            ("hail", "1.75", MagnitudeUnit.HUNDREDTHS_OF_INCH, None),
            ("wind", "1", MagnitudeUnit.KNOTS, None),
            ("wind", "301", MagnitudeUnit.MPH, None),
        ],
    )
    def test_a_number_of_another_unit_is_never_loaded(
        self, *, kind: str, magnitude: str, unit: MagnitudeUnit, ours: Any
    ) -> None:
        found = measured(kind, Decimal(magnitude), unit)
        if ours is None:
            assert found == Rejected("magnitude_implausible")
        else:
            assert not isinstance(found, Rejected)
            assert (found.hail_inches or found.wind_mph) == ours


@pytest.mark.parametrize("zone", ["EDT", "CDT", "MDT", "PDT", "AKDT"])
def test_daylight_time_is_an_hour_on_a_clock_and_nothing_in_nceis_files(zone: str) -> None:
    clock, standard = clock_offset(zone), clock_offset(zone.replace("DT", "ST"))
    assert clock is not None
    assert standard is not None
    assert clock - standard == timedelta(hours=1)
    if zone in ("EDT", "CDT", "MDT", "PDT"):
        assert standard_offset(zone, None) == standard


class TestSwaths:
    @given(
        lat=st.floats(25, 48),
        lng=st.floats(-120, -70),
        north=st.floats(-1, 1),
        east=st.floats(-1, 1),
        width=st.floats(0, 4000),
    )
    def test_a_track_is_a_closed_strip_about_its_line(
        self, *, lat: float, lng: float, north: float, east: float, width: float
    ) -> None:
        text = track_of((lat, lng), (lat + north, lng + east), width)
        if text is None:
            assert (lat + north, lng + east) == (lat, lng)
            return
        corners = [tuple(map(float, pair.split())) for pair in text.split("(((")[1].rstrip(")").split(", ")]
        assert corners[0] == corners[-1]
        assert len(corners) == 5
        assert sum(x for x, _ in corners[:4]) / 4 == pytest.approx(lng + east / 2, abs=1e-4)
        assert sum(y for _, y in corners[:4]) / 4 == pytest.approx(lat + north / 2, abs=1e-4)

    def test_a_mistyped_end_makes_a_point(self) -> None:
        assert track_of((35.0, -97.0), (53.0, -97.0)) is None
        assert track_of((35.0, -97.0), None) is None
        assert track_of((35.0, -97.0), (35.0, -97.0), 900) is None

    @pytest.mark.parametrize(
        "geometry",
        [
            None,
            {"type": "Point", "coordinates": [-97, 35]},
            {"type": "Polygon", "coordinates": []},
            {"type": "Polygon", "coordinates": [[[-97, 35], [-97, 36]]]},
            {"type": "Polygon", "coordinates": [[[35, -97], [36, -97], [36, -96], [35, -97]]]},
            {"type": "Polygon", "coordinates": "x"},
            {"type": "MultiPolygon", "coordinates": None},
        ],
    )
    def test_what_is_no_area_of_the_country_is_none(self, geometry: Any) -> None:
        assert area_of(geometry) is None

    def test_an_open_ring_is_closed(self) -> None:
        ring = [[-97, 35], [-96, 35], [-96, 36]]
        shape = area_of({"type": "Polygon", "coordinates": [ring]})
        assert shape is not None
        assert shape.count("-97.000000 35.000000") == 2


def export_file(path: Path, rows: int, **cells: str) -> list[StormRow | Rejected | Remark]:
    given = {
        "EVENT_ID": "5693932", "CZ_NAME_STR": "TARRANT CO.", "BEGIN_LOCATION": "FT WORTH", "BEGIN_DATE": "5/4/1999",
        "BEGIN_TIME": "58", "EVENT_TYPE": "Hail", "MAGNITUDE": "1.00", "STATE_ABBR": "TX", "CZ_TIMEZONE": "CST",
        "CZ_TYPE": "C", "END_DATE": "05/04/1999", "END_TIME": "100", "DAMAGE_PROPERTY_NUM": "0",
    } | cells  # fmt: skip
    lines = [",".join(EXPORT.required)]
    lines += [
        ",".join({**given, "EVENT_ID": f"{5693932 + n}"}.get(name, " ") for name in EXPORT.required)
        for n in range(rows)
    ]
    return read(path, "\n".join([*lines, "Some free text, as the portal appends it"]))


class TestNceiExport:
    def test_unpadded_dates_and_times_single_spaces_and_text_behind_the_rows(self, tmp_path: Path) -> None:
        storm, text = export_file(tmp_path / "storm_data_search_results.csv", 1)
        assert text == Rejected("not_an_event")
        assert isinstance(storm, StormRow)
        assert (storm.source, storm.external_id) == ("ncei", "5693932")
        assert storm.began_at == datetime(1999, 5, 4, 6, 58, tzinfo=UTC)
        assert (storm.lat, storm.damage_estimate, storm.state) == (None, None, "TX")

    @pytest.mark.parametrize(("rows", "remarks"), [(499, 0), (500, 1), (501, 0)])
    def test_only_the_cap_itself_is_remarked(self, tmp_path: Path, rows: int, remarks: int) -> None:
        found = export_file(tmp_path / "export.csv", rows)
        assert sum(isinstance(row, Remark) for row in found) == remarks

    def test_a_zone_is_marked_once_and_has_no_place(self, tmp_path: Path) -> None:
        cells = {"CZ_TYPE": "Z", "CZ_NAME_STR": "WHITE MOUNTAINS (ZONE)", "EVENT_TYPE": "High Wind"}
        storm, _ = export_file(tmp_path / "export.csv", 1, **cells, MAGNITUDE="54.00")
        assert isinstance(storm, StormRow)
        assert (storm.county, storm.lat, storm.wind_speed_mph) == ("WHITE MOUNTAINS (ZONE)", None, 62)


HEADER = "om,yr,mo,dy,date,time,tz,st,stf,stn,mag,inj,fat,loss,closs,slat,slon,elat,elon,len,wid,ns,sn,sg,f1,f2,f3,f4"
ROW = "7,1955,07,01,1955-07-01,23:30:00,{tz},TX,48,1,{mag},0,0,0.0,0.0,32.2,-101.5,{end},0,{wid},0,0,{sg},0,0,0,0"


def archive(path: Path, tail: str = "", **cells: str) -> StormRow | Rejected | Remark:
    values = {"tz": "3", "mag": "2.00", "end": "0.0,0.0", "wid": "0", "sg": "0"} | cells
    [row] = read(path, f"{HEADER}{',fc' if tail else ''}\n{ROW.format(**values)}{tail}\n")
    return row


class TestSpcArchive:
    def test_july_is_central_standard_time_and_0_0_is_no_end(self, tmp_path: Path) -> None:
        storm = archive(tmp_path / "1955-2017_hail.csv")
        assert isinstance(storm, StormRow)
        assert storm.began_at == datetime(1955, 7, 2, 5, 30, tzinfo=UTC)
        assert (storm.hail_size_inches, storm.swath) == (Decimal("2.00"), None)

    def test_wind_is_in_knots(self, tmp_path: Path) -> None:
        storm = archive(tmp_path / "1955-2017_wind.csv", mag="50")
        assert isinstance(storm, StormRow)
        assert storm.wind_speed_mph == 58

    def test_a_tornado_has_a_track_and_its_parts_are_not_counted_again(self, tmp_path: Path) -> None:
        path = tmp_path / "archive.csv"
        storm = archive(path, ",0", mag="3", end="32.4,-101.3", wid="440", sg="1")
        assert isinstance(storm, StormRow)
        assert (storm.event_type, storm.tornado_rating) == ("tornado", "EF3")
        assert storm.swath is not None
        assert archive(path, ",0", sg="2") == archive(path, ",0", sg="-9") == Rejected("part_of_a_track")

    @pytest.mark.parametrize(
        ("cells", "reason"),
        [({"tz": "0"}, "time_zone_unknown"), ({"mag": "175"}, "magnitude_implausible")],
    )
    def test_bad_rows_are_named(self, tmp_path: Path, cells: dict[str, str], reason: str) -> None:
        assert archive(tmp_path / "hail.csv", **cells) == Rejected(reason)

    def test_a_file_that_may_be_hail_or_wind_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(FileRefused) as refused:
            archive(tmp_path / "archive.csv")
        assert refused.value.reason == "hazard_unknown"

    def test_a_zip_of_one_file_is_that_file_and_of_two_is_none(self, tmp_path: Path) -> None:
        path = tmp_path / "1955-2017_hail.csv.zip"
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("hail.csv", f"{HEADER}\n{ROW.format(tz=3, mag=2, end='0,0', wid=0, sg=0)}\n")
        assert len(list(parse_storms(inspect(path), report_day=None, today=TODAY))) == 1
        with zipfile.ZipFile(path, "a") as packed:
            packed.writestr("wind.csv", "")
        with pytest.raises(FileRefused) as refused:
            inspect(path)
        assert refused.value.reason == "unsupported_format_zip"
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(FileRefused) as refused:
            inspect(path)
        assert refused.value.reason == "truncated_zip"


LSR = """NWUS54 KOUN 012113
LSROUN

PRELIMINARY LOCAL STORM REPORT...CORRECTED
National Weather Service Norman OK
413 PM {zone} Wed May 1 2024

..TIME...   ...EVENT...      ...CITY LOCATION...     ...LAT.LON...
..DATE...   ....MAG....      ..COUNTY LOCATION..ST.. ...SOURCE....

{clock:<12}{event:<17}4 E WAPANUCKA           {place}
05/01/2024  {mag:<17}ATOKA              OK   PUBLIC

            AT 0915 AM SOMEBODY SAID MORE.

&&
"""


def lsr(path: Path, **cells: str) -> list[StormRow | Rejected | Remark]:
    given = {
        "zone": "CDT",
        "clock": "1215 AM",
        "event": "HAIL",
        "mag": "E1.75 INCH",
        "place": "34.37N 96.36W",
    }
    return read(path, LSR.format(**(given | cells)))


class TestLocalStormReports:
    def test_midnight_and_daylight_time(self, tmp_path: Path) -> None:
        storm = only(lsr(tmp_path / "LSROUN.txt"))
        assert storm.began_at == datetime(2024, 5, 1, 5, 15, tzinfo=UTC)
        assert (storm.city, storm.county, storm.state) == ("WAPANUCKA", "ATOKA", "OK")
        assert (storm.hail_size_inches, storm.lat, storm.lng) == (Decimal("1.75"), 34.37, -96.36)

    def test_a_corrected_size_keeps_the_reports_identity(self, tmp_path: Path) -> None:
        first, corrected = (only(lsr(tmp_path / "a.txt", mag=mag)) for mag in ("1.00 INCH", "M2.00 Inch"))
        assert first.external_id == corrected.external_id
        assert corrected.hail_size_inches == Decimal("2.00")

    @pytest.mark.parametrize(
        ("event", "mag", "mph"),
        [("TSTM WND GST", "M61 MPH", 61), ("TSTM WND GST", "50 KT", 58), ("TSTM WND DMG", "", None)],
    )
    def test_gusts_say_their_unit_and_damage_has_none(
        self, *, tmp_path: Path, event: str, mag: str, mph: int | None
    ) -> None:
        storm = only(lsr(tmp_path / "a.txt", event=event, mag=mag))
        assert (storm.event_type, storm.wind_speed_mph) == ("wind", mph)

    @pytest.mark.parametrize(
        ("cells", "reason"),
        [
            ({"event": "FLASH FLOOD"}, "not_roof_relevant"),
            ({"event": "MARINE TSTM WIND"}, "not_roof_relevant"),
            ({"zone": "XYZ"}, "time_zone_unknown"),
            ({"clock": "1315 PM"}, "time_unreadable"),
            ({"mag": "175 INCH"}, "magnitude_implausible"),
            ({"mag": "60 MPH"}, "magnitude_unreadable"),
            ({"place": "HERE"}, "place_unreadable"),
        ],
    )
    def test_bad_reports_are_named(self, tmp_path: Path, cells: dict[str, str], reason: str) -> None:
        assert lsr(tmp_path / "a.txt", **cells) == [Rejected(reason)]


def swdi(path: Path, **cells: str) -> list[StormRow | Rejected | Remark]:
    given = {"ztime": "2006-05-09T02:20:00Z", "shape": "POINT (-90.43 30.93)"} | cells
    row = "".join(f"<{name}>{value}</{name}>" for name, value in given.items())
    return read(
        path, f'<?xml version="1.0"?><swdiXmlResponse><!-- x --><result>{row}</result></swdiXmlResponse>'
    )


class TestSwdi:
    def test_radars_hail_is_kept_where_it_is_likely(self, tmp_path: Path) -> None:
        cell = {"wsr_id": "KLIX", "cell_id": "Q0", "prob": "100", "maxsize": "1.75"}
        storm = only(swdi(tmp_path / "a.xml", **cell, sevprob="70"))
        assert (storm.source, storm.hail_size_inches) == ("swdi_nx3hail", Decimal("1.75"))
        assert (storm.lat, storm.lng) == (30.93, -90.43)
        assert swdi(tmp_path / "a.xml", **cell, sevprob="40") == [Rejected("hail_improbable")]

    @pytest.mark.parametrize(
        ("cells", "reason"),
        [
            ({"event": "FLOOD"}, "not_roof_relevant"),
            ({"event": "TSTM WND GST", "magnitude": "60"}, "unit_unknown"),
            ({"event": "HAIL", "magnitude": "175"}, "magnitude_implausible"),
            ({"event": "HAIL", "shape": "POINT (30.93 -90.43)"}, "place_unreadable"),
            ({"event": "HAIL", "ztime": "2006-05-09"}, "time_unreadable"),
            ({"max_shear": "9"}, "radar_signature"),
        ],
    )
    def test_bad_rows_are_named(self, tmp_path: Path, cells: dict[str, str], reason: str) -> None:
        assert swdi(tmp_path / "a.xml", **cells) == [Rejected(reason)]

    @pytest.mark.parametrize(
        "content",
        [
            "<?xml version='1.0'?><swdiXmlResponse><result>",
            "<!DOCTYPE a [<!ENTITY b 'c'>]><swdiXmlResponse>&b;</swdiXmlResponse>",
        ],
    )
    def test_xml_that_is_cut_or_declares_entities_is_refused(self, tmp_path: Path, content: str) -> None:
        with pytest.raises(FileRefused) as refused:
            read(tmp_path / "a.xml", content)
        assert refused.value.reason == "broken_xml"


RING = [[-97.2, 32.6], [-97.0, 32.6], [-97.0, 32.9], [-97.2, 32.6]]
ALERT: dict[str, Any] = {
    "id": "urn:1", "status": "Actual", "messageType": "Alert", "event": "Severe Thunderstorm Warning",
    "sent": "2026-06-01T18:00:00-05:00", "onset": "2026-06-01T18:00:00-05:00", "ends": None,
    "expires": "2026-06-01T18:45:00-05:00", "areaDesc": "Tarrant", "geocode": {"UGC": ["TXC439"]},
    "parameters": {"maxHailSize": ["1.75"], "maxWindGust": ["60 MPH"],
                   "VTEC": ["/O.NEW.KFWD.SV.W.0113.260601T2300Z-260601T2345Z/"]},
}  # fmt: skip


def alerts(path: Path, *changes: dict[str, Any], geometry: Any = None) -> list[StormRow | Rejected | Remark]:
    shape = {"type": "Polygon", "coordinates": [RING]} if geometry is None else geometry
    features = [{"geometry": shape or None, "properties": ALERT | change} for change in changes]
    return read(path, orjson.dumps({"type": "FeatureCollection", "features": features}).decode())


class TestAlerts:
    def test_a_warning_is_its_hail_and_its_wind_in_its_polygon(self, tmp_path: Path) -> None:
        hail, wind = alerts(tmp_path / "a.json", {})
        assert isinstance(hail, StormRow)
        assert isinstance(wind, StormRow)
        assert (hail.external_id, wind.external_id) == (
            "KFWD.SV.W.0113.2026:hail",
            "KFWD.SV.W.0113.2026:wind",
        )
        assert (hail.hail_size_inches, wind.wind_speed_mph, hail.state) == (Decimal("1.75"), 60, "TX")
        assert hail.began_at == datetime(2026, 6, 1, 23, 0, tzinfo=UTC)
        assert hail.ended_at == datetime(2026, 6, 1, 23, 45, tzinfo=UTC)
        assert hail.swath is not None

    @pytest.mark.parametrize(
        ("words", "mph"),
        [("60 MPH", 60), ("up to 60 mph", 60), ("50 KTS", 58), ("50 knots", 58)],
    )
    def test_words_around_a_gust(self, tmp_path: Path, words: str, mph: int) -> None:
        wind = only(alerts(tmp_path / "a.json", {"parameters": {"maxWindGust": [words]}}))
        assert wind.wind_speed_mph == mph

    @pytest.mark.parametrize(("words", "inches"), [("Up to .75", "0.75"), ("1.50 IN", "1.50"), ("2", "2")])
    def test_words_around_a_stone(self, tmp_path: Path, words: str, inches: str) -> None:
        hail = only(alerts(tmp_path / "a.json", {"parameters": {"maxHailSize": [words]}}))
        assert hail.hail_size_inches == Decimal(inches)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"status": "Test"}, "not_actual"),
            ({"event": "Severe Thunderstorm Watch"}, "not_roof_relevant"),
            ({"event": "Tornado Warning", "parameters": {"tornadoDetection": ["RADAR INDICATED"]}}, "not_roof_relevant"),
            ({"parameters": {"maxHailSize": ["0.00"]}}, "not_roof_relevant"),
            ({"parameters": {"maxHailSize": ["175"]}}, "magnitude_implausible"),
            ({"parameters": {"maxWindGust": ["60"]}}, "magnitude_unreadable"),
            ({"parameters": {"maxHailSize": ["1.00"]}, "onset": "soon", "sent": None}, "time_unreadable"),
            ({"parameters": None}, "not_roof_relevant"),
        ],
    )  # fmt: skip
    def test_what_is_no_storm_is_named(self, tmp_path: Path, change: dict[str, Any], reason: str) -> None:
        assert alerts(tmp_path / "a.json", change) == [Rejected(reason)]

    def test_a_tornado_counts_once_it_was_seen(self, tmp_path: Path) -> None:
        said = {"event": "Tornado Warning", "parameters": {"tornadoDetection": ["OBSERVED"]}}
        assert only(alerts(tmp_path / "a.json", said)).event_type == "tornado"

    def test_a_zone_wide_warning_has_its_zones_and_no_place(self, tmp_path: Path) -> None:
        storm = only(
            alerts(tmp_path / "a.json", {"event": "High Wind Warning", "parameters": {}}, geometry=False)
        )
        assert (storm.swath, storm.lat, storm.details and storm.details["zones"]) == (None, None, ["TXC439"])

    def test_a_broken_polygon_is_not_taken_for_a_zone(self, tmp_path: Path) -> None:
        shape = {"type": "Polygon", "coordinates": [[[32.6, -97.2], [32.6, -97.0], [32.9, -97.0]]]}
        rows = alerts(tmp_path / "a.json", {}, geometry=shape)
        assert rows == [Rejected("geometry_unreadable")] * 2

    def test_updates_are_the_same_event_and_the_newest_message_comes_last(self, tmp_path: Path) -> None:
        update = {
            "id": "urn:2", "messageType": "Update", "sent": "2026-06-01T18:20:00-05:00",
            "parameters": {"maxHailSize": ["2.00"], "VTEC": ["/O.CON.KFWD.SV.W.0113.000000T0000Z-260601T2345Z/"]},
        }  # fmt: skip
        rows = [row for row in alerts(tmp_path / "a.json", update, {}) if isinstance(row, StormRow)]
        assert {row.external_id for row in rows if row.event_type == "hail"} == {"KFWD.SV.W.0113.2026:hail"}
        assert rows[-1].hail_size_inches == Decimal("2.00")

    def test_an_update_without_a_vtec_is_known_by_the_first_message(self, tmp_path: Path) -> None:
        parameters = {"maxHailSize": ["1.00"]}
        references = [
            {"identifier": "urn:8", "sent": "2026-06-01T17:30:00-05:00"},
            {"identifier": "urn:7", "sent": "2026-06-01T17:00:00-05:00"},
        ]
        change = {"id": "urn:9", "parameters": parameters, "references": references}
        assert only(alerts(tmp_path / "a.json", change)).external_id == "urn:7:hail"

    def test_a_cancelled_warning_measures_nothing_and_has_ended(self, tmp_path: Path) -> None:
        cancel = {"messageType": "Cancel", "sent": "2026-06-01T18:10:00-05:00"}
        for row in alerts(tmp_path / "a.json", cancel):
            assert isinstance(row, StormRow)
            assert (row.hail_size_inches, row.wind_speed_mph) == (None, None)
            assert row.ended_at == datetime(2026, 6, 1, 23, 10, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("content", "reason"), [('{"features": [', "broken_json"), ('{"rows": []}', "unknown_format")]
    )
    def test_json_that_is_no_collection_is_refused(self, tmp_path: Path, content: str, reason: str) -> None:
        with pytest.raises(FileRefused) as refused:
            read(tmp_path / "a.json", content)
        assert refused.value.reason == reason

    def test_a_feature_that_is_none_is_named(self, tmp_path: Path) -> None:
        assert (
            read(
                tmp_path / "a.json",
                '{"type": "FeatureCollection", "features": [3, {"properties": null}]}',
            )
            == [Rejected("not_an_alert")] * 2
        )
