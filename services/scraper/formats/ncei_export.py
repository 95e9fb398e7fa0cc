"""NCEI's search export: the details file's events under other headers (data/README.md storm trap 8).

Blank cells are a single space, dates are MM/DD/YYYY, damage is plain dollars, free text may follow the rows, and the
portal silently ends at 500 rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TextIO

from services.scraper.domain.rows import Rejected, Remark, StormRow
from services.scraper.domain.values import US_DATE
from services.scraper.formats.ncei import storm_of
from services.scraper.formats.tables import Layout, csv_rows, positions

PORTAL_CAP_ROWS = 500
# Our column -> the export's, where they differ by name alone.
RENAMED = {
    "BEGIN_TIME": "BEGIN_TIME",
    "END_TIME": "END_TIME",
    "EVENT_ID": "EVENT_ID",
    "STATE": "STATE_ABBR",
    "EVENT_TYPE": "EVENT_TYPE",
    "CZ_TYPE": "CZ_TYPE",
    "CZ_NAME": "CZ_NAME_STR",
    "CZ_TIMEZONE": "CZ_TIMEZONE",
    "DAMAGE_PROPERTY": "DAMAGE_PROPERTY_NUM",
    "MAGNITUDE": "MAGNITUDE",
    "MAGNITUDE_TYPE": "MAGNITUDE_TYPE",
    "TOR_F_SCALE": "TOR_F_SCALE",
    "TOR_WIDTH": "TOR_WIDTH",
    "BEGIN_LOCATION": "BEGIN_LOCATION",
    "BEGIN_LAT": "BEGIN_LAT",
    "BEGIN_LON": "BEGIN_LON",
    "END_LAT": "END_LAT",
    "END_LON": "END_LON",
}
EXPORT = Layout("ncei_web_export", ("BEGIN_DATE", "END_DATE", *RENAMED.values()))
ZONE_SUFFIX = " (ZONE)"


def parse(stream: TextIO, header: Sequence[str], today: date) -> Iterator[StormRow | Rejected | Remark]:
    """One storm, or the reason there is none, for every line; a remark where the portal's cap was reached."""
    at = positions(header)
    count = 0
    for cells in csv_rows(stream):
        if len(cells) < len(header) or not cells[at["EVENT_ID"]].strip().isdigit():
            yield Rejected("not_an_event")
            continue
        count += 1
        yield _storm({name: cells[place].strip() for name, place in at.items()}, today)
    if count == PORTAL_CAP_ROWS:
        yield Remark(f"{PORTAL_CAP_ROWS} events are the search portal's cap: the export is probably cut")


def _storm(row: dict[str, str], today: date) -> StormRow | Rejected:
    began, ended = _day(row["BEGIN_DATE"]), _day(row["END_DATE"])
    if began is None:
        return Rejected("time_unreadable")
    renamed = {name: row[theirs] for name, theirs in RENAMED.items()}
    # The export writes 0 for an empty damage too, so its 0 says nothing.
    damage = renamed["DAMAGE_PROPERTY"]
    return storm_of(
        {
            **renamed,
            "BEGIN_YEARMONTH": began[:6],
            "BEGIN_DAY": began[6:],
            "END_YEARMONTH": ended[:6] if ended else "",
            "END_DAY": ended[6:] if ended else "",
            "CZ_NAME": renamed["CZ_NAME"].removesuffix(ZONE_SUFFIX),
            "DAMAGE_PROPERTY": "" if damage == "0" else damage,
            "CATEGORY": "",
        },
        today,
    )


def _day(text: str) -> str | None:
    """`5/4/1999` and `05/04/1999` as 19990504."""
    match = US_DATE.match(text)
    return f"{int(match[3]):04d}{int(match[1]):02d}{int(match[2]):02d}" if match else None
