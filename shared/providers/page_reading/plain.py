"""Plain HTTP: the method of every source that needs no script to show its rows."""

from __future__ import annotations

from shared.http.client import FetchedPage, GuardedFetcher
from shared.providers.page_reading import Method, Visit
from shared.providers.page_reading.recipe import PageRecipe


class PlainFetcher:
    """The guarded fetcher as a method."""

    method = Method.HTTP

    def __init__(self, fetcher: GuardedFetcher) -> None:
        self._fetcher = fetcher

    async def fetch(self, visit: Visit, recipe: PageRecipe) -> FetchedPage:
        """The page as the host sends it."""
        del recipe
        return await self._fetcher.fetch(visit.url, visit.source, configured=visit.configured)
