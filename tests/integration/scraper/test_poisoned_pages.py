"""Sixty poisoned pages: what they say is text and nothing else, in the tables, on the terminal and for the model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from rich.console import Console

from services.scraper.app import service
from services.scraper.service import assessor_facts
from services.scraper.settings import ScraperSettings
from shared.cli.leads import leads_table
from shared.http.client import FetchSource, GuardedFetcher
from shared.providers import language_model
from shared.providers.assessor import ParcelQuery
from shared.providers.assessor.html_site import HtmlSite
from shared.providers.assessor.recipe import Recipe
from shared.providers.page_reading import PageReader
from shared.providers.page_reading.model import ModelReader
from shared.providers.page_reading.plain import PlainFetcher
from shared.providers.page_reading.recipe import ListRecipe
from shared.providers.page_reading.tree import PageTree
from shared.providers.ports import MemoryUsageLog
from shared.providers.settings import ProviderSettings
from shared.sandbox.misbehaviour import FaultKind
from tests.factories.cities import city_of, configure
from tests.factories.fetching import decide_fetch
from tests.factories.leads import make_lead
from tests.factories.pages import FIELDS, PORTAL_RECIPE, portal, serving
from tests.factories.poisoned import EVERY_POISON, PoisonedPage, permit, poisoned_pages
from tests.factories.steps import Bench, bench
from tests.factories.town import ServedTown

pytestmark = pytest.mark.fault(21)

OPEN = FetchSource("county", tos="allowed", enabled=True, requests_per_second=10_000)
COUNTY = Recipe.model_validate(
    {
        "detail_path": "/property/{apn}",
        "search_path": "/search/{street}",
        "result_link_css": "#results a",
        "fields": [
            {"field": "owner_name", "labels": ["Owner"]},
            {"field": "situs_address", "labels": ["Situs"]},
            {"field": "year_built", "kind": "whole", "labels": ["Year Built"]},
            {"field": "market_value_usd", "kind": "money", "labels": ["Market Value"]},
            {"field": "roof_material", "labels": ["Roof Cover"]},
        ],
    }
)


def of_kind(kind: str) -> list[PoisonedPage]:
    return [page for page in poisoned_pages() if page.kind == kind]


@pytest_asyncio.fixture
async def poisoned_city() -> AsyncIterator[str]:
    """A city's permit desk that has been broken into."""
    pages, app = {page.number: page.html for page in of_kind("list")}, FastAPI()

    @app.get("/robots.txt")
    def robots() -> Response:
        return PlainTextResponse("User-agent: *\nAllow: /")

    @app.get("/html_portal/list")
    def page(page: int) -> Response:
        return HTMLResponse(pages[page])

    async with serving(app) as url:
        yield url


@pytest_asyncio.fixture
async def scraper(
    town: ServedTown, poisoned_city: str, database_url: str, redis_url: str, unit_of_work: Any
) -> AsyncIterator[Bench]:
    """The service, for which the city's pages are its permit source."""
    servers = {"database_url": database_url, "redis_url": redis_url, "fetch_trusted_origins": poisoned_city}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTML_PORTAL_BASE_URL", f"{poisoned_city}/html_portal")
        async with bench(service, ScraperSettings, town, unit_of_work, **servers) as at:
            yield at


async def shape(at: Bench) -> list[Any]:
    """Every table with its columns."""
    rows = await at.rows(
        "SELECT table_schema, table_name, column_name FROM information_schema.columns"
        " WHERE table_schema IN ('public', 'core', 'compliance') ORDER BY 1, 2, 3"
    )
    return [tuple(row) for row in rows]


async def test_there_are_sixty_pages() -> None:
    assert len(poisoned_pages()) == 60


async def test_permits_are_stored_as_they_are_written_and_no_lead_is_touched(scraper: Bench) -> None:
    async with scraper.unit_of_work() as uow:
        lead = await make_lead(uow.session, scraper.at.keys, quality_score=55)
    before, tables = await scraper.rows("SELECT * FROM base_leads"), await shape(scraper)
    city = await city_of(scraper)
    await configure(scraper, city, **{**portal("list"), "portal_path": "list"})
    workflow = await scraper.begin("refresh_city", city, city="Harrow", state="TX")
    await scraper.run(workflow, "source_check", "permits", "date_roofs")
    checked = await scraper.step(workflow, "source_check")
    assert checked.status == "done", checked.reason
    step = await scraper.step(workflow, "permits")
    assert (step.status, step.output["stored"]) == ("done", len(EVERY_POISON)), step.reason
    stored = await scraper.rows(
        "SELECT permit_number, work_description, read_method FROM roofing_permits ORDER BY permit_number"
    )
    wanted = [(permit(n, poison)["number"], poison, "http") for n, poison in enumerate(EVERY_POISON, 1)]
    assert [tuple(row) for row in stored] == wanted
    assert await scraper.rows("SELECT * FROM base_leads") == before
    assert await scraper.one("SELECT quality_score FROM base_leads WHERE id = :id", id=lead) == 55
    assert await shape(scraper) == tables


async def test_a_model_that_obeys_a_page_changes_nothing(town: ServedTown) -> None:
    recipe = ListRecipe.model_validate(PORTAL_RECIPE)
    reader = ModelReader(
        language_model.build(ProviderSettings(ollama_base_url=f"{town.url}/ollama"), MemoryUsageLog())
    )
    for page in of_kind("cards"):
        town.sandbox.misbehaviour.reset()
        town.misbehave("ollama", FaultKind.OBEY, count=2, match="/api/chat")
        (row,) = await reader.rows(PageTree(page.html).visible, recipe)
        clean = permit(page.number, page.poison)
        assert set(row) <= set(FIELDS), "no field outside the schema"
        assert row["number"] == clean["number"], "neither a hidden line's nor an order's"
        assert all(row[name] == clean[name] for name in row)


@pytest_asyncio.fixture
async def county() -> AsyncIterator[tuple[HtmlSite, list[str]]]:
    """A county whose pages are poisoned, and what it was asked for."""
    pages = {(page.kind, page.number): page.html for page in poisoned_pages()}
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        kind, _, name = request.url.path.strip("/").partition("/")
        if kind == "robots.txt":
            return httpx.Response(404)
        number = int(name.removeprefix("R-").split()[0])
        return httpx.Response(200, html=pages[kind, number - 100 if kind == "search" else number])

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        fetcher = GuardedFetcher(http, decide_fetch, user_agent="Ridgeline/0.1")
        yield (
            HtmlSite(COUNTY, OPEN, PageReader((PlainFetcher(fetcher),)), base_url="https://county.test"),
            asked,
        )


async def test_an_assessors_page_fills_its_own_fields_with_text_or_nothing(
    county: tuple[HtmlSite, list[str]],
) -> None:
    site, asked = county
    for page in of_kind("property"):
        record = await site.look_up(ParcelQuery(apn=f"R-{page.number}"))
        assert record is not None
        assert (record.owner_name, record.extra) == (page.poison, {}), "no field that no recipe names"
        assert (record.year_built, record.market_value_usd) == (None, None), "a sentence is no number"
        assert set(assessor_facts(record)) <= {
            "year_built", "sqft", "stories", "beds", "baths", "market_value", "assessed_value", "tax_amount",
            "last_sale_on", "last_sale_price", "roof_material",
        }  # fmt: skip
        assert assessor_facts(record)["roof_material"] is None, "a word that is no covering is none"
    assert not any("evil" in url for url in asked)


async def test_a_poisoned_hit_is_a_number_at_the_countys_own_address(
    county: tuple[HtmlSite, list[str]],
) -> None:
    site, asked = county
    for page in of_kind("search"):
        record = await site.look_up(ParcelQuery(street=f"{100 + page.number} OAK ST"))
        del record
    assert {httpx.URL(url).host for url in asked} == {"county.test"}


def test_the_terminal_shows_every_poison_as_it_is(tmp_path: Path) -> None:
    del tmp_path
    blank = {"grade": "B", "quality_score": 55, "price": None, "status": "available", "publish_label": None}
    leads = [
        {
            **blank,
            "condition": poison,
            "address": poison,
            "city": "Harrow",
            "triggers": [poison],
            "reasons": [],
        }
        for poison in EVERY_POISON
    ]
    told = StringIO()
    Console(file=told, width=600, force_terminal=True, color_system=None).print(leads_table(leads))
    assert "\x1b]8" not in told.getvalue(), "no link of the page's own"
    for poison in EVERY_POISON:
        assert poison in told.getvalue()
