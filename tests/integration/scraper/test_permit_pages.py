"""Permit pages through the scraper's steps: which method reads them, what is remembered, and what is refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from shared.sandbox.datasets import report_permits
from tests.factories.cities import city_of, configure, decisions, permits_of
from tests.factories.pages import needs_chromium, portal
from tests.factories.steps import Bench
from tests.factories.town import ServedTown

SOURCE = "harrow_tx_permits"
NIGHT = "2026-11-01"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The town's scripts are done in a fraction of a second."""
    monkeypatch.setenv("BROWSER_PATIENCE_SECONDS", "1")


async def refreshed(at: Bench, feed: dict[str, Any]) -> tuple[UUID, UUID]:
    """The city after one night on the feed, and the night's workflow."""
    city = await city_of(at)
    await configure(at, city, **feed)
    workflow = await at.begin("refresh_city", city, city="Harrow", state="TX")
    await at.run(workflow, "source_check", "permits")
    return city, workflow


async def pin(at: Bench) -> tuple[str | None, list[str]]:
    found = await at.rows("SELECT method, failures FROM page_methods WHERE source_key = :key", key=SOURCE)
    return (found[0].method, list(found[0].failures)) if found else (None, [])


async def methods(at: Bench) -> dict[str | None, int]:
    rows = await at.rows("SELECT read_method, count(*) AS n FROM roofing_permits GROUP BY 1")
    return {row.read_method: row.n for row in rows}


async def test_a_list_that_plain_http_reads_is_never_opened_in_a_browser(
    scraper: Bench, town: ServedTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.providers.page_reading.chromium.find_program", pytest.fail)
    city, workflow = await refreshed(scraper, portal("list"))
    step = await scraper.step(workflow, "permits")
    assert step.status == "done", step.reason
    stored = await permits_of(scraper, city)
    assert stored > 25, "more than a page"
    assert await methods(scraper) == {"http": stored}
    assert await pin(scraper) == ("http", [])


@needs_chromium
async def test_rows_that_a_script_writes_are_read_by_the_pinned_method(
    scraper: Bench, town: ServedTown
) -> None:
    await scraper.rows("INSERT INTO page_methods (source_key, method) VALUES (:key, 'selenium')", key=SOURCE)
    city, workflow = await refreshed(scraper, portal("app", first_days=5))
    assert (await scraper.step(workflow, "permits")).status == "done"
    assert await methods(scraper) == {"selenium": await permits_of(scraper, city)}
    assert await pin(scraper) == ("selenium", [])
    asked = town.sandbox.misbehaviour.calls("html_portal")["by_path"]
    assert asked["GET /harrow/app"] == asked["GET /harrow/rows"], "no page was asked for without a browser"


@needs_chromium
@pytest.mark.slow
async def test_a_new_design_that_no_recipe_knows_is_read_by_the_local_model(
    scraper: Bench, town: ServedTown
) -> None:
    city, workflow = await refreshed(scraper, portal("cards", first_days=5))
    assert (await scraper.step(workflow, "permits")).status == "done"
    stored = await permits_of(scraper, city)
    assert stored > 0
    assert await methods(scraper) == {"crawl4ai+llm": stored}
    assert await pin(scraper) == (
        "crawl4ai",
        ["http: the recipe finds no row", "crawl4ai: the recipe finds no row"],
    )
    known = {row.permit_number for row in await scraper.rows("SELECT permit_number FROM roofing_permits")}
    assert known <= {row["permit_number"] for row in town_permits(town)}


def town_permits(town: ServedTown) -> list[dict[str, str]]:
    """What the town really issued."""
    table = town.sandbox.towns.derived("report", town.town().place, report_permits)
    return [{"permit_number": table.column("PERMIT #").at(row)} for row in range(len(table))]


@pytest.mark.parametrize(("view", "reason"), [("members", "login"), ("staff", "ROBOTS_DISALLOW")])
async def test_a_wall_is_told_by_its_name_and_no_other_method_tries_it(
    scraper: Bench, town: ServedTown, view: str, reason: str
) -> None:
    _, workflow = await refreshed(scraper, portal(view))
    step = await scraper.step(workflow, "source_check")
    assert step.status == "dead"
    assert reason in step.reason
    assert town.calls("html_portal") == (1 if view == "members" else 0)
    assert await pin(scraper) == (None, [])
    assert SOURCE in await decisions(scraper, workflow)
