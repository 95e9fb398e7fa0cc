"""A real Chromium by each of its drivers: it shows what scripts write, goes nowhere it may not, and ends in time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import psutil
import pytest
import pytest_asyncio
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from shared.errors import ProviderError, ProviderTimeout, ProviderUnavailable
from shared.http.client import AuthenticationWall, FetchDenied, FetchSource, GuardedFetcher
from shared.http.ssrf import AddressGuard, AddressRefused, GuardedTransport
from shared.providers.page_reading import Method, PageReader, Visit
from shared.providers.page_reading.browser import BrowserFetcher
from shared.providers.page_reading.chromium import Browser, BrowserLimits
from shared.providers.page_reading.recipe import ListRecipe
from tests.factories.fetching import decide_fetch
from tests.factories.pages import needs_chromium, serving

pytestmark = [needs_chromium, pytest.mark.slow]

AGENT = "Ridgeline/0.1 (+https://ridgeline.example/bot; bot@ridgeline.example)"
SOURCE = FetchSource("town", tos="allowed", enabled=True, requests_per_second=1_000)
BROWSERS = (Method.PLAYWRIGHT, Method.SELENIUM, Method.CRAWL4AI)
RECIPE = ListRecipe.model_validate(
    {
        "row": {"css": "#rows tr"},
        "cells": [{"field": "number", "css": "td", "required": True}],
        "empty_text": "no permits found",
    }
)
SCRIPTED = """<!DOCTYPE html><html><head><title>Permits</title></head><body><h1>Permits of the town</h1>
<p>All permits that were issued in the last thirty days, as the permit desk publishes them.</p>
<table id="rows"></table><iframe src="{canary}/frame"></iframe><img src="{canary}/img">
<link rel="stylesheet" href="http://rebound.test/style.css"><script>
for (const there of ['{canary}/fetch', 'http://169.254.169.254/latest/meta-data/', 'http://[::1]/', 'http://rebound.test/'])
  fetch(there, {{mode: 'no-cors'}}).catch(() => 0);
try {{ new WebSocket('{canary}/socket'.replace('http', 'ws')); }} catch (refused) {{}}
fetch('/rows.json').then(answer => answer.json()).then(found => setTimeout(() => {{
  document.querySelector('#rows').innerHTML = found.map(name => `<tr><td>${{name}}</td></tr>`).join('');
}}, 100));
</script></body></html>"""
LOGIN = "<body><div id=a></div><script>a.innerHTML = '<input type=password>'</script>no permits found</body>"
ENDLESS = "<body><script>while (true) {}</script></body>"


@dataclass
class Site:
    """A town's pages, and beside them a server of ours that no page may reach."""

    url: str = ""
    canary: str = ""
    reached: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


def pages_of(site: Site) -> FastAPI:
    app = FastAPI()
    answers: dict[str, Callable[[], Response]] = {
        "robots.txt": lambda: PlainTextResponse("User-agent: *\nDisallow: /closed"),
        "permits": lambda: HTMLResponse(SCRIPTED.format(canary=site.canary)),
        "away": lambda: RedirectResponse(f"{site.canary}/redirected"),
        "login": lambda: HTMLResponse(LOGIN),
        "endless": lambda: HTMLResponse(ENDLESS),
        "rows.json": lambda: PlainTextResponse('["P-1", "P-2"]', media_type="application/json"),
    }

    @app.get("/{path}")
    def page(path: str, request: Request) -> Response:
        site.asked.append((path, request.headers["user-agent"]))
        return answers[path]() if path in answers else Response(status_code=404)

    return app


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    inner = FastAPI()

    @inner.middleware("http")
    async def reached(request: Request, _: Callable[[Request], Awaitable[Response]]) -> Response:
        made.reached.append(request.url.path)
        return PlainTextResponse("secret")

    async with serving(inner) as made.canary, serving(pages_of(made)) as made.url:
        yield made


async def rebound(host: str, _port: int) -> Sequence[str]:
    """A resolver for which every name has moved in with us."""
    return ("127.0.0.1",) if host.endswith(".test") else (host,)


@asynccontextmanager
async def reading(site: Site, limits: BrowserLimits | None = None) -> AsyncIterator[PageReader]:
    guard = AddressGuard([site.url], resolver=rebound)
    async with httpx.AsyncClient(transport=GuardedTransport(guard), trust_env=False) as http:
        fetcher = GuardedFetcher(http, decide_fetch, user_agent=AGENT)
        browser = Browser(guard, user_agent=AGENT, limits=limits or BrowserLimits(patience_seconds=5))
        yield PageReader([BrowserFetcher(method, fetcher, browser) for method in BROWSERS])


def left_behind() -> list[str]:
    """Browsers of ours that still run."""
    running = psutil.Process().children(recursive=True)
    return [each.name() for each in running if "chrom" in each.name() and each.status() != "zombie"]


@pytest.mark.parametrize("method", BROWSERS)
async def test_each_driver_shows_what_scripts_write_and_reaches_nothing_of_ours(
    site: Site, method: Method
) -> None:
    async with reading(site) as reader:
        found = await reader.read(Visit(f"{site.url}/permits", SOURCE, method=method), RECIPE)
    assert [row["number"] for row in found.rows] == ["P-1", "P-2"]
    assert found.method == method
    assert site.paths()[0] == "robots.txt"
    assert {agent for _, agent in site.asked} == {AGENT}
    assert site.reached == []
    assert left_behind() == []


async def test_a_redirect_to_an_address_of_ours_is_refused(site: Site) -> None:
    async with reading(site, BrowserLimits(patience_seconds=0.5)) as reader:
        with pytest.raises(AddressRefused, match="/redirected"):
            await reader.read(Visit(f"{site.url}/away", SOURCE, method=Method.SELENIUM), RECIPE)
    assert site.reached == []


async def test_a_page_that_robots_close_is_not_opened(site: Site) -> None:
    async with reading(site) as reader:
        with pytest.raises(FetchDenied):
            await reader.read(Visit(f"{site.url}/closed", SOURCE, method=Method.SELENIUM), RECIPE)
    assert site.paths() == ["robots.txt"]


async def test_a_log_in_that_a_script_shows_is_a_wall(site: Site) -> None:
    async with reading(site) as reader:
        with pytest.raises(AuthenticationWall):
            await reader.read(Visit(f"{site.url}/login", SOURCE, method=Method.SELENIUM), RECIPE)


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (BrowserLimits(seconds=3, patience_seconds=1), ProviderTimeout),
        (BrowserLimits(memory_bytes=20_000_000), ProviderUnavailable),
    ],
    ids=["time", "memory"],
)
async def test_a_page_that_takes_too_much_is_ended_with_its_browser(
    site: Site, limits: BrowserLimits, error: type[ProviderError]
) -> None:
    async with reading(site, limits) as reader:
        with pytest.raises(error):
            await reader.read(Visit(f"{site.url}/endless", SOURCE, method=Method.PLAYWRIGHT), RECIPE)
    assert left_behind() == []
