"""What a storm report says in our units: kind, size, speed, time in UTC, severity."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from enum import StrEnum

from services.scraper.domain.rows import Rejected

MPH_PER_KNOT = Decimal("1.15078")


class MagnitudeUnit(StrEnum):
    """The units in which publishers give sizes and speeds; a format names its own, nothing guesses."""

    INCHES = "inches"
    HUNDREDTHS_OF_INCH = "hundredths of an inch"
    KNOTS = "knots"
    MPH = "miles per hour"


@dataclass(frozen=True, slots=True)
class Scale:
    """What one unit is worth in ours (inches, miles per hour), and what can be true in it."""

    worth: Decimal
    least: Decimal
    most: Decimal


@dataclass(frozen=True, slots=True)
class Measured:
    """What a report measured, in our units; nothing where it measured nothing."""

    hail_inches: Decimal | None = None
    wind_mph: int | None = None


NOT_MEASURED = Measured()

# The record hailstone had 8 inches, the record gust off a mountain 231 mph (201 kt), and nobody reports hail under an
# eighth of an inch or a gust under 15 kt: what lies outside was written in another unit.
SCALES: dict[MagnitudeUnit, Scale] = {
    MagnitudeUnit.INCHES: Scale(Decimal(1), Decimal("0.12"), Decimal("9.99")),
    MagnitudeUnit.HUNDREDTHS_OF_INCH: Scale(Decimal("0.01"), Decimal(12), Decimal(999)),
    MagnitudeUnit.KNOTS: Scale(MPH_PER_KNOT, Decimal(15), Decimal(260)),
    MagnitudeUnit.MPH: Scale(Decimal(1), Decimal(17), Decimal(300)),
}

# Issue 2 keeps what can open a roof; a marine event has no roof under it.
ROOF_RELEVANT_NCEI_TYPES: dict[str, str] = {
    "hail": "hail",
    "thunderstorm wind": "wind",
    "high wind": "wind",
    "strong wind": "wind",
    "tornado": "tornado",
    "hurricane": "hurricane",
    "hurricane (typhoon)": "hurricane",
    "hurricane/typhoon": "hurricane",
}

# NCEI: local STANDARD time all year, so the daylight labels of old files mean the same offsets.
STANDARD_OFFSET_HOURS: dict[str, int] = {
    "AST": -4, "EST": -5, "EDT": -5, "CST": -6, "CDT": -6, "MST": -7, "MDT": -7, "PST": -8, "PDT": -8,
    "AKST": -9, "HST": -10, "SST": -11, "GST": 10, "CHST": 10, "GMT": 0, "UTC": 0,
}  # fmt: skip
ZONE_LABEL = re.compile(r"([A-Z]{3,4})([+-]?\d{1,2})?")

# Used only where the zone is UNK: the standard zone of most of the state.
STATE_STANDARD_ZONE: dict[str, str] = {
    "ME": "EST", "NH": "EST", "VT": "EST", "MA": "EST", "RI": "EST", "CT": "EST", "NY": "EST", "NJ": "EST",
    "PA": "EST", "DE": "EST", "MD": "EST", "DC": "EST", "VA": "EST", "WV": "EST", "NC": "EST", "SC": "EST",
    "GA": "EST", "FL": "EST", "OH": "EST", "MI": "EST", "IN": "EST", "KY": "EST", "TN": "CST", "AL": "CST",
    "MS": "CST", "LA": "CST", "AR": "CST", "MO": "CST", "IA": "CST", "MN": "CST", "WI": "CST", "IL": "CST",
    "ND": "CST", "SD": "CST", "NE": "CST", "KS": "CST", "OK": "CST", "TX": "CST", "MT": "MST", "WY": "MST",
    "CO": "MST", "NM": "MST", "AZ": "MST", "UT": "MST", "ID": "MST", "NV": "PST", "CA": "PST", "OR": "PST",
    "WA": "PST", "AK": "AKST", "HI": "HST", "PR": "AST", "VI": "AST", "GU": "GST", "AS": "SST",
}  # fmt: skip

STATE_CODES: dict[str, str] = {
    "ALABAMA": "AL", "ALASKA": "AK", "ARIZONA": "AZ", "ARKANSAS": "AR", "CALIFORNIA": "CA", "COLORADO": "CO",
    "CONNECTICUT": "CT", "DELAWARE": "DE", "DISTRICT OF COLUMBIA": "DC", "FLORIDA": "FL", "GEORGIA": "GA",
    "HAWAII": "HI", "IDAHO": "ID", "ILLINOIS": "IL", "INDIANA": "IN", "IOWA": "IA", "KANSAS": "KS",
    "KENTUCKY": "KY", "LOUISIANA": "LA", "MAINE": "ME", "MARYLAND": "MD", "MASSACHUSETTS": "MA",
    "MICHIGAN": "MI", "MINNESOTA": "MN", "MISSISSIPPI": "MS", "MISSOURI": "MO", "MONTANA": "MT",
    "NEBRASKA": "NE", "NEVADA": "NV", "NEW HAMPSHIRE": "NH", "NEW JERSEY": "NJ", "NEW MEXICO": "NM",
    "NEW YORK": "NY", "NORTH CAROLINA": "NC", "NORTH DAKOTA": "ND", "OHIO": "OH", "OKLAHOMA": "OK",
    "OREGON": "OR", "PENNSYLVANIA": "PA", "PUERTO RICO": "PR", "RHODE ISLAND": "RI", "SOUTH CAROLINA": "SC",
    "SOUTH DAKOTA": "SD", "TENNESSEE": "TN", "TEXAS": "TX", "UTAH": "UT", "VERMONT": "VT", "VIRGINIA": "VA",
    "VIRGIN ISLANDS": "VI", "WASHINGTON": "WA", "WEST VIRGINIA": "WV", "WISCONSIN": "WI", "WYOMING": "WY",
    "GUAM": "GU", "AMERICAN SAMOA": "AS",
}  # fmt: skip

# Clock time as people on the spot wrote it: unlike NCEI's, daylight time here means daylight time.
DAYLIGHT_OFFSET_HOURS: dict[str, int] = {
    "ADT": -3, "EDT": -4, "CDT": -5, "MDT": -6, "PDT": -7, "AKDT": -8, "HDT": -9,
}  # fmt: skip

# What the weather service calls its preliminary reports, in LSR text and in SWDI's copy of it.
REPORT_TYPES: dict[str, str] = {
    "hail": "hail",
    "tstm wnd gst": "wind",
    "tstm wnd dmg": "wind",
    "non-tstm wnd gst": "wind",
    "non-tstm wnd dmg": "wind",
    "high sust winds": "wind",
    "tornado": "tornado",
    "hurricane": "hurricane",
    "hurricane/typhoon": "hurricane",
}

# How far a report may be felt; the 5 miles are the specification's match radius (3.1.4).
RADIUS_MILES: dict[str, Decimal] = {
    "hail": Decimal("5.00"),
    "wind": Decimal("5.00"),
    "tornado": Decimal("5.00"),
    "hurricane": Decimal("50.00"),
}

# Lower edges, inclusive: domain/roofing.md 3 (what begins to damage which covering).
HAIL_SEVERITY = ((Decimal("2.50"), "extreme"), (Decimal("1.75"), "severe"), (Decimal("1.00"), "moderate"))
WIND_SEVERITY = ((97, "extreme"), (79, "severe"), (58, "moderate"))
TORNADO_SEVERITY = ((2, "extreme"), (1, "severe"))
HURRICANE_SEVERITY = ((2, "extreme"), (1, "severe"))
TORNADO_RATING = re.compile(r"E?F([0-5])")
PLACE_OFFSET = re.compile(r"^\d+(?:\.\d+)?\s+[NSEW]{1,3}\s+(?=\S)")


def ncei_event_type(text: str, *, tornado_scale: str = "") -> str | None:
    """Our event type of an NCEI one, or None when it cannot hurt a roof."""
    name = text.strip().lower()
    if name == "tornadoes, tstm wind, hail":
        # One row of the 1993 file for a whole outbreak; only a rating would make it a tornado.
        return "tornado" if tornado_scale else "wind"
    return ROOF_RELEVANT_NCEI_TYPES.get(name)


def report_event_type(text: str) -> str | None:
    """Our event type of a preliminary report's, or None when it cannot hurt a roof."""
    return REPORT_TYPES.get(" ".join(text.lower().split()))


def measured(event_type: str, magnitude: Decimal | None, unit: MagnitudeUnit) -> Measured | Rejected:
    """A size or speed in our unit; rejected where it cannot be true in its own, such as 175 inches of hail."""
    scale = SCALES[unit]
    if magnitude is None or event_type not in ("hail", "wind"):
        return NOT_MEASURED
    if not scale.least <= magnitude <= scale.most:
        return Rejected("magnitude_implausible")
    ours = in_our_unit(magnitude, unit)
    return Measured(hail_inches=ours) if event_type == "hail" else Measured(wind_mph=int(ours))


def in_our_unit(magnitude: Decimal, unit: MagnitudeUnit) -> Decimal:
    """Inches of hail or whole miles per hour."""
    ours = magnitude * SCALES[unit].worth
    hail = unit in (MagnitudeUnit.INCHES, MagnitudeUnit.HUNDREDTHS_OF_INCH)
    return ours if hail else ours.quantize(Decimal(1), rounding=ROUND_HALF_UP)


def magnitude_of(value: str | None) -> Decimal | None:
    """A reported magnitude; 0, UNK and blank are unknown."""
    try:
        number = Decimal((value or "").strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and number > 0 else None


def standard_offset(zone: str | None, state: str | None) -> timedelta | None:
    """Hours from UTC of an NCEI zone label (`CST-6`, `CSt`, `GST10`), of the state where it is UNK, else None."""
    match = ZONE_LABEL.fullmatch((zone or "").strip().upper())
    if match and match[2]:
        return timedelta(hours=int(match[2]))
    name = match[1] if match else ""
    if name not in STANDARD_OFFSET_HOURS:
        name = STATE_STANDARD_ZONE.get(state or "", "")
    hours = STANDARD_OFFSET_HOURS.get(name)
    return None if hours is None else timedelta(hours=hours)


def clock_offset(zone: str) -> timedelta | None:
    """Hours from UTC of the clock a report was written by: `CDT` is -5, `CST` -6."""
    name = zone.strip().upper()
    hours = DAYLIGHT_OFFSET_HOURS.get(name, STANDARD_OFFSET_HOURS.get(name))
    return None if hours is None else timedelta(hours=hours)


def moment_of(yearmonth: str, day: str, hhmm: str, offset: timedelta) -> datetime | None:
    """UTC moment of YYYYMM + day + unpadded HHMM (`905`, `5` is 00:05) in local standard time."""
    try:
        clock = f"{int(hhmm or 0):04d}"
        local = datetime(
            int(yearmonth[:4]), int(yearmonth[4:6]), int(day), int(clock[:2]), int(clock[2:]), tzinfo=UTC
        )
    except ValueError:
        return None
    return local - offset


def convective_moment(report_day: date, hhmm: str) -> datetime | None:
    """UTC moment of an SPC report: the day runs 12Z to 11:59Z, so times before 1200 are the next date."""
    text = hhmm.strip()
    if not text.isdigit() or len(text) > 4:
        return None
    clock = int(text)
    hour, minute = divmod(clock, 100)
    if hour > 23 or minute > 59:
        return None
    day = report_day if clock >= 1200 else report_day + timedelta(days=1)
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def state_code(text: str | None) -> str | None:
    """Two letters of a state name or code; None for lakes, gulfs and unknown names."""
    name = (text or "").strip().upper()
    if len(name) == 2 and name in STATE_STANDARD_ZONE:
        return name
    return STATE_CODES.get(name)


def place_name(location: str | None) -> str | None:
    """The town of a report's location: `4 ENE MINNEAPOLIS` is MINNEAPOLIS."""
    text = " ".join((location or "").split())
    return PLACE_OFFSET.sub("", text) or None


def tornado_rating(text: str | None) -> str | None:
    """EF0 to EF5 of a rating in either scale; None when it was not rated."""
    match = TORNADO_RATING.fullmatch((text or "").strip().upper())
    return f"EF{match[1]}" if match else None


def severity_of(
    event_type: str,
    *,
    hail_inches: Decimal | None = None,
    wind_mph: int | None = None,
    rating: str | None = None,
    category: int | None = None,
) -> str:
    """minor, moderate, severe or extreme, by what the covering is known to bear (roofing.md 3)."""
    if event_type == "hail":
        return _band(hail_inches, HAIL_SEVERITY, "minor")
    if event_type == "wind":
        return _band(wind_mph, WIND_SEVERITY, "minor")
    if event_type == "tornado":
        return _band(int(rating[-1]) if rating else None, TORNADO_SEVERITY, "moderate")
    return _band(category, HURRICANE_SEVERITY, "severe")


def _band(
    value: Decimal | int | None,
    edges: tuple[tuple[Decimal | int, str], ...] | tuple[tuple[int, str], ...],
    least: str,
) -> str:
    if value is None:
        return least
    return next((name for edge, name in edges if value >= edge), least)
