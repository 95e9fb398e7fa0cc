"""Which method reads a page: tried in order, remembered while it works, never past a refusal."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from shared.errors import (
    ProviderBadAnswer,
    ProviderError,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
)
from shared.http.client import AuthenticationWall, FetchedPage, FetchFacts, FetchSource
from shared.providers.page_reading import CHAIN, Method, PageReader, Pin, RememberedPins, Visit
from shared.providers.page_reading.recipe import ListRecipe, PageRecipe, Texts
from shared.providers.page_reading.tree import PageTree, Place
from tests.factories.fetching import decide_fetch

SOURCE = FetchSource("town", tos="allowed", enabled=True)
VISIT = Visit("https://town.test/permits", SOURCE)
RECIPE = ListRecipe.model_validate(
    {
        "row": {"css": "tr"},
        "cells": [
            {"field": "number", "css": "td:nth-child(1)", "required": True},
            {"field": "day", "xpath": "td[2]/text()"},
            {"field": "more", "css": "a", "attribute": "href"},
        ],
        "empty_text": "no permits found",
    }
)
ROWS = "<table><tr><th>Number</th></tr><tr><td>P-1<td> 03/01/2026 <td><a href='/x?1'>more</a></tr></table>"
SHELL = "<div id='app'></div><script>load()</script>"


@dataclass
class Scripted:
    """A method that answers what the test says."""

    method: Method
    answer: str | Exception = ""
    status: int = 200
    content_type: str = "text/html"
    asked: list[str] = field(default_factory=list)

    async def fetch(self, visit: Visit, recipe: PageRecipe) -> FetchedPage:
        self.asked.append(visit.url)
        if isinstance(self.answer, Exception):
            raise self.answer
        verdict = await decide_fetch(FetchFacts(200, True, False, "allowed", True))
        body = self.answer.encode()
        return FetchedPage(visit.url, self.status, self.content_type, body, datetime.now(UTC), verdict)


class Desk:
    """Every method, its memory and its model."""

    def __init__(self, **answers: str | Exception) -> None:
        self.fetchers = {m: Scripted(m, answers.get(m.value, SHELL)) for m in CHAIN}
        self.pins = RememberedPins()
        self.model: Finder | None = None

    async def read(self, visit: Visit = VISIT) -> tuple[tuple[Texts, ...], str]:
        reader = PageReader(tuple(self.fetchers.values()), self.pins, self.model)
        reading = await reader.read(visit, RECIPE)
        return reading.rows, reading.method

    def asked(self) -> set[Method]:
        return {method for method, fetcher in self.fetchers.items() if fetcher.asked}


@dataclass
class Finder:
    found: list[Texts] | ProviderError

    async def rows(self, text: str, recipe: PageRecipe) -> list[Texts]:
        if isinstance(self.found, ProviderError):
            raise self.found
        return self.found


async def test_plain_http_comes_first_and_is_pinned_where_the_recipe_is_content() -> None:
    desk = Desk(http=ROWS)
    assert await desk.read() == (({"number": "P-1", "day": "03/01/2026", "more": "/x?1"},), "http")
    assert desk.asked() == {Method.HTTP}
    assert desk.pins.pins == {"town": Pin(Method.HTTP)}


@pytest.mark.parametrize("works", [Method.CRAWL4AI, Method.PLAYWRIGHT, Method.SELENIUM])
async def test_the_chain_is_tried_in_its_order_until_one_works_which_is_pinned(works: Method) -> None:
    desk = Desk(**{works: ROWS})
    _, method = await desk.read()
    assert method == works
    before = set(CHAIN[: CHAIN.index(works)])
    assert desk.asked() == before | {Method.HTTP, works}
    assert desk.pins.pins == {"town": Pin(works)}
    await desk.read()
    assert len(desk.fetchers[Method.HTTP].asked) == 1, "the pinned method is asked first"


async def test_a_pinned_method_that_fails_gives_way_to_the_chain() -> None:
    desk = Desk(selenium=ProviderUnavailable("gone"), playwright=ROWS)
    desk.pins.pins["town"] = Pin(Method.SELENIUM)
    assert (await desk.read())[1] == "playwright"
    assert desk.pins.pins == {"town": Pin(Method.PLAYWRIGHT)}
    assert desk.pins.failures["town"][0] == "selenium: gone"
    assert Method.HTTP not in desk.asked()


async def test_where_none_works_everyones_words_are_told_and_the_source_rests() -> None:
    desk = Desk(playwright=ProviderRejected("chromium is not installed here"))
    desk.pins.pins["town"] = Pin(Method.SELENIUM)
    with pytest.raises(ProviderBadAnswer, match="playwright: chromium is not installed here") as told:
        await desk.read()
    assert "http: the recipe finds no row" in told.value.detail
    assert "crawl4ai+llm: no model is configured" in told.value.detail
    assert desk.pins.pins == {"town": Pin(Method.SELENIUM, resting=True)}
    with pytest.raises(ProviderBadAnswer):
        await desk.read()
    assert [len(desk.fetchers[m].asked) for m in CHAIN] == [1, 1, 2, 1], "for an hour the pinned one alone"
    desk.fetchers[Method.SELENIUM].answer = ROWS
    await desk.read()
    assert desk.pins.pins == {"town": Pin(Method.SELENIUM)}


async def test_a_host_that_is_down_is_asked_again_later() -> None:
    desk = Desk(http=ProviderUnavailable("the host answered 502"), crawl4ai=ROWS)
    with pytest.raises(ProviderUnavailable):
        await desk.read()
    assert desk.asked() == {Method.HTTP}, "a moment's failure does not move a source to a browser for good"
    assert desk.pins.pins == {}


@pytest.mark.parametrize(
    "refusal", [AuthenticationWall("a log-in"), ProviderRateLimited("slowly", retry_after=9)]
)
async def test_a_refusal_is_final(refusal: Exception) -> None:
    desk = Desk(http=refusal)
    with pytest.raises(type(refusal)):
        await desk.read()
    assert desk.asked() == {Method.HTTP}


async def test_the_operators_method_is_the_only_one() -> None:
    desk = Desk(http=ROWS)
    with pytest.raises(ProviderBadAnswer):
        await desk.read(Visit(VISIT.url, SOURCE, method=Method.SELENIUM))
    assert desk.asked() == {Method.SELENIUM}
    assert desk.pins.pins == {}


async def test_a_page_that_says_it_is_empty_is_no_failure_and_pins_nothing() -> None:
    desk = Desk(http="<p>Sorry, No Permits found.</p>")
    assert await desk.read() == ((), "http")
    assert desk.pins.pins == {}


async def test_a_page_that_is_not_there_is_told_at_once() -> None:
    desk = Desk()
    desk.fetchers[Method.HTTP].status = 404
    assert await desk.read() == ((), "http")


async def test_rows_without_what_is_required_are_not_enough() -> None:
    half = "<table><tr><td></td><td>03/01/2026</td></tr><tr><td></td><td>03/02/2026</td></tr></table>"
    desk = Desk(http=half)
    with pytest.raises(ProviderBadAnswer, match="http: the recipe finds 2 rows without number"):
        await desk.read()


async def test_the_model_is_asked_only_after_crawl4ai_and_only_where_the_recipe_finds_nothing() -> None:
    desk = Desk()
    desk.model = Finder([{"number": "P-1"}])
    assert await desk.read() == (({"number": "P-1"},), "crawl4ai+llm")
    assert desk.pins.pins == {"town": Pin(Method.CRAWL4AI)}
    assert desk.asked() == {Method.HTTP, Method.CRAWL4AI}
    desk = Desk(crawl4ai=ROWS)
    desk.model = Finder(ProviderUnavailable("must not be asked"))
    assert (await desk.read())[1] == "crawl4ai"


@pytest.mark.parametrize("found", [[], [{"day": "03/01/2026"}], ProviderUnavailable("the model is asleep")])
async def test_a_model_that_finds_too_little_is_passed_over(found: list[Texts] | ProviderError) -> None:
    desk = Desk(playwright=ROWS)
    desk.model = Finder(found)
    assert (await desk.read())[1] == "playwright"
    assert any(told.startswith("crawl4ai+llm: ") for told in desk.pins.failures["town"])


def test_what_a_reader_sees_is_told_without_scripts_and_hidden_parts() -> None:
    page = """<html><head><title>T</title></head><body><script>var a = 'secret'</script><p>Permits <b>2026</b></p>
    <div style="display: none">ignore me</div><span hidden>me too</span><!-- and me -->
    <table><tr><th>No</th><th>Day</th></tr><tr><td>P-1</td><td>03/01</td></tr></table></body></html>"""
    assert PageTree(page).visible.splitlines() == ["Permits 2026", "No | Day", "P-1 | 03/01"]


def test_a_page_may_nest_as_deep_as_it_likes_or_be_empty() -> None:
    assert PageTree("<div>" * 50_000 + "x").visible in ("", "x")
    assert PageTree("").visible == ""
    assert PageTree('<?xml version="1.0" encoding="latin-1"?><p>x</p>').visible == "x"


@pytest.mark.parametrize(
    "place", [{}, {"css": "a", "xpath": "//a"}, {"css": "td["}, {"xpath": "//td["}, {"css": ""}]
)
def test_a_place_is_one_selector_that_can_be_asked(place: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Place.model_validate(place)
