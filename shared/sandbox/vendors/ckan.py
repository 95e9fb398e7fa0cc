"""CKAN: the city of Marn's permits. `{base}/api/3/action/datastore_search` and `.../datastore_search_sql`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from shared.sandbox.datasets import report_permits
from shared.sandbox.query import NoSuchColumnError, QuerySyntaxError, filter_rows
from shared.sandbox.state import Sandbox
from shared.sandbox.table import ColumnKind, Rows, Table
from shared.sandbox.town import place_named

RESOURCES: dict[str, str] = {
    "c21106f9-0000-4000-8000-00000000a1a1": "marn",
    "c21106f9-0000-4000-8000-00000000b2b2": "harrow",
}
"""Resource id -> town."""
NO_SQL = frozenset({"c21106f9-0000-4000-8000-00000000b2b2"})
"""Tables of sites that closed the SQL door."""
DEFAULT_LIMIT, SITE_CAP = 100, 500
PARAMETERS = frozenset({"resource_id", "filters", "q", "fields", "sort", "limit", "offset", "include_total"})
_SQL = re.compile(
    r'SELECT \* FROM "(?P<table>[^"]+)" WHERE (?P<where>.+) ORDER BY _id LIMIT (?P<limit>\d+)', re.IGNORECASE
)
_SORT = re.compile(r'\s*("(?:[^"]+)"|\w+)(?:\s+(asc|desc))?(?:\s+nulls (?:first|last))?\s*', re.IGNORECASE)
_TYPES = {ColumnKind.TEXT: "text", ColumnKind.NUMBER: "numeric", ColumnKind.TIME: "timestamp"}


class ActionError(Exception):
    """A refusal in the portal's own words."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the portal."""
    routes = APIRouter(prefix="/ckan/api/3/action")

    @routes.get("/datastore_search")
    def search(request: Request) -> Response:
        return _answered(lambda: _search(sandbox, dict(request.query_params)))

    @routes.get("/datastore_search_sql")
    def search_sql(sql: str = "") -> Response:
        return _answered(lambda: _search_sql(sandbox, sql))

    return routes


def _answered(act: Callable[[], dict[str, Any]]) -> Response:
    try:
        return JSONResponse({"help": "datastore_search", "success": True, "result": act()})
    except ActionError as error:
        body = {"success": False, "error": {"__type": error.kind, "message": error.message}}
        return JSONResponse(body, status_code=error.status)


def _table(sandbox: Sandbox, resource: str) -> Table:
    place = place_named(RESOURCES.get(resource, ""))
    if place is None:
        raise ActionError(404, "Not Found Error", f'Resource "{resource}" was not found.')
    return sandbox.towns.derived("report", place, report_permits)


def _search(sandbox: Sandbox, query: dict[str, str]) -> dict[str, Any]:
    """A page, cut to the site's cap without a word but the echoed limit."""
    unknown = sorted(set(query) - PARAMETERS)
    if unknown:
        raise ActionError(409, "Validation Error", f'invalid value "{unknown[0]}"')
    table = _table(sandbox, query.get("resource_id", ""))
    limit = min(_whole(query, "limit", DEFAULT_LIMIT), SITE_CAP)
    offset = _whole(query, "offset", 0)
    rows = table.sorted_by(_matching(table, ""), _order(table, query.get("sort", "")))
    page = rows[offset : offset + limit]
    return {
        "resource_id": query["resource_id"],
        "fields": _fields(table),
        "records": _records(table, page),
        "total": len(rows),
        "total_was_estimated": False,
        "limit": limit,
        "offset": offset,
        "_links": {"start": "/api/3/action/datastore_search", "next": f"?offset={offset + limit}"},
    }


def _search_sql(sandbox: Sandbox, sql: str) -> dict[str, Any]:
    parts = _SQL.fullmatch(sql.strip())
    if parts is None:
        raise ActionError(400, "Validation Error", "query: Not a single SELECT statement")
    if parts["table"] in NO_SQL:
        raise ActionError(403, "Authorization Error", "Access denied: datastore_search_sql is not enabled")
    table = _table(sandbox, parts["table"])
    rows = _matching(table, parts["where"])
    limit = min(int(parts["limit"]), SITE_CAP)
    found: dict[str, Any] = {"fields": _fields(table), "records": _records(table, rows[:limit])}
    return found | ({"records_truncated": True} if min(len(rows), int(parts["limit"])) > SITE_CAP else {})


def _matching(table: Table, where: str) -> Rows:
    try:
        mask = filter_rows(table, where)
    except NoSuchColumnError as error:
        raise ActionError(409, "Validation Error", f'column "{error}" does not exist') from error
    except QuerySyntaxError as error:
        raise ActionError(409, "Validation Error", f"syntax error: {error}") from error
    rows: Rows = mask.nonzero()[0]
    return rows


def _order(table: Table, sort: str) -> list[tuple[str, bool]]:
    """The order asked for; names with blanks stand in double quotes."""
    keys: list[tuple[str, bool]] = []
    for part in filter(None, sort.split(",")):
        match = _SORT.fullmatch(part)
        name = match[1].strip('"') if match else part
        if match is None or not table.has(name):
            raise ActionError(409, "Validation Error", f'field "{name}" not in table')
        keys.append((name, (match[2] or "").lower() == "desc"))
    return keys


def _fields(table: Table) -> list[dict[str, str]]:
    return [
        {"id": column.name, "type": "int" if column.name == "_id" else _TYPES[column.kind]}
        for column in table.columns.values()
    ]


def _records(table: Table, rows: Rows) -> list[dict[str, Any]]:
    return [{name: _value(column.at(int(row))) for name, column in table.columns.items()} for row in rows]


def _value(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float | str) else str(value)[:19]


def _whole(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdigit():
        raise ActionError(409, "Validation Error", f"{name}: Must be a natural number")
    return int(text)
