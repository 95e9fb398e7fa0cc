"""Files for download: permits as CSV, packed CSV, ZIP or XLSX, parcels as CSV.

`{base}/{town}/permits.csv`, `.csv.gz`, `.zip`, `.xlsx`, `{base}/{town}/parcels.csv`.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from xml.sax.saxutils import escape

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from shared.sandbox.datasets import parcels, report_permits
from shared.sandbox.state import Sandbox
from shared.sandbox.table import ColumnKind
from shared.sandbox.town import Town, place_named

TITLE = "Issued permits\N{EN DASH}weekly report"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_XML = "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_PARTS = {
    "[Content_Types].xml": f"<Types xmlns='{_PACKAGE}/content-types'><Default Extension='rels' "
    "ContentType='application/vnd.openxmlformats-package.relationships+xml'/><Default Extension='xml' "
    "ContentType='application/xml'/><Override PartName='/xl/workbook.xml' ContentType='application/"
    "vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml'/><Override PartName='/xl/worksheets/"
    "sheet1.xml' ContentType='application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml'/></Types>",
    "_rels/.rels": f"<Relationships xmlns='{_PACKAGE}/relationships'><Relationship Id='r1' "
    f"Type='{_REL}/officeDocument' Target='xl/workbook.xml'/></Relationships>",
    "xl/workbook.xml": f"<workbook xmlns='{_MAIN}' xmlns:r='{_REL}'><sheets>"
    "<sheet name='Permits' sheetId='1' r:id='r1'/></sheets></workbook>",
    "xl/_rels/workbook.xml.rels": f"<Relationships xmlns='{_PACKAGE}/relationships'><Relationship Id='r1' "
    f"Type='{_REL}/worksheet' Target='worksheets/sheet1.xml'/></Relationships>",
}


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the download pages; a file known by its ETag is not sent again."""
    routes = APIRouter(prefix="/files")

    @routes.get("/{town}/{name}")
    def file(town: str, name: str, request: Request) -> Response:
        place = place_named(town)
        if place is None or name not in FORMS:
            return PlainTextResponse("Not Found", status_code=404)
        make, kind = FORMS[name]
        body = sandbox.towns.derived(f"file:{name}", place, make)
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"etag": etag})
        return Response(body, media_type=kind, headers={"etag": etag})

    return routes


def _rows(town: Town) -> Iterator[list[Any]]:
    """A title, the header with a line break and leading blanks in it, and the permits."""
    table = report_permits(town)
    columns = [column for name, column in table.columns.items() if name != "_id"]
    yield [TITLE, *("" for _ in columns[1:])]
    yield [{"PERMIT #": "  PERMIT #", "DATE ISSUED": "DATE\nISSUED"}.get(c.name, c.name) for c in columns]
    for row in range(len(table)):
        yield [
            f"{value.astype('datetime64[D]').item():%m/%d/%Y}"
            if column.kind is ColumnKind.TIME and (value := column.at(row)) is not None
            else column.at(row)
            for column in columns
        ]


def _csv(town: Town) -> bytes:
    """As an office program saves it: cp1252, CRLF."""
    text = io.StringIO()
    csv.writer(text).writerows(["" if cell is None else cell for cell in row] for row in _rows(town))
    return text.getvalue().encode("cp1252")


def _parcels(town: Town) -> bytes:
    table = parcels(town)
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(table.columns)
    rows.writerows([column.at(row) for column in table.columns.values()] for row in range(len(table)))
    return text.getvalue().encode()


def _zip(town: Town) -> bytes:
    return _packed({"readme.txt": b"Permits of the week.", f"{town.place.key}_permits.csv": _csv(town)})


def _xlsx(town: Town) -> bytes:
    rows = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in _rows(town))
    sheet = f"{_XML}<worksheet xmlns='{_MAIN}'><sheetData>{rows}</sheetData></worksheet>"
    parts = {name: f"{_XML}{text}".encode() for name, text in _PARTS.items()}
    return _packed({**parts, "xl/worksheets/sheet1.xml": sheet.encode()})


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "<c/>"
    if isinstance(value, int | float):
        return f"<c><v>{value}</v></c>"
    return f"<c t='inlineStr'><is><t xml:space='preserve'>{escape(str(value))}</t></is></c>"


def _packed(members: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), body, zipfile.ZIP_DEFLATED)
    return whole.getvalue()


FORMS: dict[str, tuple[Callable[[Town], bytes], str]] = {
    "permits.csv": (_csv, "text/csv"),
    "permits.csv.gz": (lambda town: gzip.compress(_csv(town), mtime=0), "application/gzip"),
    "permits.zip": (_zip, "application/zip"),
    "permits.xlsx": (_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "parcels.csv": (_parcels, "text/csv"),
}
