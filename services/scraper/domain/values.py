"""Text of public files turned into values: what cannot be read is None, never a guess."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

EARLIEST_YEAR = 1850
OLDEST_HOUSE = 1600
LATEST_YEARS_AHEAD = 3
EPOCH_MILLISECONDS = re.compile(r"-?\d{11,14}")
ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:$|[T ])")
US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:$|\s)")
DAMAGE = re.compile(r"(\d*\.?\d+)([KMBT]?)", re.IGNORECASE)
DAMAGE_UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
MOJIBAKE = (
    "\u00e2\u20ac",
    "\u00c3",
    "\u00c2",
)  # how the first bytes of a UTF-8 sequence look in Windows-1252
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212"


def clean_text(value: Any, limit: int | None = None) -> str | None:
    """The text with runs of white space and dash variants made one, cut to `limit`; None when blank."""
    if value is None:
        return None
    text = value if isinstance(value, str) else str(value)
    if not text.isalnum():  # one word needs no cleaning, and most cells are one
        text = _one_line(text)
        if not text:
            return None
    return text[:limit] if limit is not None else text


def _one_line(text: str) -> str:
    if not text.isascii():
        text = mended(text)
        for dash in DASHES:
            text = text.replace(dash, "-")
    if text.isprintable():  # then its only white space are blanks, which few have twice
        while "  " in text:
            text = text.replace("  ", " ")
        return text.strip(" ")
    # PostgreSQL text cannot hold NUL; one in a public file is noise.
    return " ".join(text.replace("\x00", "").split())


def mended(text: str) -> str:
    """The text as it was before its UTF-8 was read as Windows-1252 (`â€™` for an apostrophe); else unchanged."""
    if not any(map(text.__contains__, MOJIBAKE)):
        return text
    try:
        return b"".join(map(_windows_byte, text)).decode("utf-8")
    except UnicodeError:
        return text


def _windows_byte(character: str) -> bytes:
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        return character.encode("latin-1")  # the five bytes that Windows-1252 leaves undefined


def decimal_of(value: Any) -> Decimal | None:
    """The number in a cell that may hold `$`, thousands commas or blanks; None when there is none."""
    text = clean_text(value)
    if text is None:
        return None
    try:
        number = Decimal(text.replace("$", "").replace(",", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def damage_dollars(value: Any) -> Decimal | None:
    """Dollars of an NCEI damage text (`10.00K`, `250M`, `.03K`, `06`); empty is unknown, not zero."""
    text = clean_text(value)
    match = DAMAGE.fullmatch(text) if text else None
    if match is None:
        return None
    return Decimal(match[1]) * DAMAGE_UNITS[match[2].upper()]


def cost_dollars(value: Any) -> Decimal | None:
    """Dollars of a permit's cost; 0 and 1 are what clerks type for unknown."""
    number = decimal_of(value)
    return number if number is not None and number > 1 else None


def date_of(value: Any, zone: ZoneInfo | None = None) -> date | None:
    """The calendar day of a cell: ISO, US or epoch milliseconds (in `zone`); None when it is none of these."""
    text = clean_text(value)
    return None if text is None else _day_of(text, zone)


@lru_cache(maxsize=8192)
def _day_of(text: str, zone: ZoneInfo | None) -> date | None:
    """Permits of a file share their days."""
    if match := ISO_DATE.match(text):
        year, month, day = int(match[1]), int(match[2]), int(match[3])
    elif match := US_DATE.match(text):
        month, day, year = int(match[1]), int(match[2]), int(match[3])
    elif EPOCH_MILLISECONDS.fullmatch(text):
        return _day_of_epoch(int(text), zone)
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _day_of_epoch(milliseconds: int, zone: ZoneInfo | None) -> date | None:
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    # Layers that hold a bare date publish midnight UTC; shifting that to a western zone would lose a day.
    if zone is None or milliseconds % 86_400_000 == 0:
        return moment.date()
    return moment.astimezone(zone).date()


def is_plausible_day(day: date, today: date) -> bool:
    """False for days no permit or storm of ours can have, such as 1950 read as 2050."""
    return EARLIEST_YEAR <= day.year <= today.year + LATEST_YEARS_AHEAD


def point_of(lat: Any, lng: Any) -> tuple[float, float] | None:
    """Latitude and longitude in degrees, or None when missing, zero or outside the United States."""
    try:
        north, east = float(lat), float(lng)
    except (TypeError, ValueError):
        return None
    if not (-15.0 <= north <= 72.0) or not (-180.0 <= east <= -60.0 or 143.0 <= east <= 180.0):
        return None
    return north, east


def zip5_of(value: Any) -> str | None:
    """The five digits of a ZIP, also from `78724.0`, `60616-` and `949546846`; None when they are not there."""
    text = clean_text(value)
    if text is None:
        return None
    digits = re.match(r"\d{5}(?=$|\.0$|-|\d{4}$)", text)
    return digits[0] if digits and digits[0] != "00000" else None


def first_present(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The first value among the named cells that is not blank, or None."""
    for name in names:
        value = row.get(name)
        if value is not None and value != "" and (not isinstance(value, str) or not value.isspace()):
            return value
    return None
