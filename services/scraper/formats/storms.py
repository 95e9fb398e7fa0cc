"""Which storm format a file has, and its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import TextIO

from services.scraper.domain.rows import Rejected, StormRow
from services.scraper.formats import ncei, spc
from services.scraper.formats.files import FileRefused, PublicFile
from services.scraper.formats.tables import Layout, header_of, recognise_layout

LATER = "is recognised, but its import is not part of this release"
LAYOUTS = (
    ncei.DETAILS,
    *spc.DAILY,
    Layout(
        "ncei_web_export",
        ("EVENT_ID", "CZ_NAME_STR", "BEGIN_DATE", "DAMAGE_PROPERTY_NUM"),
        f"web export {LATER}",
    ),
    Layout(
        "ncei_locations",
        ("EVENT_ID", "LOCATION_INDEX", "LATITUDE", "LONGITUDE"),
        f"the locations file {LATER}",
    ),
    Layout("ncei_fatalities", ("FATALITY_ID", "EVENT_ID", "FATALITY_TYPE"), f"the fatalities file {LATER}"),
    Layout("spc_archive", ("OM", "YR", "MO", "DY", "MAG", "SLAT", "SLON"), f"the SPC archive {LATER}"),
)


def parse_storms(file: PublicFile, *, report_day: date | None, today: date) -> Iterator[StormRow | Rejected]:
    """The storms of a recognised file; raises FileRefused with the reason before the first row otherwise."""
    _refuse_other_kinds(file.head)
    day = report_day or spc.day_of_name(file.name)
    if spc.is_raw_file(file.head):
        return _rows(file, lambda stream: spc.parse(stream, day, today))
    header = header_of(file.head)
    layout = recognise_layout(header, LAYOUTS)
    if layout is ncei.DETAILS:
        return _rows(file, lambda stream: ncei.parse(stream, header, today))
    return _rows(file, lambda stream: spc.parse(stream, day, today))


def _rows(
    file: PublicFile, parse: Callable[[TextIO], Iterator[StormRow | Rejected]]
) -> Iterator[StormRow | Rejected]:
    with file.open() as stream:
        yield from parse(stream)


def _refuse_other_kinds(head: str) -> None:
    start = head.lstrip("\ufeff \t\r\n")[:200].lower()
    if start.startswith(("<!doctype html", "<html")):
        raise FileRefused(
            "html_instead_of_csv", "the file is an HTML page, as SPC sends for a day without a file"
        )
    if start.startswith("<"):
        raise FileRefused("unsupported_format_swdi_xml", f"SWDI XML {LATER}")
    if start.startswith(("{", "[")):
        raise FileRefused("unsupported_format_nws_alerts", f"NWS alert JSON {LATER}")
    if "local storm report" in head[:2000].lower():
        raise FileRefused("unsupported_format_lsr_text", f"the LSR text product {LATER}")
