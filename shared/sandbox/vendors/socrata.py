"""Socrata: the city of Harrow's permits. `{base}/resource/{id}.json`, `{base}/api/views/{id}.json`."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from shared.sandbox.datasets import socrata_permits
from shared.sandbox.query import NoSuchColumnError, QuerySyntaxError, filter_rows, parse_order
from shared.sandbox.state import Sandbox
from shared.sandbox.table import Column, ColumnKind, Rows, Table, text_matches
from shared.sandbox.town import Place, place_named

DATASETS: dict[str, str] = {"h4rw-p7mt": "harrow"}
"""Dataset id -> town."""
DEFAULT_LIMIT, MAX_LIMIT = 1_000, 50_000
PARAMETERS = frozenset({"$select", "$where", "$order", "$limit", "$offset", "$q", "$$app_token"})
SYSTEM_FIELDS = (":id", ":created_at", ":updated_at")
_AGGREGATE = re.compile(r"(count|max|min|sum)\(\s*([\w:*]+)\s*\)(?:\s+as\s+(\w+))?", re.IGNORECASE)
_TYPES = {ColumnKind.TEXT: "text", ColumnKind.NUMBER: "number", ColumnKind.TIME: "calendar_date"}


class SodaError(Exception):
    """A refusal in the portal's own words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the portal."""
    routes = APIRouter(prefix="/socrata")

    @routes.get("/resource/{dataset}.json")
    def rows(dataset: str, request: Request) -> Response:
        try:
            _check_token(request)
            table = _table(sandbox, dataset)
            return JSONResponse(_select(table, dict(request.query_params)))
        except SodaError as error:
            body = {"code": error.code, "error": True, "message": error.message, "data": {}}
            return JSONResponse(body, status_code=error.status)

    @routes.get("/api/views/{dataset}.json")
    def view(dataset: str) -> Response:
        try:
            table = _table(sandbox, dataset)
        except SodaError as error:
            body = {"code": error.code, "error": True, "message": error.message}
            return JSONResponse(body, status_code=error.status)
        return JSONResponse(_metadata(dataset, table))

    return routes


def _place_of(dataset: str) -> Place:
    place = place_named(DATASETS.get(dataset, ""))
    if place is None:
        raise SodaError(404, "dataset.missing", f"Cannot find view with id {dataset}")
    return place


def _table(sandbox: Sandbox, dataset: str) -> Table:
    return sandbox.towns.derived("socrata", _place_of(dataset), socrata_permits)


def _check_token(request: Request) -> None:
    token = request.headers.get("x-app-token") or request.query_params.get("$$app_token", "")
    if "bad" in token:
        raise SodaError(403, "permission_denied", "Invalid app_token specified")


def _metadata(dataset: str, table: Table) -> dict[str, Any]:
    updated = table.column(":updated_at").values.max().astype("datetime64[s]").astype(int)
    fields = [column for name, column in table.columns.items() if not name.startswith(":")]
    return {
        "id": dataset,
        "name": "Issued Construction Permits",
        "assetType": "dataset",
        "attribution": "City of Harrow (an invented town)",
        "licenseId": "PUBLIC_DOMAIN",
        "rowsUpdatedAt": int(updated),
        "columns": [
            {
                "id": 5_000 + place,
                "name": column.name.replace("_", " ").title(),
                "fieldName": column.name,
                "dataTypeName": _TYPES[column.kind],
                "position": place + 1,
            }
            for place, column in enumerate(fields)
        ],
    }


def _select(table: Table, query: dict[str, str]) -> list[dict[str, Any]]:
    unknown = sorted(name for name in query if name.startswith("$") and name not in PARAMETERS)
    if unknown:
        raise SodaError(400, "query.soql.unsupported", f"Unrecognized arguments {unknown}")
    rows = _rows(table, query)
    select = query.get("$select", "*").strip()
    if _AGGREGATE.match(select):
        return [_aggregates(table, rows, select)]
    limit, offset = _whole(query, "$limit", DEFAULT_LIMIT), _whole(query, "$offset", 0)
    if limit > MAX_LIMIT:
        raise SodaError(400, "query.limit.out-of-range", f"length must be <= {MAX_LIMIT}")
    columns = _columns(table, select)
    page = _ordered(table, rows, query.get("$order", ""), offset)[offset : offset + limit]
    return [_written(columns, int(row)) for row in page]


def _rows(table: Table, query: dict[str, str]) -> Rows:
    try:
        mask = filter_rows(table, query.get("$where", ""))
    except NoSuchColumnError as error:
        raise SodaError(400, "query.soql.no-such-column", f"No such column: {error}") from error
    except QuerySyntaxError as error:
        raise SodaError(400, "query.compiler.malformed", f"Could not parse SoQL query: {error}") from error
    wanted = query.get("$q", "").lower()
    if wanted:
        texts = [column for column in table.columns.values() if column.kind is ColumnKind.TEXT]
        hits = [text_matches(column, lambda word: wanted in word.lower()) for column in texts]
        mask = mask & np.logical_or.reduce(hits)
    return np.nonzero(mask)[0]


def _ordered(table: Table, rows: Rows, order: str, offset: int) -> Rows:
    """Rows in the asked order; without one, each page sees another order, so rows repeat and vanish."""
    if not order.strip():
        return np.random.default_rng(offset).permutation(rows) if offset else rows
    try:
        return table.sorted_by(rows, parse_order(table, order))
    except NoSuchColumnError as error:
        raise SodaError(400, "query.soql.no-such-column", f"No such column: {error}") from error
    except QuerySyntaxError as error:
        raise SodaError(400, "query.compiler.malformed", f"Could not parse SoQL query: {error}") from error


def _columns(table: Table, select: str) -> list[Column]:
    chosen: list[Column] = []
    for name in (piece.strip() for piece in select.split(",")):
        if name == "*":
            chosen += [column for key, column in table.columns.items() if not key.startswith(":")]
        elif name == ":*":
            chosen += [table.columns[field] for field in SYSTEM_FIELDS]
        elif table.has(name):
            chosen.append(table.column(name))
        else:
            raise SodaError(400, "query.soql.no-such-column", f"No such column: {name}")
    return chosen


def _aggregates(table: Table, rows: Rows, select: str) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for function, name, alias in _AGGREGATE.findall(select):
        key = alias or (function.lower() if name == "*" else f"{function.lower()}_{name.lstrip(':')}")
        if name == "*":
            answer[key] = str(len(rows))
            continue
        if not table.has(name):
            raise SodaError(400, "query.soql.no-such-column", f"No such column: {name}")
        column = table.column(name)
        present = rows[~column.null[rows]]
        if function.lower() == "count":
            answer[key] = str(len(present))
        elif len(present) and function.lower() == "sum":
            answer[key] = _number(float(column.values[present].sum()))
        elif len(present):
            ends = present[np.argsort(column.ranks()[present], kind="stable")]
            answer[key] = _value(column, int(ends[-1] if function.lower() == "max" else ends[0]))
    return answer


def _written(columns: list[Column], row: int) -> dict[str, Any]:
    """A row as the portal writes it: nulls left out, everything else text."""
    return {column.name: _value(column, row) for column in columns if not column.null[row]}


def _value(column: Column, row: int) -> str:
    value = column.at(row)
    if column.kind is ColumnKind.TIME:
        stamp = str(value.astype("datetime64[ms]"))
        return f"{stamp}Z" if column.name in SYSTEM_FIELDS else stamp
    return _number(value) if column.kind is ColumnKind.NUMBER else str(value)


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _whole(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdigit():
        raise SodaError(400, "query.soql.malformed-integer", f"{name} must be a non-negative integer")
    return int(text)
