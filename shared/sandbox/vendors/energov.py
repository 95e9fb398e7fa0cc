"""EnerGov self service: a town's permits by JSON search. `{base}/{town}/apps/selfservice/api/energov/search/search`.

The shapes are recalled, as those of the reader are; what a failure looks like is their common guess.
"""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from shared.sandbox.datasets import report_permits
from shared.sandbox.state import Sandbox
from shared.sandbox.table import Table
from shared.sandbox.town import place_named

PERMITS = 2
MOST_PAGE_ROWS = 100
FIELDS = {
    "CaseNumber": "PERMIT #",
    "CaseType": "PERMIT TYPE",
    "CaseWorkclass": "WORK TYPE",
    "CaseStatus": "STATUS",
    "Description": "PROJECT NAME",
    "ApplyDate": "DATE SUBMITTED",
    "IssueDate": "DATE ISSUED",
    "AddressDisplay": "ADDRESS",
    "MainParcel": "PARCEL",
}


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the portal."""
    routes = APIRouter(prefix="/energov")

    @routes.post("/{town}/apps/selfservice/api/energov/search/search")
    async def search(town: str, request: Request) -> Response:
        place = place_named(town)
        asked: dict[str, Any] = await request.json()
        if place is None:
            return JSONResponse({"Message": "No HTTP resource was found."}, status_code=404)
        if "tenantid" not in request.headers or asked.get("SearchModule") != PERMITS:
            return JSONResponse({"Success": False, "ErrorMessage": "Invalid search module.", "Result": None})
        table = sandbox.towns.derived("report", place, report_permits)
        return JSONResponse(
            {"Success": True, "ErrorMessage": None, "Result": _page(table, asked["PermitCriteria"])}
        )

    return routes


def _page(table: Table, criteria: dict[str, Any]) -> dict[str, Any]:
    issued = table.column("DATE ISSUED")
    mask = np.ones(len(table), dtype=bool)
    if "IssueDateFrom" in criteria:
        mask = ~issued.null & (issued.values >= np.datetime64(criteria["IssueDateFrom"]))
    rows = table.sorted_by(mask.nonzero()[0], [("DATE ISSUED", not criteria["SortAscending"])])
    size = min(int(criteria["PageSize"]), MOST_PAGE_ROWS)
    first = (int(criteria["PageNumber"]) - 1) * size
    return {
        "EntityResults": [_record(table, int(row)) for row in rows[first : first + size]],
        "PermitsFound": len(rows),
        "TotalPages": -(-len(rows) // size),
    }


def _record(table: Table, row: int) -> dict[str, Any]:
    record = {name: _value(table.column(column).at(row)) for name, column in FIELDS.items()}
    return {"CaseId": str(uuid5(NAMESPACE_URL, f"permit {row}")), **record}


def _value(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float | str) else str(value)[:19]
