"""Pages that only a browser can read: the same gate as every fetch, then Chromium by one of its drivers."""

from __future__ import annotations

from shared.http.client import FetchedPage, GuardedFetcher
from shared.providers.page_reading import Method, Visit
from shared.providers.page_reading.chromium import Browser
from shared.providers.page_reading.recipe import PageRecipe


class BrowserFetcher:
    """A driver as a method; nothing is opened before `can_fetch` has said yes and the host's turn has come."""

    def __init__(self, method: Method, fetcher: GuardedFetcher, browser: Browser) -> None:
        self.method, self._fetcher, self._browser = method, fetcher, browser

    async def fetch(self, visit: Visit, recipe: PageRecipe) -> FetchedPage:
        """The page as a reader sees it."""
        gate = self._fetcher.turn(visit.url, visit.source, configured=visit.configured)
        async with gate as decision:
            shown = await self._browser.show(
                visit.url, self.method, recipe.waits_for(), configured=visit.configured
            )
        return await self._fetcher.rendered(visit.url, shown, visit.source, decision)
