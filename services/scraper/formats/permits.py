"""Which permit format a file has, and its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import orjson

from services.scraper.domain.permit_types import status_of
from services.scraper.domain.person_fields import PersonRules, stripped_fields
from services.scraper.domain.rows import PermitRow, Rejected, StatusChange
from services.scraper.domain.values import clean_text, date_of
from services.scraper.formats import accela, sources
from services.scraper.formats.exports import EXPORTS, Row, denver_rows, is_denver_report, nyc_issuance
from services.scraper.formats.field_map import PermitSource, permit_of
from services.scraper.formats.files import PublicFile
from services.scraper.formats.tables import column_name, csv_rows, header_of, recognise_layout
from shared.files import FileRefused

# In memory its values take six times as much.
LARGEST_JSON_BYTES = 8_000_000
COMPACT_KEYS = frozenset({"n", "d", "a", "x", "t"})
CHICAGO_KEYS = frozenset({"permit_", "street_number", "street_name"})
NASHVILLE_KEYS = frozenset({"Permit__", "Address"})
NYC_KEYS = frozenset({"job__", "house__", "permit_si_no"})
CHANGE_KEYS = frozenset({"new_permits", "status_changes"})
# Answers of the same publishers that hold no rows, by the keys they cannot do without.
WITHOUT_ROWS = (
    ("arcgis_count_only", frozenset({"count"}), "an ArcGIS answer that only counts"),
    (
        "arcgis_layer_metadata",
        frozenset({"currentVersion", "geometryType"}),
        "the description of an ArcGIS layer, not its rows",
    ),
)
Parsed = PermitRow | Rejected | StatusChange


def parse_permits(
    file: PublicFile,
    *,
    today: date,
    source: PermitSource | None = None,
    jurisdiction: tuple[str, str] | None = None,
    addresses: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> Iterator[Parsed]:
    """The permits of a recognised file, or of any rows when their source is given; raises FileRefused otherwise.

    `jurisdiction` is the city and state that made the export of a software which many cities use.
    """
    start = file.head.lstrip("\ufeff \t\r\n")[:100].lower()
    if start.startswith("<"):
        page = start.startswith(("<!doctype html", "<html"))
        raise FileRefused(
            "html_instead_of_data" if page else "xml_instead_of_data",
            "the file is an HTML or XML page where permits were expected",
        )
    if start.startswith(("{", "[")):
        return parse_document(read_json(file), today=today, source=source, addresses=addresses or {})
    return _parse_csv(file, today, source, jurisdiction)


def lawful_permits(file: PublicFile, *, rules: PersonRules, **how: Any) -> Iterator[Parsed]:
    """The permits of a file without the person fields that the law of their state keeps out."""
    return rules.strip(parse_permits(file, **how), stripped_fields("permits"))


def read_json(file: PublicFile) -> Any:
    """The parsed document; raises FileRefused when it is cut, broken or too long to be held in memory."""
    if file.size_bytes > LARGEST_JSON_BYTES:
        raise FileRefused(
            "json_too_large",
            f"it holds more than {LARGEST_JSON_BYTES} bytes of JSON, which is read whole:"
            " take the publisher's CSV, which is read row by row",
        )
    with file.open() as stream:
        text = stream.read()
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise FileRefused("broken_json", str(error)) from error


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
    if isinstance(document, dict) and document.keys() >= CHANGE_KEYS:
        return _changes(document, today)
    rows = rows_of(document)
    if not rows:
        return iter(())
    present = set().union(*(row.keys() for row in rows[:1000]))
    if source is None and present >= COMPACT_KEYS:
        return (permit_of(_compact(row), sources.CHICAGO_COMPACT, today) for row in rows)
    if source is None and present >= NYC_KEYS:
        return (permit_of(nyc_issuance(row), sources.NYC_ISSUANCE, today) for row in rows)
    found = source or _feed_with(present)
    if found is None:
        reason = "arcgis_features_without_permits" if isinstance(document, dict) else "unknown_format"
        raise FileRefused(reason, f"no known permit feed has the keys {', '.join(sorted(present))[:200]}")
    require_columns(found, present)
    return (permit_of(row, found, today) for row in rows)


def _feed_with(present: set[str]) -> PermitSource | None:
    if present >= CHICAGO_KEYS:
        return sources.CHICAGO_SOCRATA
    return sources.NASHVILLE if present >= NASHVILLE_KEYS else None


def _changes(document: Mapping[str, Any], today: date) -> Iterator[Parsed]:
    """New permits of a comparison, and what it says anew of known ones, which it only numbers."""
    for change in _objects([*document["new_permits"], *document["status_changes"]]):
        details = change.get("details")
        if isinstance(details, dict):
            yield permit_of({**details, **change}, sources.AUSTIN_CHANGES, today)
        else:
            yield _status_change(change, sources.AUSTIN_CHANGES)


def _status_change(change: Mapping[str, Any], source: PermitSource) -> StatusChange | Rejected:
    """The issue date of a change is left out: on a final permit it is the day of the final."""
    fields = change.get("changed_fields")
    fields = fields if isinstance(fields, dict) else {}
    status, completed = (_new_value(fields.get(name)) for name in ("status_current", "completed_date"))
    number, found = clean_text(change.get("permit_number")), status_of(clean_text(status))
    day = date_of(completed, source.zone)
    if number is None or (found is None and day is None):
        return Rejected("status_change_only")
    return StatusChange(source.authority(source.city), number, found, day)


def _new_value(changed: Any) -> Any:
    return changed.get("new") if isinstance(changed, dict) else None


def rows_of(document: Any) -> list[dict[str, Any]]:
    """The rows of a Socrata page (a list) or an ArcGIS answer (features); raises FileRefused on an error answer."""
    if isinstance(document, list):
        return _objects(document)
    if isinstance(document, dict) and isinstance(document.get("features"), list):
        return [_feature(feature) for feature in _objects(document["features"])]
    if isinstance(document, dict) and document.get("error"):
        # ArcGIS sends its errors inside HTTP 200 (PITFALLS 21); Socrata says error: true with a code.
        raise FileRefused("error_answer", str(document.get("message") or document["error"])[:300])
    _refuse_without_rows(document)
    raise FileRefused("unknown_format", "the JSON holds neither a list of rows nor features")


def _refuse_without_rows(document: Any) -> None:
    if not isinstance(document, dict):
        return
    for reason, keys, what in WITHOUT_ROWS:
        if document.keys() >= keys:
            raise FileRefused(reason, f"the file is {what}")
    if document and all(isinstance(value, dict) and "columns" in value for value in document.values()):
        raise FileRefused("column_lists", "the file lists the columns of datasets, not their rows")


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


def _parse_csv(
    file: PublicFile, today: date, source: PermitSource | None, jurisdiction: tuple[str, str] | None
) -> Iterator[Parsed]:
    header = header_of(file.head)
    if source is not None:
        names = [cell.strip() for cell in header]
        require_columns(source, set(names))
        return _rows(file, names, source, today)
    if is_denver_report(header):
        return _report(file, today)
    layout = recognise_layout(header, [export.layout for export in EXPORTS])
    export = next(export for export in EXPORTS if export.layout is layout)
    names = [column_name(cell) for cell in header]
    return _rows(file, names, export.source_of(jurisdiction), today, export.adapt or _as_is)


def _as_is(row: Row) -> Row:
    return row


def _report(file: PublicFile, today: date) -> Iterator[Parsed]:
    with file.open() as stream:
        for row in denver_rows(csv_rows(stream)):
            yield permit_of(row, sources.DENVER_REPORT, today)


def _rows(
    file: PublicFile,
    names: Sequence[str],
    source: PermitSource,
    today: date,
    adapt: Callable[[Row], Row | Rejected] = _as_is,
) -> Iterator[Parsed]:
    with file.open() as stream:
        for cells in csv_rows(stream):
            if len(cells) < len(names):
                yield Rejected("short_row")
                continue
            row = adapt(dict(zip(names, cells, strict=False)))
            yield row if isinstance(row, Rejected) else permit_of(row, source, today)
