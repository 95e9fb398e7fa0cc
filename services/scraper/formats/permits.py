"""Which permit format a file has, and its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import orjson

from services.scraper.domain.rows import PermitRow, Rejected
from services.scraper.formats import accela, sources
from services.scraper.formats.field_map import PermitSource, permit_of
from services.scraper.formats.files import FileRefused, PublicFile
from services.scraper.formats.tables import Layout, column_name, csv_rows, header_of, recognise_layout

LATER = "is recognised, but its import is not part of this release"
NASHVILLE_CSV = Layout(
    "nashville_arcgis", ("PERMIT", "PERMIT_TYPE_DESCRIPTION", "DATE_ENTERED", "ADDRESS", "PURPOSE")
)
CHICAGO_CSV = Layout(
    "chicago_portal", ("PERMIT", "PERMIT_TYPE", "ISSUE_DATE", "STREET_NUMBER", "WORK_DESCRIPTION")
)
LAYOUTS = (
    NASHVILLE_CSV,
    CHICAGO_CSV,
    Layout(
        "austin_export", ("ISSUE_DATE", "WORK_CLASS", "STATUS_CURRENT"), f"Austin's display export {LATER}"
    ),
    Layout("energov_export", ("CASE_NUMBER", "MAIN_PARCEL", "FINALIZED_DATE"), f"the EnerGov export {LATER}"),
    Layout("accela_list", ("RECORD_NUMBER", "DATE_OPENED", "ADDRESS"), f"the Accela list download {LATER}"),
    Layout("la_reroofs", ("SITE_ADDRESS", "REROOF_PERMIT_ISSUE_DATE"), f"the compiled re-roof list {LATER}"),
    Layout("dfw_scraped", ("PERMIT_ID", "PROPERTY_ADDRESS", "LEAD_TYPE"), f"the scraped suburb list {LATER}"),
    Layout("spearfish_report", ("CONSTRUCTION_TYPE", "COST_APPROXIMATE"), f"the Spearfish report {LATER}"),
    Layout("nyc_dobjobs", ("JOB", "HOUSE", "BOROUGH"), f"the NYC job filings {LATER}"),
)
COMPACT_KEYS = frozenset({"n", "d", "a", "x", "t"})
CHICAGO_KEYS = frozenset({"permit_", "street_number", "street_name"})
Parsed = PermitRow | Rejected


def parse_permits(
    file: PublicFile,
    *,
    today: date,
    source: PermitSource | None = None,
    addresses: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> Iterator[Parsed]:
    """The permits of a recognised file, or of any rows when their source is given; raises FileRefused otherwise."""
    start = file.head.lstrip("\ufeff \t\r\n")[:100].lower()
    if start.startswith("<"):
        raise FileRefused(
            "html_instead_of_data", "the file is an HTML or XML page where permits were expected"
        )
    if start.startswith(("{", "[")):
        return parse_document(read_json(file), today=today, source=source, addresses=addresses or {})
    if file.head.lstrip().startswith('"') and "\n" in header_of(file.head)[0]:
        raise FileRefused("unsupported_format_denver_report", f"the Denver report {LATER}")
    return _parse_csv(file, today, source)


def read_json(file: PublicFile) -> Any:
    """The parsed document; raises FileRefused when it is cut or broken."""
    with file.open() as stream:
        text = stream.read()
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise FileRefused("broken_json", f"{file.name}: {error}") from error


def parse_document(
    document: Any,
    *,
    today: date,
    source: PermitSource | None,
    addresses: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Iterator[Parsed]:
    """The permits of a JSON document: a Socrata page, an ArcGIS answer, an Accela answer or Chicago's months."""
    if accela.is_answer(document):
        return accela.parse(document, today, addresses=addresses)
    rows = rows_of(document)
    if not rows:
        return iter(())
    present = set().union(*(row.keys() for row in rows[:1000]))
    if source is None and present >= COMPACT_KEYS:
        return (permit_of(_compact(row), sources.CHICAGO_COMPACT, today) for row in rows)
    found = source or (sources.CHICAGO_SOCRATA if present >= CHICAGO_KEYS else None)
    if found is None and {"Permit__", "Address"} <= present:
        found = sources.NASHVILLE
    if found is None:
        raise FileRefused(
            "unknown_format", f"no known permit feed has the keys {', '.join(sorted(present))[:200]}"
        )
    require_columns(found, present)
    return (permit_of(row, found, today) for row in rows)


def rows_of(document: Any) -> list[dict[str, Any]]:
    """The rows of a Socrata page (a list) or an ArcGIS answer (features); raises FileRefused on an error answer."""
    if isinstance(document, list):
        return _objects(document)
    if isinstance(document, dict) and isinstance(document.get("features"), list):
        return [_feature(feature) for feature in _objects(document["features"])]
    if isinstance(document, dict) and document.get("error"):
        # ArcGIS sends its errors inside HTTP 200 (PITFALLS 21); Socrata says error: true with a code.
        raise FileRefused("error_answer", str(document.get("message") or document["error"])[:300])
    raise FileRefused("unknown_format", "the JSON holds neither a list of rows nor features")


def _objects(rows: list[Any]) -> list[dict[str, Any]]:
    wrong = next((place for place, row in enumerate(rows, 1) if not isinstance(row, dict)), None)
    if wrong is not None:
        raise FileRefused("unknown_format", f"row {wrong} is no object")
    return rows


def require_columns(source: PermitSource, present: set[str]) -> None:
    """Raise FileRefused naming a column that the feed no longer has."""
    missing = source.missing_columns(present)
    if missing:
        raise FileRefused(
            f"missing_column_{missing[0]}", f"{source.key} lacks the columns {', '.join(missing)}"
        )


def _feature(feature: Mapping[str, Any]) -> dict[str, Any]:
    row = dict(feature.get("attributes") or feature.get("properties") or {})
    geometry = feature.get("geometry") or {}
    if "x" in geometry and "y" in geometry:
        row.setdefault("Lon", geometry["x"])
        row.setdefault("Lat", geometry["y"])
    return row


def _compact(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "permit_type": " / ".join(str(part) for part in (row.get("t"), row.get("wt")) if part)}


def _parse_csv(file: PublicFile, today: date, source: PermitSource | None) -> Iterator[Parsed]:
    header = header_of(file.head)
    if source is not None:
        require_columns(source, {cell.strip() for cell in header})
        return _rows(file, [cell.strip() for cell in header], source, today)
    layout = recognise_layout(header, LAYOUTS)
    if layout is NASHVILLE_CSV:
        require_columns(sources.NASHVILLE, set(header))
        return _rows(file, header, sources.NASHVILLE, today)
    return _rows(file, [column_name(cell) for cell in header], sources.CHICAGO_PORTAL, today)


def _rows(file: PublicFile, names: Sequence[str], source: PermitSource, today: date) -> Iterator[Parsed]:
    with file.open() as stream:
        for cells in csv_rows(stream):
            if len(cells) < len(names):
                yield Rejected("short_row")
            else:
                yield permit_of(dict(zip(names, cells, strict=False)), source, today)
