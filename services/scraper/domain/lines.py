"""Rows in COPY's text format, each with the hash by which an unchanged one is known; no database is needed for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from hashlib import blake2b
from operator import attrgetter
from typing import Any

import orjson

from services.scraper.domain.permit_types import PermitCategory
from services.scraper.domain.roofing_classifier import RoofingWork
from services.scraper.domain.rows import PermitRow, StormRow

HASH_BYTES = 16
PERMIT_COLUMNS = (
    "jurisdiction", "permit_number", "source", "address", "address_key", "unit", "city", "state", "zip", "lat", "lng",
    "permit_type", "roof_work", "reroof", "work_description", "estimated_value", "contractor_name",
    "contractor_license", "issue_date", "completion_date", "permit_status", "apn", "source_url",
)  # fmt: skip
STORM_COLUMNS = (
    "source", "external_id", "event_type", "began_at", "ended_at", "event_date", "event_time", "city", "county",
    "state", "lat", "lng", "radius_miles", "severity", "hail_size_inches", "wind_speed_mph", "tornado_rating",
    "damage_estimate", "source_url", "swath", "details",
)  # fmt: skip
PERMIT_CELLS = attrgetter(*("dates_roof" if name == "reroof" else name for name in PERMIT_COLUMNS))
VERTICAL_OF_CATEGORY: Mapping[str, str] = {
    PermitCategory.MECHANICAL: "hvac",
    PermitCategory.PLUMBING: "plumbing",
}
TEXT_OF: Mapping[type, Callable[[Any], str]] = {
    bool: {True: "t", False: "f"}.__getitem__,
    float: float.__repr__,
    date: date.isoformat,
    datetime: datetime.isoformat,
}
"""How a value is written; what is not named here, as `str` writes it."""


def copy_line(values: Sequence[Any]) -> str:
    r"""One row in COPY's text format, without its line end; None is \N, enumerations are their text."""
    cells = [
        "\\N" if value is None else value if value.__class__ is str else _text_of(value) for value in values
    ]
    line = "\t".join(cells)
    # One look at the whole row, as few hold a sign that COPY wants escaped.
    nulls, ends = values.count(None), len(cells) - 1
    if line.count("\\") == nulls and line.count("\t") == ends and "\n" not in line and "\r" not in line:
        return line
    return "\t".join(
        [cell if value is None else _escaped(cell) for cell, value in zip(cells, values, strict=True)]
    )


def _text_of(value: Any) -> str:
    return TEXT_OF.get(value.__class__, str)(value)


def copy_text(lines: Sequence[str]) -> bytes:
    """Rows made by `copy_line` in one piece."""
    return "".join([f"{line}\n" for line in lines]).encode()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def hashed_line(values: Sequence[Any]) -> str:
    """The row and, behind it, the hash of its content by which an unchanged row is known."""
    line = copy_line(values)
    return f"{line}\t{blake2b(line.encode(), digest_size=HASH_BYTES).hexdigest()}"


def permit_line(ordinal: int, row: PermitRow) -> str:
    """The staged form of a permit."""
    roofing = row.roof_work in (RoofingWork.REROOF, RoofingWork.REPAIR)
    vertical = "roofing" if roofing else VERTICAL_OF_CATEGORY.get(row.category, "")
    return f"{ordinal}\t{row.home_city}\t{vertical}\t{hashed_line(PERMIT_CELLS(row))}"


def content_hash(row: PermitRow) -> str:
    """The hash by which an upsert knows the row as unchanged."""
    return hashed_line(PERMIT_CELLS(row)).rpartition("\t")[2]


def storm_line(ordinal: int, row: StormRow) -> str:
    """The staged form of a storm; its date and hour are those of the place."""
    local = row.local_began_at or row.began_at
    content = hashed_line(
        (
            row.source, row.external_id, row.event_type, row.began_at, row.ended_at, local.date(),
            local.time().replace(tzinfo=None), row.city, row.county, row.state, row.lat, row.lng, row.radius_miles,
            row.severity, row.hail_size_inches, row.wind_speed_mph, row.tornado_rating, row.damage_estimate,
            row.source_url, row.swath, orjson.dumps(row.details or {}, option=orjson.OPT_SORT_KEYS).decode(),
        )
    )  # fmt: skip
    return f"{ordinal}\t{content}"
