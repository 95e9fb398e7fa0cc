"""A city's permit pages in HTML: a list read by its recipe, page by page, by whichever method works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Final

import orjson

from shared.errors import InvalidInput, ProviderBadAnswer
from shared.http.client import FetchSource
from shared.providers.base import ProviderDeps
from shared.providers.page_reading import Method, Reading, Visit
from shared.providers.page_reading.recipe import Texts
from shared.providers.page_reading.tree import PageTree
from shared.providers.permit_source import Column, ColumnKind, RawRow, RowPage, SourceConfig
from shared.providers.permit_source.portal import PageWatch
from shared.providers.settings import VENDORS, ProviderSettings

FIRST_DAYS: Final = 365
MOST_PAGES: Final = 2_000
SAMPLE_PAGES: Final = 2
"""A page costs its host a visit, in a browser some seconds: two tell enough."""


class HtmlPortal:
    """Reads a list from its first page on; the address of every page is ours, no link is followed."""

    name = "html_portal"

    def __init__(self, config: SourceConfig, settings: ProviderSettings, deps: ProviderDeps) -> None:
        if config.recipe is None:
            raise InvalidInput("the pages of a portal need a recipe", source=config.key)
        self._config, self._recipe, self._deps = config, config.recipe, deps
        root = settings.base_url(self.name)
        self._url = config.portal_url or f"{root}/{(config.portal_path or '').lstrip('/')}"
        rate = config.requests_per_second or VENDORS[self.name].requests_per_second
        self._source = FetchSource(config.key, tos="allowed", enabled=True, requests_per_second=rate)
        self._first: Reading | None = None
        self._only = None if config.method == "auto" else Method(config.method)

    async def pages(self, *, since: date | None = None, cursor: str | None = None) -> AsyncIterator[RowPage]:
        """Pages of rows dated `since` or later, resuming after the cursor of an earlier page."""
        number, day = self._position(since, cursor)
        watch = PageWatch(self.name, self._config.key)
        while True:
            reading = await self._read(number, day)
            rows = tuple(self._row(texts) for texts in reading.rows)
            watch.check(rows)
            number += 1
            following = orjson.dumps([number, day.isoformat()]).decode() if self._goes_on(reading) else None
            yield RowPage(rows, following, reading.page.url, reading.page.fetched_at, reading.method)
            if following is None:
                return
            if number - self._recipe.first_page >= MOST_PAGES:
                raise ProviderBadAnswer("the list does not end", provider=self.name, source=self._config.key)

    async def sample(self, rows: int = 5) -> tuple[RawRow, ...]:
        """A few rows from the first pages on; the newest where the portal puts them first."""
        found: list[RawRow] = []
        number, day = self._position(None, None)
        for asked in range(SAMPLE_PAGES):
            reading = await (self._read(number + asked, day) if asked else self._first_page())
            found += (self._row(texts) for texts in reading.rows)
            if len(found) >= rows or not self._goes_on(reading):
                break
        return tuple(found[:rows])

    async def columns(self) -> tuple[Column, ...]:
        """The fields that the recipe finds on the first page today."""
        reading = await self._first_page()
        seen = {name for row in reading.rows for name in row}
        return tuple(Column(name, ColumnKind.TEXT) for name in self._recipe.names() if name in seen)

    async def _first_page(self) -> Reading:
        """The first page, asked for once: columns and sample are told by the same."""
        if self._first is None:
            self._first = await self._read(*self._position(None, None))
        return self._first

    def _position(self, since: date | None, cursor: str | None) -> tuple[int, date]:
        if cursor is None:
            days = self._config.first_days or FIRST_DAYS
            return self._recipe.first_page, since or datetime.now(UTC).date() - timedelta(days=days)
        try:
            number, day = orjson.loads(cursor)
            return int(number), date.fromisoformat(day)
        except (ValueError, TypeError) as error:
            raise InvalidInput("not a cursor of this source") from error

    async def _read(self, number: int, day: date) -> Reading:
        """One page; the registry is asked before anything else, so that a closed host hears nothing of us."""
        await self._deps.gate.admit(self._config.key)
        url = self._url + self._recipe.path.format(page=number, since=day.isoformat())
        visit = Visit(url, self._source, method=self._only)
        reading = await self._deps.pages.read(visit, self._recipe)
        if reading.page.status != 200:
            raise ProviderBadAnswer(
                "no page at this address", provider=self.name, source=self._config.key, reason="gone"
            )
        return reading

    def _goes_on(self, reading: Reading) -> bool:
        """True where another page follows: its link is there, or, without one to look for, there were rows."""
        if self._recipe.next is None or not reading.rows:
            return bool(reading.rows)
        return bool(PageTree(reading.page.text()).all(self._recipe.next))

    def _row(self, texts: Texts) -> RawRow:
        """The row under its own number, or under a hash of what it says."""
        named = [texts[name] for name in sorted(self._recipe.required()) if name in texts]
        body = orjson.dumps(texts, option=orjson.OPT_SORT_KEYS)
        return RawRow("|".join(named) or sha256(body).hexdigest(), dict(texts))
