"""Accela Citizen Access: the town of Sable's search pages. `{base}/SABLE/Cap/CapHome.aspx?module=Building`.

Ten records a page behind a windowed pager; each page can only be left through its own view state, and a
search with one hit goes straight to that record.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from html import escape
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from shared.sandbox.datasets import report_permits
from shared.sandbox.state import Sandbox
from shared.sandbox.table import Table
from shared.sandbox.town import Town, place_named

AGENCIES: dict[str, str] = {"SABLE": "sable"}
"""Agency code -> town."""
MODULES = ("Building",)
PAGE_ROWS, PAGER_WINDOW = 10, 10
FORM = "ctl00$PlaceHolderMain$generalSearchForm$"
BUTTON = "ctl00$PlaceHolderMain$btnNewSearch"
GRID = "ctl00_PlaceHolderMain_dgvPermitList_gdvPermitList"
PAGER = "ctl00$PlaceHolderMain$dgvPermitList$gdvPermitList$ctl13$ctl"
HEADS = {
    "Date": "DATE SUBMITTED",
    "Record Number": "PERMIT #",
    "Record Type": "PERMIT TYPE",
    "Address": "ADDRESS",
    "Description": "PROJECT NAME",
    "Status": "STATUS",
}
_ERROR_PAGE = "/accela_portal/Error.aspx"


@dataclass(frozen=True, slots=True)
class View:
    """What a page knows of itself: the search and the number of the page."""

    start: str = ""
    end: str = ""
    page: int = 0

    @classmethod
    def of(cls, state: str) -> View | None:
        """The view in a page's state; None where it was not ours."""
        try:
            return cls(*json.loads(base64.b64decode(state)))
        except (ValueError, TypeError):
            return None

    def state(self) -> str:
        """The view as a hidden field."""
        return base64.b64encode(json.dumps([self.start, self.end, self.page]).encode()).decode()


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the portal."""
    routes = APIRouter(prefix="/accela_portal")

    @routes.get("/{agency}/Cap/CapHome.aspx")
    def form(agency: str, module: str = "") -> Response:
        place = place_named(AGENCIES.get(agency, ""))
        if place is None or module not in MODULES:
            return RedirectResponse(_ERROR_PAGE, status_code=302)
        answer = _page(sandbox.towns.of(place), View(), "")
        answer.set_cookie("ASP.NET_SessionId", token_hex(12), httponly=True)
        return answer

    @routes.post("/{agency}/Cap/CapHome.aspx")
    async def post(agency: str, request: Request) -> Response:
        place = place_named(AGENCIES.get(agency, ""))
        sent = parse_qs((await request.body()).decode("ascii"), keep_blank_values=True)
        posted = {name: values[0] for name, values in sent.items()}
        view = View.of(posted.get("__VIEWSTATE", ""))
        if place is None or view is None or "ASP.NET_SessionId" not in request.cookies:
            return RedirectResponse(_ERROR_PAGE, status_code=302)
        return _results(sandbox.towns.of(place), _turned(view, posted), sandbox)

    return routes


def _turned(view: View, posted: dict[str, str]) -> View:
    """The view after a click: the button begins a search, the pager goes on in that of the page it stands on."""
    target = posted.get("__EVENTTARGET", "")
    if target == BUTTON:
        return View(posted.get(f"{FORM}txtGSStartDate", ""), posted.get(f"{FORM}txtGSEndDate", ""), 0)
    return View(view.start, view.end, int(target.removeprefix(PAGER) or 0))


def _results(town: Town, view: View, sandbox: Sandbox) -> Response:
    table = sandbox.towns.derived("report", town.place, report_permits)
    found = _found(table, view)
    if len(found) == 1:
        return RedirectResponse(f"CapDetail.aspx?{_cap(town, found[0])}", status_code=302)
    if not found:
        return _page(town, view, "<span>Your search returned no results.</span>")
    rows = found[view.page * PAGE_ROWS : (view.page + 1) * PAGE_ROWS]
    head = "<th></th>" + "".join(f"<th><a>{name}</a></th>" for name in HEADS)
    body = "".join(_row(town, table, row) for row in rows)
    pages = -(-len(found) // PAGE_ROWS)
    grid = f"<table id='{GRID}' pagecount='{pages}'><tr>{head}</tr>{body}</table>"
    return _page(town, view, grid + _pager(view.page, pages))


def _found(table: Table, view: View) -> list[int]:
    """Records of these days, newest first."""
    first, last = (datetime.strptime(text, "%m/%d/%Y") for text in (view.start, view.end))  # noqa: DTZ007
    opened = table.column("DATE SUBMITTED")
    days = opened.values.astype("datetime64[D]")
    mask = ~opened.null & (days >= first.date()) & (days <= last.date())
    return [int(row) for row in table.sorted_by(mask.nonzero()[0], [("DATE SUBMITTED", True)])]


def _cap(town: Town, row: int) -> str:
    seal = (row * 40_503 + 7) % 65_536
    return f"Module=Building&capID1={town.day(0):%y}CAP&capID2=00000&capID3={seal:04X}{row:04X}"


def _row(town: Town, table: Table, row: int) -> str:
    cells = []
    for name, column in HEADS.items():
        text = _text(table.column(column).at(row))
        inner = f"<span><span id='{GRID}_ctl{row}_lbl{name.replace(' ', '')}1'>{escape(text)}</span></span>"
        if name == "Record Number":
            inner = f"<a href='CapDetail.aspx?{escape(_cap(town, row))}'>{inner}</a>"
        cells.append(f"<td>{inner}</td>")
    return f"<tr class='ACA_TabRow_Odd'><td><input type='checkbox'></td>{''.join(cells)}</tr>"


def _text(value: Any) -> str:
    if value is None or isinstance(value, str | float | int):
        return "" if value is None else str(value)
    return f"{value.astype('datetime64[D]').item():%m/%d/%Y}"


def _pager(page: int, pages: int) -> str:
    """Ten numbers and the arrows around them; where there is nowhere to go the arrow is no link."""
    first = page - page % PAGER_WINDOW
    numbers = "".join(
        _step(str(n + 1), n) for n in range(first, min(first + PAGER_WINDOW, pages)) if n != page
    )
    following = _step("Next &gt;", page + 1) if page + 1 < pages else "<span>Next &gt;</span>"
    return f"<table class='aca_pagination'><tr><td>{numbers}{following}</td></tr></table>"


def _step(label: str, page: int) -> str:
    return f'<a href="javascript:__doPostBack(&#39;{PAGER}{page:02}&#39;,&#39;&#39;)">{label}</a>'


def _page(town: Town, view: View, results: str) -> HTMLResponse:
    today, start = f"{town.day(0):%m/%d/%Y}", f"{town.day(30):%m/%d/%Y}"
    hidden = {"__EVENTTARGET": "", "__EVENTARGUMENT": "", "__VIEWSTATE": view.state()}
    fields = "".join(f"<input type='hidden' name='{name}' value='{text}'>" for name, text in hidden.items())
    return HTMLResponse(
        f"<!DOCTYPE html><html><head><title>Citizen Access</title></head><body><form method='post'>{fields}"
        "<a href='../Login.aspx'>Login</a>"
        f"<input type='text' name='{FORM}txtGSStartDate' value='{view.start or start}'>"
        f"<input type='text' name='{FORM}txtGSEndDate' value='{view.end or today}'>"
        f"<a id='{BUTTON.replace('$', '_')}' href=\"javascript:__doPostBack(&#39;{BUTTON}&#39;,&#39;&#39;)\">Search</a>"
        f"{results}</form></body></html>"
    )
