"""Feeds that misbehave, through the steps: a reason in the row and in words, a metric, nothing half-written."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.orchestrator.domain.progress import StepView, step_sentence
from services.scraper import metrics
from shared.providers.settings import VENDORS, VendorFacts
from shared.sandbox.misbehaviour import FaultKind
from shared.workflow.control import retry
from tests.factories.cities import city_of, configure, permits_of
from tests.factories.steps import Bench
from tests.factories.town import ServedTown

ROWS, EVERYTHING = "/resource", ""
VERDICTS = ("usable", "refused", "denied", "unanswered")
HTML = "JSON was promised, text/html; charset=utf-8 came"
NO_USE = "no source is usable: harrow_tx_permits: "

# fault, on which of the feed's paths, its options
Fault = tuple[FaultKind, str, dict[str, Any]]
EMPTY: Fault = (FaultKind.EMPTY, ROWS, {})
RENAMED: Fault = (FaultKind.RENAME_COLUMN, ROWS, {})
PAGE: Fault = (FaultKind.HTML, EVERYTHING, {})
CUT: Fault = (FaultKind.TRUNCATE, ROWS, {})
HANGING: Fault = (FaultKind.HANG, EVERYTHING, {})
BUSY: Fault = (FaultKind.TOO_MANY, EVERYTHING, {"retry_after": 120})
BROKEN: Fault = (FaultKind.SERVER_ERROR, EVERYTHING, {})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed that hangs is given up after half a second."""
    quick = VendorFacts("", 50, 50, timeout_seconds=0.5)
    monkeypatch.setitem(VENDORS, "socrata", quick)


def order(town: ServedTown, fault: Fault) -> None:
    kind, path, options = fault
    town.misbehave("socrata", kind, match=path, **options)


def verdicts() -> dict[str, float]:
    return {word: metrics.SOURCE_CHECKS.labels(word)._value.get() for word in VERDICTS}


async def begun(at: Bench) -> tuple[UUID, UUID]:
    city = await city_of(at)
    return city, await at.begin("city", city, city="Harrow", state="TX")


async def told(at: Bench, workflow: UUID, name: str) -> str:
    """What the city's progress says of a step."""
    row = await at.step(workflow, name)
    output = row.output or {}
    return step_sentence(
        StepView(name, row.status, row.attempt, output, row.reason, row.started_at, row.finished_at)
    )


@pytest.mark.parametrize(
    ("fault", "status", "verdict", "words"),
    [
        (EMPTY, "dead", "refused", f"checking the sources failed: {NO_USE}the feed is empty"),
        (
            RENAMED,
            "dead",
            "refused",
            f"checking the sources failed: {NO_USE}no row is readable: missing_permit_number",
        ),
        (PAGE, "dead", "refused", f"checking the sources failed: {NO_USE}the source answers wrongly: {HTML}"),
        (
            CUT,
            "dead",
            "refused",
            f"checking the sources failed: {NO_USE}the source answers wrongly: JSON was promised",
        ),
        (HANGING, "ready", "unanswered", "checking the sources will be tried again (attempt 2): "),
        (BUSY, "ready", "unanswered", "checking the sources will be tried again (attempt 1): "),
        (BROKEN, "ready", "unanswered", "checking the sources will be tried again (attempt 2): "),
    ],
)
async def test_a_bad_feed_does_not_pass_the_check(
    scraper: Bench, town: ServedTown, *, fault: Fault, status: str, verdict: str, words: str
) -> None:
    city, workflow = await begun(scraper)
    before = verdicts()
    order(town, fault)
    await scraper.run(workflow, "source_check")
    assert (await scraper.step(workflow, "source_check")).status == status
    assert (await told(scraper, workflow, "source_check")).startswith(words)
    assert {word: now - before[word] for word, now in verdicts().items() if now != before[word]} == {
        verdict: 1
    }
    assert await permits_of(scraper, city) == 0


async def test_an_unknown_kind_of_source_is_named_without_a_request(scraper: Bench, town: ServedTown) -> None:
    city, workflow = await begun(scraper)
    before = verdicts()
    await configure(scraper, city, kind="carrier pigeon")
    await scraper.run(workflow, "source_check")
    words = await told(scraper, workflow, "source_check")
    assert words.startswith(
        f"checking the sources failed: {NO_USE}not asked, no reader for sources of kind carrier pigeon"
    )
    assert verdicts() == before, "nothing was asked, so nothing is counted"
    assert town.calls("socrata") == 0


async def test_a_good_feed_passes_and_is_counted(scraper: Bench) -> None:
    _, workflow = await begun(scraper)
    before = verdicts()
    await scraper.run(workflow, "source_check")
    assert (await scraper.step(workflow, "source_check")).status == "done"
    assert verdicts() == before | {"usable": before["usable"] + 1}


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (
            EMPTY,
            "dead",
            "reading permits failed: harrow_tx_permits: no row came, though the source check saw",
        ),
        (
            RENAMED,
            "dead",
            "reading permits failed: harrow_tx_permits: column missing: permit_number (new: permit_number_v2)",
        ),
        (PAGE, "dead", f"reading permits failed: {HTML}"),
        (HANGING, "ready", "reading permits will be tried again (attempt 2): "),
        (BUSY, "ready", "reading permits will be tried again (attempt 1): "),
        (BROKEN, "ready", "reading permits will be tried again (attempt 2): "),
    ],
)
async def test_a_feed_that_turns_bad_after_its_check_leaves_nothing_half_written(
    scraper: Bench, town: ServedTown, fault: Fault, status: str, words: str
) -> None:
    city, workflow = await begun(scraper)
    await scraper.run(workflow, "source_check")
    order(town, fault)
    await scraper.run(workflow, "permits")
    assert (await scraper.step(workflow, "permits")).status == status
    assert (await told(scraper, workflow, "permits")).startswith(words)
    assert await permits_of(scraper, city) == 0
    assert await scraper.events("permit.scraped") == []


PORTALS = {"Harrow": "socrata", "Ellery": "arcgis", "Marn": "ckan", "Quill": "accela", "Sable": "files"}
WORDS = {
    FaultKind.ERROR_INSIDE: r"Internal error|was promised|were promised",
    FaultKind.HUGE: r"over \d+ bytes",
    FaultKind.REDIRECT: r"HTTP 302|the host has an address that is not public",
}


@pytest.mark.parametrize("place", PORTALS)
async def test_every_kind_of_portal_names_its_fault_in_the_jobs_row_and_the_retry_reads_it(
    scraper: Bench, town: ServedTown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    city = await city_of(scraper, place)
    workflow = await scraper.begin("refresh_city", city)
    await scraper.run(workflow, "source_check")
    for fault, words in WORDS.items():
        town.misbehave(PORTALS[place], fault)
        await scraper.run(workflow, "permits")
        step = await scraper.step(workflow, "permits")
        assert step.status in ("dead", "ready"), fault
        assert re.search(words, step.reason), (fault, step.reason)
        assert await permits_of(scraper, city) == 0
        town.sandbox.misbehaviour.reset()
        await again(scraper, workflow, step.status)
    await scraper.run(workflow, "permits")
    assert (await scraper.step(workflow, "permits")).status == "done"
    assert await permits_of(scraper, city) > 0
    runs = await scraper.rows("SELECT status, tries FROM source_runs WHERE city_id = :city", city=city)
    assert [(run.status, run.tries) for run in runs] == [("good", 1 + len(WORDS))]

    night = await scraper.begin("refresh_city", city)
    await scraper.run(night, "source_check", "permits")
    runs = await scraper.rows("SELECT light, reasons FROM source_runs WHERE run = :run", run=str(night))
    assert [(run.light, list(run.reasons)) for run in runs] == [("green", [])], "known rows came again"


async def again(at: Bench, workflow: UUID, status: str) -> None:
    """Let a step that failed run at once: by an operator's retry where it was given up."""
    if status == "dead":
        async with at.unit_of_work() as uow:
            await retry(uow.session, workflow)
    await at.rows("UPDATE core.step SET run_after = now() WHERE workflow_id = :id", id=workflow)


async def test_points_that_are_none_are_counted_and_turn_the_light_amber(scraper: Bench) -> None:
    city, workflow = await begun(scraper)
    await scraper.run(workflow, "source_check")
    field_map = await scraper.one(
        "SELECT sources #> '{permit_sources,0,field_map}' FROM target_cities WHERE id = :id", id=city
    )
    await configure(scraper, city, field_map={**field_map, "lat": "longitude", "lng": "latitude"})
    await scraper.run(workflow, "permits")
    output = (await scraper.step(workflow, "permits")).output
    assert output["read"] >= output["misplaced"] > 0.8 * output["read"]
    assert await scraper.one("SELECT count(*) FROM roofing_permits WHERE geom IS NOT NULL") == 0
    [run] = await scraper.rows("SELECT light, reasons FROM source_runs")
    assert run.light == "amber"
    assert "give a point that is none: zero, or no degrees" in run.reasons[0]
