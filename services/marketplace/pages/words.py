"""Facts as people read them: money, dates, areas and the names of things (the filters of the templates)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from markupsafe import Markup, escape

NOTHING: Final = "\N{EN DASH}"
SQFT_A_SQUARE: Final = 100
METRES_AN_INCH: Final = 0.0254
MINUTES_AN_HOUR: Final = 60
HOURS_A_DAY: Final = 24
SECONDS_A_MINUTE: Final = 60

NAMES: Final[Mapping[str, str]] = {
    "contact": "Contact",
    "costs": "Cost range",
    "curled_lifted": "Curled or lifted shingles",
    "gsd_m": "Ground resolution",
    "lat": "Position",
    "moss_algae": "Moss or algae",
    "needs_review": "Needs a look, by a reviewer or on site",
    "neighbor_permits": "Neighbours' permits",
    "onsite_check": "Needs on-site check",
    "overhead": "From above",
    "owner_email": "Owner's e-mail",
    "owner_name": "Owner's name",
    "owner_phone": "Owner's phone",
    "property_sale": "House sold",
    "condition": "Roof condition",
    "roof_sqft": "Roof area",
    "roi_pct": "Return on the work, in percent",
    "sqft": "Living area",
    "street_view": "Street",
    "weather_event": "Storm",
    "zip": "ZIP",
}

SOURCES: Final[Mapping[str, str]] = {
    "apollo": "Apollo.io",
    "attom": "ATTOM property records",
    "census": "US Census Bureau",
    "google_places": "Google Places",
    "google_solar": "Google Solar",
    "google_static": "Google Maps satellite picture",
    "google_streetview": "Google Street View",
    "licensed_street": "Licensed street pictures",
    "mapbox_static": "Mapbox satellite picture",
    "naip": "USDA aerial pictures (NAIP)",
    "ncei": "NOAA storm records",
    "neverbounce": "NeverBounce",
    "nws": "National Weather Service",
    "public_ortho": "State and county aerial pictures",
    "snov": "Snov.io",
    "spc": "NOAA Storm Prediction Center",
    "swdi": "NOAA severe weather records",
    "twilio": "Twilio texts",
    "twilio_lookups": "Twilio number lookup",
    "usgs_ortho": "US Geological Survey aerial pictures",
    "usps": "US Postal Service",
    "zerobounce": "ZeroBounce",
}
RECORDS: Final = {"parcels": "parcel records", "permits": "permit records", "issued": "permits issued"}
CITY_SOURCE: Final = re.compile(r"(?P<place>[a-z_]+)_(?P<state>[a-z]{2})_(?P<what>[a-z0-9_]+)")
"""How the registry names a source of a city: place, state, what it holds."""


def source(word: Any) -> str:
    """Who a fact comes from, as a person reads it."""
    text = str(word or "")
    if text in SOURCES:
        return SOURCES[text]
    found = CITY_SOURCE.fullmatch(text)
    if found is None:
        return name(word)
    what = RECORDS.get(found["what"], found["what"].replace("_", " "))
    return f"{found['place'].replace('_', ' ').title()}, {found['state'].upper()}, {what}"


def name(word: Any) -> str:
    """A word of ours as a person reads it; one without an entry with spaces for underscores."""
    if word is None or word == "":
        return NOTHING
    text = str(word)
    return NAMES.get(text) or (text[:1].upper() + text[1:]).replace("_", " ")


def money(amount: Any) -> str:
    """US dollars, with cents only where there are some."""
    if amount is None:
        return NOTHING
    value = Decimal(str(amount))
    return f"${value:,.0f}" if value == value.to_integral_value() else f"${value:,.2f}"


def dollars(amount: Any) -> str:
    """US dollars of an estimate, which knows no cents."""
    return NOTHING if amount is None else f"${Decimal(str(amount)):,.0f}"


def area(sqft: Any) -> str:
    """An area in square feet."""
    return NOTHING if sqft is None else f"{float(sqft):,.0f} sq ft"


def roof_area(sqft: Any) -> str:
    """A roof's area, in squares too, which roofers count in."""
    return NOTHING if sqft is None else f"{area(sqft)} ({float(sqft) / SQFT_A_SQUARE:,.1f} squares)"


def resolution(metres: Any) -> str:
    """How much of the ground one pixel shows."""
    return "resolution unknown" if metres is None else f"{float(metres) / METRES_AN_INCH:.1f} in a pixel"


def percent(share: Any) -> str:
    """A share of one as a percentage."""
    return NOTHING if share is None else f"{float(share) * 100:.0f}%"


def tenths(share: Any) -> str:
    """A share of one as a percentage to a tenth."""
    return NOTHING if share is None else f"{float(share) * 100:.1f}%"


def times(share: Any) -> str:
    """How many times a cost something is."""
    return NOTHING if share is None else f"{float(share):,.1f} x"


def span(minutes: Any) -> str:
    """A time in the two words a person would say."""
    if minutes is None:
        return NOTHING
    whole = max(round(float(minutes)), 0)
    if whole < MINUTES_AN_HOUR:
        return f"{whole} min"
    hours, rest = divmod(whole, MINUTES_AN_HOUR)
    if hours < HOURS_A_DAY:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, rest = divmod(hours, HOURS_A_DAY)
    return f"{days} d {rest} h" if rest else f"{days} d"


def day(value: Any) -> Markup:
    """A day as `Nov 22, 2026`; the exact time waits in the element for the viewer's own zone."""
    if value is None or value == "":
        return escape(NOTHING)
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    words = plain_day(moment)
    if not isinstance(moment, datetime):
        return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), words)
    exact = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(moment.isoformat(), exact, words)


def plain_day(value: date | None) -> str:
    """A day as `Nov 22, 2026`, without an element around it."""
    return NOTHING if value is None else f"{value:%b} {value.day}, {value.year}"


def number(value: Any) -> str:
    """A number in groups of three without needless digits; words as they are."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4f}".rstrip("0").rstrip(".") if isinstance(value, (float, Decimal)) else str(value)


def cents(amount: Any) -> str:
    """US dollars of an amount in cents."""
    return NOTHING if amount is None else money(Decimal(int(amount)) / 100)


def why(error: Any) -> str:
    """What went wrong, of an error as it was kept."""
    if not error:
        return NOTHING
    if not isinstance(error, Mapping):
        return str(error)
    told = error.get("message") or error.get("detail") or error.get("type") or error.get("code")
    return str(told or error)


def lasting(seconds: Any) -> str:
    """The same of seconds; in seconds below a minute."""
    if seconds is None or float(seconds) >= SECONDS_A_MINUTE:
        return span(None if seconds is None else float(seconds) / SECONDS_A_MINUTE)
    return f"{float(seconds):.0f} s"


FILTERS: Final = {
    each.__name__: each
    for each in (
        name,
        source,
        money,
        dollars,
        cents,
        area,
        roof_area,
        resolution,
        percent,
        tenths,
        times,
        span,
        day,
        number,
        why,
        lasting,
    )
}
