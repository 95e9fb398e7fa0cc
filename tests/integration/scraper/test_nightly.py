"""The nightly permits: a workflow a city, through the source check, with true counts."""

from __future__ import annotations

from uuid import UUID

from shared.sandbox.misbehaviour import FaultKind
from tests.factories.cities import city_of, configure, decisions, disable, permits_of
from tests.factories.steps import Bench
from tests.factories.town import ServedTown

STEPS = ("source_check", "permits", "date_roofs")
OTHERS = "UPDATE core.step SET status = 'skipped' WHERE service <> 'scraper'"


async def activate(at: Bench, *cities: str) -> None:
    await at.rows("UPDATE target_cities SET active = city = ANY (:cities)", cities=list(cities))


async def children(at: Bench, parent: UUID) -> dict[str, UUID]:
    """The city workflows of a night, by city."""
    found = await at.rows(
        "SELECT w.id, c.city FROM core.workflow w JOIN target_cities c ON c.id = w.subject_id WHERE w.parent_id = :id",
        id=parent,
    )
    return {row.city: row.id for row in found}


async def night(at: Bench) -> tuple[UUID, dict[str, UUID]]:
    """One run of the job with all its children."""
    parent = await at.begin("refresh_permits", None)
    await at.run(parent, "refresh_permits")
    started = await children(at, parent)
    await at.rows(OTHERS)
    for child in started.values():
        await at.run(child, *STEPS)
    await at.run(parent, "refresh_permits")
    return parent, started


async def test_a_city_that_fails_stops_no_other_and_the_run_says_so(scraper: Bench, town: ServedTown) -> None:
    await activate(scraper, "Harrow", "Ellery", "Marn")
    await disable(scraper, "ellery_fl_permits")
    await configure(scraper, await city_of(scraper, "Marn"), kind="carrier pigeon")
    parent, started = await night(scraper)
    reasons = {city: (await scraper.step(child, "source_check")).reason for city, child in started.items()}
    assert await scraper.status(started["Harrow"]) == "done"
    assert reasons["Ellery"] == "no source is usable: ellery_fl_permits: not allowed: SOURCE_DISABLED"
    assert reasons["Marn"].startswith(
        "no source is usable: marn_oh_permits: not asked, no reader for sources of kind carrier pigeon"
    )
    assert town.calls("arcgis") == 0
    assert await decisions(scraper, started["Harrow"]) == {"harrow_tx_permits": []}
    step = await scraper.step(parent, "refresh_permits")
    assert (step.status, step.output["done"], step.output["failed"]) == ("done", 1, 2)


async def test_the_event_tells_what_was_stored_and_nothing_new_is_no_event(scraper: Bench) -> None:
    await activate(scraper, "Harrow")
    harrow = await city_of(scraper)
    await night(scraper)
    stored = await permits_of(scraper, harrow)
    newest = await scraper.one("SELECT max(issue_date) FROM roofing_permits WHERE city_id = :id", id=harrow)
    counts = {"stored": stored, "updated": 0, "newest_issued_on": newest.isoformat()}
    first = [{"city_id": str(harrow), "county_id": None, "vertical": "roofing", **counts}]
    assert stored > 0
    assert await scraper.events("permit.scraped") == first
    await night(scraper)
    assert await scraper.events("permit.scraped") == first


async def test_a_feed_that_is_down_is_asked_again_within_its_own_workflow(
    scraper: Bench, town: ServedTown
) -> None:
    await activate(scraper, "Harrow", "Ellery")
    town.misbehave("arcgis", FaultKind.UNAVAILABLE)
    parent, started = await night(scraper)
    assert await scraper.status(started["Harrow"]) == "done"
    assert (await scraper.steps(started["Ellery"]))["source_check"] == "ready"
    assert (await scraper.step(parent, "refresh_permits")).status == "waiting"
