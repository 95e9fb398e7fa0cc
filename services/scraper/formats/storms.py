"""Which storm format a file has, and its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from itertools import chain
from typing import TextIO

from services.scraper.domain.rows import Rejected, Remark, StormRow
from services.scraper.formats import lsr, ncei, ncei_export, nws_alerts, spc, spc_archive, swdi
from services.scraper.formats.files import PublicFile
from services.scraper.formats.tables import Layout, column_name, header_of, recognise_layout
from shared.files import FileRefused

StormRows = Iterator[StormRow | Rejected | Remark]

LAYOUTS = (
    ncei.DETAILS,
    ncei_export.EXPORT,
    *spc.DAILY,
    spc_archive.ARCHIVE,
    Layout(
        "ncei_locations",
        ("EVENT_ID", "LOCATION_INDEX", "LATITUDE", "LONGITUDE"),
        "the locations file repeats the points of hail, wind and tornadoes, which the details file has, and adds only"
        " outlines of floods; import the details file of the year",
    ),
    Layout(
        "ncei_fatalities",
        ("FATALITY_ID", "EVENT_ID", "FATALITY_TYPE"),
        "the fatalities file is about people; it says nothing of a roof",
    ),
)


def parse_storms(file: PublicFile, *, report_day: date | None, today: date) -> StormRows:
    """The storms of a recognised file; raises FileRefused with the reason before the first row otherwise."""
    start = file.head.lstrip("\ufeff \t\r\n")[:500].lower()
    _refuse_other_kinds(start)
    if start.startswith("{"):
        return nws_alerts.parse(file, today)
    if swdi.is_answer(start):
        return _rows(file, lambda stream: swdi.parse(stream, today))
    if lsr.is_text(file.head):
        return _rows(file, lambda stream: lsr.parse(stream, today))
    day = report_day or spc.day_of_name(file.name)
    if spc.is_raw_file(file.head):
        return _rows(file, lambda stream: spc.parse(stream, day, today))
    return _table(file, day, today)


def _table(file: PublicFile, day: date | None, today: date) -> StormRows:
    header = header_of(file.head)
    layout = recognise_layout(header, LAYOUTS)
    if layout is ncei.DETAILS:
        return _rows(file, lambda stream: ncei.parse(stream, header, today))
    if layout is ncei_export.EXPORT:
        return _rows(file, lambda stream: ncei_export.parse(stream, header, today))
    if layout is spc_archive.ARCHIVE:
        hazard = spc_archive.hazard_of(file.name, {column_name(cell) for cell in header})
        return _rows(file, lambda stream: spc_archive.parse(stream, header, hazard, today))
    return chain(_remarks(file, day), _rows(file, lambda stream: spc.parse(stream, day, today)))


def _remarks(file: PublicFile, day: date | None) -> StormRows:
    if day is None:
        yield Remark(f"{file.name}: neither its rows nor its name carry a day: say it with --day YYYY-MM-DD")


def _rows(file: PublicFile, parse: Callable[[TextIO], StormRows]) -> StormRows:
    with file.open() as stream:
        yield from parse(stream)


def _refuse_other_kinds(start: str) -> None:
    if start.startswith(("<!doctype html", "<html")):
        raise FileRefused(
            "html_instead_of_csv", "the file is an HTML page, as SPC sends for a day without a file"
        )
    if start.startswith("http") and "stormevents_details" in start:
        raise FileRefused(
            "unsupported_format_ncei_file_list",
            "the file lists names of NCEI files; import the files themselves",
        )
