"""A city's own permit pages. `{base}/{town}/{view}?page=&since=`.

The same permits in four views: `list` is a table as it comes, `app` is empty until its script has fetched and written the
rows, `cards` is the new design that no recipe knows yet, `members` asks for a log-in.
"""

from __future__ import annotations

from html import escape

import numpy as np
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse, Response

from shared.sandbox.datasets import report_permits
from shared.sandbox.state import Sandbox
from shared.sandbox.table import Table
from shared.sandbox.town import Town, place_named

PAGE_ROWS = 25
FIELDS = {
    "Permit Number": "PERMIT #",
    "Issued": "DATE ISSUED",
    "Address": "ADDRESS",
    "Permit Type": "PERMIT TYPE",
    "Description": "PROJECT NAME",
    "Valuation": "DECLARED VALUATION",
    "Status": "STATUS",
}
NOTHING = "No permits match your search."
SCRIPT = """
fetch('rows' + location.search).then(answer => answer.json()).then(found => setTimeout(() => {
  const cell = text => { const td = document.createElement('td'); td.textContent = text; return td; };
  const body = document.querySelector('#permits tbody');
  for (const row of found.rows) {
    const tr = document.createElement('tr');
    tr.append(...row.map(cell));
    body.append(tr);
  }
  if (!found.rows.length) document.querySelector('#said').textContent = found.nothing;
  if (found.more) document.querySelector('#pager').innerHTML = '<a class="next" href="#">Next</a>';
}, 150));
"""


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the pages."""
    routes = APIRouter(prefix="/html_portal")

    @routes.get("/{town}/{view}")
    def page(town: str, view: str, page: int = 1, since: str = "1900-01-01") -> Response:
        place = place_named(town)
        if place is None or view not in ("list", "rows", "app", "cards", "members", "staff"):
            return HTMLResponse(_page("Not Found", "<p>No such page.</p>"), status_code=404)
        if view in ("members", "staff"):
            return HTMLResponse(
                _page("Sign in", "<form><input name='u'><input type='password' name='p'></form>")
            )
        there = sandbox.towns.of(place)
        rows, more = _found(sandbox, there, max(1, page), since)
        if view == "rows":
            return JSONResponse({"rows": rows, "more": more, "nothing": NOTHING})
        return HTMLResponse({"list": _list, "app": _app, "cards": _cards}[view](rows, more=more))

    return routes


def _found(sandbox: Sandbox, town: Town, page: int, since: str) -> tuple[list[list[str]], bool]:
    """The page's permits, newest first, and whether there are more."""
    table = sandbox.towns.derived("report", town.place, report_permits)
    issued = table.column("DATE ISSUED")
    mask = ~issued.null & (issued.values >= np.datetime64(since))
    found = table.sorted_by(mask.nonzero()[0], [("DATE ISSUED", True)])
    shown = found[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    return [_texts(table, int(row)) for row in shown], page * PAGE_ROWS < len(found)


def _texts(table: Table, row: int) -> list[str]:
    return [_text(name, table.column(column).at(row)) for name, column in FIELDS.items()]


def _text(name: str, value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, np.datetime64):
        return f"{value.astype('datetime64[D]').item():%m/%d/%Y}"
    return f"${value:,.2f}" if name == "Valuation" else str(value)


def _table(rows: list[list[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in FIELDS)
    body = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows)
    return f"<table id='permits'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _list(rows: list[list[str]], *, more: bool) -> str:
    said = "" if rows else f"<p>{NOTHING}</p>"
    following = "<a class='next' href='#'>Next</a>" if more else ""
    return _page("Permits issued", f"{_table(rows)}{said}<div id='pager'>{following}</div>")


def _app(_rows: list[list[str]], *, more: bool) -> str:
    del more
    body = f"{_table([])}<p id='said'></p><div id='pager'></div><script>{SCRIPT}</script>"
    return _page("Permits issued", body)


def _cards(rows: list[list[str]], *, more: bool) -> str:
    following = "<a class='next' href='#'>Next</a>" if more else ""
    cards = (
        "".join(f"<p><b>{name}:</b> {escape(text)}</p>" for name, text in zip(FIELDS, row, strict=True))
        for row in rows
    )
    said = "" if rows else f"<p>{NOTHING}</p>"
    return _page("Permits", "".join(f"<section>{card}</section>" for card in cards) + said + following)


def _page(title: str, body: str) -> str:
    return (
        f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>{title}</title></head>"
        f"<body><header><h1>City permit center</h1></header><main>{body}</main>"
        "<footer>Data is provided as is. Questions: call the permit counter, Monday to Friday.</footer></body></html>"
    )
