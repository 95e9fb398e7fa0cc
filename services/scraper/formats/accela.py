"""Accela V4 answers, bare or recorded with their request (contracts/accela.md, PITFALLS 19)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from services.scraper.domain.rows import PermitRow, Rejected
from services.scraper.formats.field_map import PermitSource, permit_of

BUILDING = "building"
FIELDS: Mapping[str, tuple[str, ...]] = {
    "permit_number": ("number",),
    "address": ("street",),
    "city": ("city",),
    "zip": ("zip",),
    "lat": ("lat",),
    "lng": ("lng",),
    "permit_type": ("type",),
    "work_description": ("description",),
    "estimated_value": ("value",),
    "issue_date": ("opened",),
    "completion_date": ("closed",),
    "permit_status": ("status",),
}
STREET_PARTS = (
    "streetStart",
    "direction",
    "streetName",
    "streetSuffix",
    "streetSuffixDirection",
    "unitStart",
)


def body_of(document: Any) -> Any:
    """The answer itself, also out of a recording that wraps it with its request."""
    if isinstance(document, dict) and "body" in document and "request" in document:
        return document["body"]
    return document


def is_answer(document: Any) -> bool:
    """True for an Accela envelope, whose status is a number, with or without the recording around it."""
    body = body_of(document)
    numbered = isinstance(body, dict) and isinstance(body.get("status"), int)
    return numbered and ("result" in body or "code" in body or "page" in body)


def records_of(document: Any) -> list[Any]:
    """The rows of an answer; `result` may be a list, one object, or absent for none."""
    body = body_of(document)
    result = body.get("result") if isinstance(body, dict) else body
    if result is None:
        return []
    return list(result) if isinstance(result, list) else [result]


def addresses_by_record(documents: Sequence[Any]) -> dict[str, list[dict[str, Any]]]:
    """Record id -> addresses, out of the answers to /records/{id}/addresses."""
    found: dict[str, list[dict[str, Any]]] = {}
    for document in documents:
        for row in records_of(document):
            if isinstance(row, dict) and "streetName" in row and isinstance(row.get("recordId"), dict):
                found.setdefault(str(row["recordId"].get("id")), []).append(row)
    return found


def parse(
    document: Any,
    today: date,
    *,
    addresses: Mapping[str, Sequence[Mapping[str, Any]]],
    zone: ZoneInfo = ZoneInfo("UTC"),  # noqa: B008 - immutable; agency times carry no zone and only the day is kept
) -> Iterator[PermitRow | Rejected]:
    """One permit, or the reason there is none, for every record of an answer."""
    for record in records_of(document):
        if (
            not isinstance(record, dict)
            or not isinstance(record.get("type"), dict)
            or "customId" not in record
        ):
            yield Rejected("not_permit_rows")
        elif str(record.get("module") or record["type"].get("module") or "").lower() != BUILDING:
            yield Rejected("not_a_building_permit")
        else:
            yield _permit(record, _primary(record, addresses), today, zone)


def _permit(
    record: Mapping[str, Any], address: Mapping[str, Any] | None, today: date, zone: ZoneInfo
) -> PermitRow | Rejected:
    if address is None:
        return Rejected("missing_address")
    agency = str(record.get("serviceProviderCode") or str(record.get("id", "")).split("-")[0])
    source = PermitSource(
        key=f"accela:{agency}",
        city=str(address.get("city") or "").strip(),
        state=_text(address.get("state")) or "",
        zone=zone,
        fields=FIELDS,
        jurisdiction=agency,
    )
    if not source.state or not source.city:
        return Rejected("missing_address")
    return permit_of(_flat(record, address), source, today)


def _flat(record: Mapping[str, Any], address: Mapping[str, Any]) -> dict[str, Any]:
    kind = record["type"]
    return {
        "number": record.get("customId"),
        "street": " ".join(part for part in (_text(address.get(name)) for name in STREET_PARTS) if part),
        "city": address.get("city"),
        "zip": address.get("postalCode"),
        "lat": address.get("yCoordinate"),
        "lng": address.get("xCoordinate"),
        "type": kind.get("value") or kind.get("text"),
        "description": record.get("description") or record.get("name"),
        "value": record.get("jobValue"),
        # Lists call it openedDateFrom, single answers openedDate.
        "opened": record.get("openedDate") or record.get("openedDateFrom"),
        "closed": record.get("closedDate"),
        "status": _text(record.get("status")),
    }


def _primary(
    record: Mapping[str, Any], addresses: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Mapping[str, Any] | None:
    rows = [
        row
        for row in record.get("addresses") or addresses.get(str(record.get("id")), ())
        if isinstance(row, Mapping) and row.get("streetName")
    ]
    return next((row for row in rows if row.get("isPrimary") == "Y"), rows[0] if rows else None)


def _text(value: Any) -> str | None:
    """The text of a plain value or of a {value, text} pair."""
    if isinstance(value, Mapping):
        value = value.get("value") or value.get("text")
    return None if value is None else str(value).strip() or None
