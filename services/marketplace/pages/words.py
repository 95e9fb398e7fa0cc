"""Facts as people read them: money, dates, areas and the names of things (the filters of the templates)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from markupsafe import Markup, escape

NOTHING: Final = "\N{EN DASH}"
SQFT_A_SQUARE: Final = 100
METRES_AN_INCH: Final = 0.0254
SECONDS_A_MINUTE: Final = 60
SECONDS_AN_HOUR: Final = 3600
SECONDS_A_DAY: Final = 86_400

NAMES: Final[Mapping[str, str]] = {
    "contact": "Contact",
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
    "roi_pct": "Return on the work, in percent",
    "sqft": "Living area",
    "street_view": "Street",
    "weather_event": "Storm",
    "zip": "ZIP",
}


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


def day(value: Any) -> Markup:
    """A day as `Nov 22, 2026`; the exact time waits in the element for the viewer's own zone."""
    if value is None or value == "":
        return escape(NOTHING)
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    words = f"{moment:%b} {moment.day}, {moment.year}"
    if not isinstance(moment, datetime):
        return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), words)
    exact = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(moment.isoformat(), exact, words)


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
    """A span of time in its largest fitting unit."""
    if seconds is None:
        return NOTHING
    units = ((SECONDS_A_DAY, "d"), (SECONDS_AN_HOUR, "h"), (SECONDS_A_MINUTE, "min"))
    whole = next(((f"{seconds / size:.0f} {unit}") for size, unit in units if seconds >= 2 * size), None)
    return whole or f"{float(seconds):.0f} s"


FILTERS: Final = {
    each.__name__: each
    for each in (
        name,
        money,
        dollars,
        cents,
        area,
        roof_area,
        resolution,
        percent,
        day,
        number,
        why,
        lasting,
    )
}
