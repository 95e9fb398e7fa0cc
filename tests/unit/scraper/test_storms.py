from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from services.scraper.domain.storms import (
    MagnitudeUnit,
    convective_moment,
    in_our_unit,
    magnitude_of,
    moment_of,
    ncei_event_type,
    place_name,
    severity_of,
    standard_offset,
    state_code,
    tornado_rating,
)


def test_severe_is_50_knots_and_58_miles_per_hour() -> None:
    assert in_our_unit(Decimal(50), MagnitudeUnit.KNOTS) == 58


@pytest.mark.parametrize(
    ("label", "hours"),
    [("CST-6", -6), ("EST-5", -5), ("AKST-9", -9), ("HST-10", -10), ("SST-11", -11), ("GST10", 10), ("CST", -6),
     ("CSt", -6), ("CDT", -6), ("EDT", -5)],
)  # fmt: skip
def test_zone_labels_of_every_era_mean_standard_time(label: str, hours: int) -> None:
    assert standard_offset(label, None) == timedelta(hours=hours)


def test_an_unknown_zone_is_the_states_and_without_a_state_there_is_none() -> None:
    assert standard_offset("UNK", "IL") == timedelta(hours=-6)
    assert standard_offset("UNK", None) is None


def test_a_july_event_in_central_standard_time_knows_no_daylight_saving() -> None:
    offset = standard_offset("CST-6", "TX")
    assert offset is not None
    assert moment_of("201707", "4", "1530", offset) == datetime(2017, 7, 4, 21, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hhmm", "clock"), [("905", (9, 5)), ("5", (0, 5)), ("0", (0, 0)), ("45", (0, 45)), ("1445", (14, 45))]
)
def test_times_are_not_zero_padded(hhmm: str, clock: tuple[int, int]) -> None:
    moment = moment_of("195004", "28", hhmm, timedelta(0))
    assert moment is not None
    assert (moment.hour, moment.minute, moment.year) == (*clock, 1950)


@pytest.mark.parametrize(("day", "hhmm"), [("31", "100"), ("1", "2460"), ("1", "x"), ("", "100")])
def test_impossible_times_are_none(day: str, hhmm: str) -> None:
    assert moment_of("201706", day, hhmm, timedelta(0)) is None


def test_the_spc_day_runs_from_noon_to_noon() -> None:
    day = date(2013, 5, 31)
    assert convective_moment(day, "1200") == datetime(2013, 5, 31, 12, 0, tzinfo=UTC)
    assert convective_moment(day, "2359") == datetime(2013, 5, 31, 23, 59, tzinfo=UTC)
    assert convective_moment(day, "0300") == datetime(2013, 6, 1, 3, 0, tzinfo=UTC)
    assert convective_moment(day, "1159") == datetime(2013, 6, 1, 11, 59, tzinfo=UTC)
    assert convective_moment(day, "2460") is None
    assert convective_moment(day, "UNK") is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [("Hail", "hail"), ("Thunderstorm Wind", "wind"), ("High Wind", "wind"), ("Strong Wind", "wind"),
     ("Tornado", "tornado"), ("Hurricane (Typhoon)", "hurricane"), ("Marine Hail", None), ("Winter Storm", None),
     ("Cold/Wind Chill", None), ("Funnel Cloud", None), ("Waterspout", None),
     ("TORNADOES, TSTM WIND, HAIL", "wind")],
)  # fmt: skip
def test_only_what_can_open_a_roof_is_kept(text: str, kind: str | None) -> None:
    assert ncei_event_type(text) == kind


@pytest.mark.parametrize("text", ["UNK", "0", "", None, "-9999", "nan"])
def test_unmeasured_magnitudes_are_unknown(text: str | None) -> None:
    assert magnitude_of(text) is None


@pytest.mark.parametrize(
    ("kind", "facts", "band"),
    [
        ("hail", {"hail_inches": Decimal("0.99")}, "minor"),
        ("hail", {"hail_inches": Decimal("1.00")}, "moderate"),
        ("hail", {"hail_inches": Decimal("1.75")}, "severe"),
        ("hail", {"hail_inches": Decimal("2.50")}, "extreme"),
        ("wind", {"wind_mph": 57}, "minor"),
        ("wind", {"wind_mph": 58}, "moderate"),
        ("wind", {"wind_mph": 79}, "severe"),
        ("wind", {"wind_mph": 97}, "extreme"),
        ("wind", {}, "minor"),
        ("tornado", {}, "moderate"),
        ("tornado", {"rating": "EF1"}, "severe"),
        ("tornado", {"rating": "EF2"}, "extreme"),
        ("hurricane", {"category": 1}, "severe"),
        ("hurricane", {"category": 3}, "extreme"),
    ],
)
def test_severity_changes_at_its_edges(kind: str, facts: dict[str, object], band: str) -> None:
    assert severity_of(kind, **facts) == band  # type: ignore[arg-type]


def test_names_are_reduced_to_what_they_name() -> None:
    assert place_name("4 ENE MINNEAPOLIS") == "MINNEAPOLIS"
    assert place_name("2 S CAPROCK CANYON ST.") == "CAPROCK CANYON ST."
    assert place_name("") is None
    assert state_code("NEW YORK") == "NY"
    assert state_code("tx") == "TX"
    assert state_code("LAKE MICHIGAN") is None
    assert tornado_rating("F3") == "EF3"
    assert tornado_rating("EFU") is None
