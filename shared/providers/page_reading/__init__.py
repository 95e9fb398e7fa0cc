"""Pages that somebody else wrote, read by the first method that works; what works is remembered by source.

A page is read by plain HTTP where that is enough. Where it is not, the chain is tried in its order: a browser driven by
Crawl4AI (with a local model where the recipe finds nothing), by Playwright, by Selenium, and plain HTTP. A refusal (by
the registry, robots.txt, the address guard, a log-in or a CAPTCHA) is final: no other method tries to get past it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from shared.errors import ProviderBadAnswer, ProviderError, ProviderRateLimited, ProviderRejected
from shared.http.client import FetchedPage, FetchSource
from shared.providers.page_reading.metrics import PAGES
from shared.providers.page_reading.recipe import PageRecipe, Texts, is_complete
from shared.providers.page_reading.tree import PageTree

HTML: Final = ("text/html", "application/xhtml+xml")
BY_MODEL: Final = "+llm"
"""Behind the method of a row that a model found on the page."""


class Method(StrEnum):
    """How a page is read."""

    HTTP = "http"
    CRAWL4AI = "crawl4ai"
    PLAYWRIGHT = "playwright"
    SELENIUM = "selenium"


CHAIN: Final = (Method.CRAWL4AI, Method.PLAYWRIGHT, Method.SELENIUM, Method.HTTP)
PROBE: Final = tuple(dict.fromkeys((Method.HTTP, *CHAIN)))
"""What a source is tried by that nobody has read yet."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One page to read; `configured` marks a configured source's own URL, never one found in data.

    A `method` other than None is the operator's word: no other is tried.
    """

    url: str
    source: FetchSource
    configured: bool = True
    method: Method | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a page said, and the method that made it say so."""

    page: FetchedPage
    rows: tuple[Texts, ...]
    method: str


class Fetcher(Protocol):
    """Gets one page, through the gate of GuardedFetcher."""

    method: Method

    async def fetch(self, visit: Visit, recipe: PageRecipe) -> FetchedPage:
        """The page; raises what GuardedFetcher.fetch raises."""


class Model(Protocol):
    """Finds values in a page's text; what it says has been held against that text."""

    async def rows(self, text: str, recipe: PageRecipe) -> list[Texts]:
        """Rows whose every value stands in the text; raises a ProviderError where there is no answer."""


@dataclass(frozen=True, slots=True)
class Pin:
    """What is remembered of a source: the method that last worked, and whether all have failed within the hour."""

    method: Method | None = None
    resting: bool = False


class Pins(Protocol):
    """The memory of how sources are read."""

    async def recall(self, source_key: str) -> Pin:
        """What is known of a source."""

    async def pin(self, source_key: str, method: Method, failures: Sequence[str]) -> None:
        """Remember the method that worked, and what the others said before it."""

    async def note_failure(self, source_key: str, failures: Sequence[str]) -> None:
        """Remember that no method worked now; the pinned one stays the first to be tried."""


@dataclass
class RememberedPins:
    """Pins of this process alone: for tools and tests that have no database."""

    pins: dict[str, Pin] = field(default_factory=dict)
    failures: dict[str, tuple[str, ...]] = field(default_factory=dict)

    async def recall(self, source_key: str) -> Pin:
        """What is known of a source."""
        return self.pins.get(source_key, Pin())

    async def pin(self, source_key: str, method: Method, failures: Sequence[str]) -> None:
        """Remember the method that worked, and what the others said before it."""
        self.pins[source_key], self.failures[source_key] = Pin(method), tuple(failures)

    async def note_failure(self, source_key: str, failures: Sequence[str]) -> None:
        """Remember that no method worked now; the pinned one stays the first to be tried."""
        known = self.pins.get(source_key, Pin())
        self.pins[source_key], self.failures[source_key] = Pin(known.method, resting=True), tuple(failures)


class PageReader:
    """Reads pages by recipe with the method that works for their source."""

    def __init__(
        self, fetchers: Sequence[Fetcher] = (), pins: Pins | None = None, model: Model | None = None
    ) -> None:
        self._fetchers = {fetcher.method: fetcher for fetcher in fetchers}
        self._pins, self._model = pins or RememberedPins(), model

    async def read(self, visit: Visit, recipe: PageRecipe) -> Reading:
        """What the page says; no rows where it says so itself or is not there (404).

        ProviderBadAnswer with what each method said where none understands the page.
        """
        if visit.method is not None:
            return await self._in_order(visit, recipe, (visit.method,), [])
        known = await self._pins.recall(visit.source.key)
        failures: list[str] = []
        try:
            reading = await self._in_order(visit, recipe, _order(known), failures)
        except ProviderError:
            if failures and not known.resting:
                await self._pins.note_failure(visit.source.key, failures)
            raise
        method = Method(reading.method.removesuffix(BY_MODEL))
        if reading.rows and (known.resting or method is not known.method):
            await self._pins.pin(visit.source.key, method, failures)
        return reading

    async def _in_order(
        self, visit: Visit, recipe: PageRecipe, order: Sequence[Method], failures: list[str]
    ) -> Reading:
        """The first method's reading that holds what the recipe needs; `failures` tells of those before it."""
        unanswered: ProviderError | None = None
        for method in order:
            try:
                reading = await self._by(method, visit, recipe, failures)
            except ProviderRateLimited:
                raise  # the host asked us to wait: another method would not
            except ProviderError as error:
                if method is Method.HTTP and error.retryable:
                    raise  # a host that does not answer now says nothing against plain HTTP
                PAGES.labels(method, "failed").inc()
                failures.append(f"{method}: {error.detail}")
                unanswered = unanswered or (error if error.retryable else None)
                continue
            if reading is not None:
                PAGES.labels(reading.method, "read").inc()
                return reading
            PAGES.labels(method, "not_understood").inc()
        if unanswered is not None:
            raise unanswered
        raise ProviderBadAnswer(
            f"no method understands the page: {'; '.join(failures)}",
            provider=visit.source.key,
            reason="page_not_understood",
        )

    async def _by(
        self, method: Method, visit: Visit, recipe: PageRecipe, failures: list[str]
    ) -> Reading | None:
        if method not in self._fetchers:
            raise ProviderRejected("not set up here", provider=visit.source.key)
        page = await self._fetchers[method].fetch(visit, recipe)
        if page.status != 200:
            return Reading(page, (), method)
        if page.content_type not in HTML:
            raise ProviderBadAnswer(f"HTML was promised, {page.content_type[:80]} came", provider=method)
        tree = PageTree(page.text())
        rows = recipe.rows(tree)
        if is_complete(rows, recipe.required()):
            return Reading(page, tuple(rows), method)
        if not rows and recipe.says_nothing(tree):
            return Reading(page, (), method)
        failures.append(f"{method}: the recipe finds {_missing(rows, recipe)}")
        return await self._by_model(page, tree, recipe, failures) if method is Method.CRAWL4AI else None

    async def _by_model(
        self, page: FetchedPage, tree: PageTree, recipe: PageRecipe, failures: list[str]
    ) -> Reading | None:
        """What the local model finds where the recipe does not."""
        label = f"{Method.CRAWL4AI}{BY_MODEL}"
        if self._model is None:
            failures.append(f"{label}: no model is configured")
            return None
        try:
            rows = await self._model.rows(tree.visible, recipe)
        except ProviderError as error:
            failures.append(f"{label}: {error.detail}")
            return None
        if not is_complete(rows, recipe.required()):
            failures.append(f"{label}: the model finds {_missing(rows, recipe)}")
            return None
        return Reading(page, tuple(rows), label)


def _order(known: Pin) -> Sequence[Method]:
    """The methods to try; where all have just failed a source is not visited by one after the other again."""
    if known.resting:
        return (known.method or Method.HTTP,)
    return PROBE if known.method is None else tuple(dict.fromkeys((known.method, *CHAIN)))


def _missing(rows: Sequence[Texts], recipe: PageRecipe) -> str:
    if not rows:
        return "no row"
    missing = sorted(name for name in recipe.required() if sum(name in row for row in rows) * 2 < len(rows))
    return f"{len(rows)} rows without {', '.join(missing) or 'all of their fields'}"
