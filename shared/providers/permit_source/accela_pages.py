"""What Accela Citizen Access pages say: the search form, the grid of records, the pager, and the walls.

Names of controls end the same on every agency's pages; what stands before them is the agency's own.
The grid, its pager and the opaque links are as two public readers of 2026 found them; the names of the
form's date fields and of its button are recalled, and the first real page must confirm them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Final
from urllib.parse import parse_qs, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from shared.providers.permit_source import RawRow

GRID: Final = "dgvPermitList_gdvPermitList"
START_DATE, END_DATE, SEARCH_BUTTON = "txtGSStartDate", "txtGSEndDate", "btnNewSearch"
DETAIL_PAGE: Final = "CapDetail.aspx"
DETAIL_COLUMN: Final = "Detail Link"
DAY: Final = "%m/%d/%Y"
_POSTBACK: Final = re.compile(r"__doPostBack\(\s*['\"]([^'\"]+)['\"]")
_NEXT: Final = re.compile(r"^Next\b")
_WALLS: Final = (
    ("captcha", re.compile(r"g-recaptcha|h-captcha|cf-turnstile", re.IGNORECASE)),
    (
        "anti_bot",
        re.compile(r"_Incapsula_Resource|cf-challenge|cf_chl_|px-captcha|Access Denied", re.IGNORECASE),
    ),
)
_PASSWORD: Final = re.compile(r"<input[^>]+type\s*=\s*[\"']?password", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Grid:
    """The records of one page."""

    columns: tuple[str, ...]
    rows: tuple[RawRow, ...]


class AccelaPage:
    """One page as it came; every next step posts the hidden fields of the page before it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tree = LexborHTMLParser(text)

    @property
    def wall(self) -> str | None:
        """What stands between us and the records (captcha, anti_bot, login_wall); None where nothing does."""
        for name, marker in _WALLS:
            if marker.search(self._text):
                return name
        return "login_wall" if not self.is_search and _PASSWORD.search(self._text) else None

    @property
    def is_whole(self) -> bool:
        """False where the page ends before its own end."""
        return "</html>" in self._text[-200:].lower()

    @cached_property
    def is_search(self) -> bool:
        """True on the page with the search form, before and after a search."""
        return self._named(START_DATE) is not None and self._named(END_DATE) is not None

    @property
    def today(self) -> date | None:
        """The portal's own day, which it fills into the form as the end of the search."""
        field = self._named(END_DATE)
        try:
            text = (field.attributes.get("value") or "") if field is not None else ""
            return datetime.strptime(text.strip(), DAY).date()  # noqa: DTZ007 - a calendar day has no zone
        except ValueError:
            return None

    def search(self, start: date, end: date) -> dict[str, str]:
        """The form that asks for records of these days."""
        form = self._hidden()
        for suffix, day in ((START_DATE, start), (END_DATE, end)):
            field = self._named(suffix)
            if field is not None:
                form[str(field.attributes["name"])] = day.strftime(DAY)
        return form | {"__EVENTTARGET": self._button()}

    def next_page(self) -> dict[str, str] | None:
        """The form that the anchor "Next >" posts; None on the last page, where it is no link."""
        for anchor in self._tree.css("a[href]"):
            target = _POSTBACK.search(anchor.attributes.get("href") or "")
            if target and _NEXT.match(anchor.text(strip=True)):
                return self._hidden() | {"__EVENTTARGET": target[1]}
        return None

    def grid(self) -> Grid | None:
        """The records on this page; None where the search found none."""
        table = self._tree.css_first(f"table[id$='{GRID}']")
        if table is None:
            return None
        names: tuple[str, ...] = ()
        rows: list[RawRow] = []
        for line in table.css("tr"):
            heads = line.css("th")
            if heads and not names:
                names = tuple(_clean(head) for head in heads)
            elif names and len(cells := line.css("td")) == len(names):
                rows.append(_raw_row(names, cells, line))
        return Grid((*(name for name in names if name), DETAIL_COLUMN), tuple(rows))

    def _named(self, suffix: str) -> LexborNode | None:
        return self._tree.css_first(f"input[name$='{suffix}']")

    def _button(self) -> str:
        """The target behind the search button, whichever way the page names it."""
        anchor = self._tree.css_first(f"a[id$='{SEARCH_BUTTON}']")
        target = _POSTBACK.search((anchor.attributes.get("href") or "") if anchor is not None else "")
        return target[1] if target else f"ctl00$PlaceHolderMain${SEARCH_BUTTON}"

    def _hidden(self) -> dict[str, str]:
        return {
            str(field.attributes["name"]): field.attributes.get("value") or ""
            for field in self._tree.css("input[type='hidden'][name]")
        }


def _raw_row(names: tuple[str, ...], cells: list[LexborNode], line: LexborNode) -> RawRow:
    columns: dict[str, str | None] = {
        name: _clean(cell) or None for name, cell in zip(names, cells, strict=True) if name
    }
    link = line.css_first(f"a[href*='{DETAIL_PAGE}']")
    href = (link.attributes.get("href") or "") if link is not None else ""
    columns[DETAIL_COLUMN] = href or None
    return RawRow(_cap_id(href) or "|".join(value or "" for value in columns.values()), columns)


def _cap_id(href: str) -> str:
    """The three opaque parts of a record's link; they cannot be computed from its number."""
    query: Mapping[str, list[str]] = parse_qs(urlsplit(href).query)
    parts = [query.get(f"capID{part}", [""])[0] for part in (1, 2, 3)]
    return "-".join(parts) if all(parts) else ""


def _clean(node: LexborNode) -> str:
    return " ".join(node.text(separator=" ").split())
