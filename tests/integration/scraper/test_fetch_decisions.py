"""Nothing is asked of a source that may not be read, and every answer of `can_fetch` is kept with its workflow."""

from __future__ import annotations

from uuid import UUID

import pytest

from shared.http.client import FetchDenied, FetchSource
from shared.providers.context import calling_for
from tests.factories.cities import city_of, decisions, disable
from tests.factories.leads import make_lead
from tests.factories.steps import Bench
from tests.factories.town import ServedTown

DENIED = ["SOURCE_DISABLED"]


async def begun_city(at: Bench) -> UUID:
    return await at.begin("city", await city_of(at), city="Harrow", state="TX")


async def ready(at: Bench, workflow: UUID, step: str) -> None:
    """Let a step run whatever came before it."""
    await at.rows(
        "UPDATE core.step SET status = 'ready', run_after = now() WHERE workflow_id = :id AND name = :name",
        id=workflow,
        name=step,
    )


async def test_a_closed_permit_feed_is_not_asked_and_fails_the_check_with_the_reason(
    scraper: Bench, town: ServedTown
) -> None:
    await disable(scraper, "harrow_tx_permits")
    workflow = await begun_city(scraper)
    await scraper.run(workflow, "source_check")
    step = await scraper.step(workflow, "source_check")
    assert step.status == "dead"
    assert step.reason == "no source is usable: harrow_tx_permits: not allowed: SOURCE_DISABLED"
    assert town.calls("socrata") == 0
    assert await decisions(scraper, workflow) == {"harrow_tx_permits": DENIED}


async def test_a_feed_closed_after_its_check_is_not_read(scraper: Bench, town: ServedTown) -> None:
    workflow = await begun_city(scraper)
    await scraper.run(workflow, "source_check")
    asked = town.calls("socrata")
    await disable(scraper, "harrow_tx_permits")
    await scraper.run(workflow, "permits")
    step = await scraper.step(workflow, "permits")
    assert (step.status, step.reason) == ("dead", "harrow_tx_permits may not be read: SOURCE_DISABLED")
    assert town.calls("socrata") == asked > 0


async def test_a_closed_parcel_layer_is_not_asked_and_fails_the_step_with_the_reason(
    scraper: Bench, town: ServedTown
) -> None:
    await disable(scraper, "harrow_tx_parcels")
    workflow = await begun_city(scraper)
    await ready(scraper, workflow, "parcels")
    await scraper.run(workflow, "parcels")
    step = await scraper.step(workflow, "parcels")
    assert step.status == "dead"
    assert step.reason == "no parcel layer is left: harrow_tx_parcels may not be read: SOURCE_DISABLED"
    assert town.calls("arcgis") == 0
    assert await decisions(scraper, workflow) == {"harrow_tx_parcels": DENIED}


STORM_SOURCES = {"ncei": 1, "spc": 1, "nws": 2, "swdi": 1}
"""Sources of storms and the feeds that are read there."""


@pytest.mark.parametrize("closed", [("spc",), ("nws", "spc"), tuple(STORM_SOURCES)])
async def test_a_closed_storm_feed_is_not_asked_and_the_others_are(
    scraper: Bench, town: ServedTown, closed: tuple[str, ...]
) -> None:
    await disable(scraper, *closed)
    workflow = await scraper.begin("refresh_storms", None)
    await scraper.run(workflow, "refresh_storms")
    step = await scraper.step(workflow, "refresh_storms")
    words = sorted(
        f"{name} may not be read: SOURCE_DISABLED" for name in closed for _ in range(STORM_SOURCES[name])
    )
    if len(closed) == len(STORM_SOURCES):
        assert step.status == "dead"
        assert sorted(step.reason.removeprefix("no storm feed is left: ").split("; ")) == words
    else:
        assert (step.status, sorted(step.output["denied"])) == ("done", words)
        assert step.output["read"] > 0
    assert {name for name in STORM_SOURCES if town.calls(name) == 0} == set(closed)
    kept = await decisions(scraper, workflow)
    assert kept == {name: [] for name in STORM_SOURCES} | dict.fromkeys(closed, DENIED)


async def test_an_open_source_is_decided_once_a_workflow(scraper: Bench, town: ServedTown) -> None:
    workflow = await begun_city(scraper)
    await scraper.run(workflow, "source_check", "permits", "parcels")
    assert set((await scraper.steps(workflow)).values()) == {"done", "ready", "pending"}
    rows = await scraper.rows(
        "SELECT source_key FROM compliance.contact_decision WHERE kind = 'fetch' ORDER BY 1"
    )
    assert [row.source_key for row in rows] == ["harrow_tx_parcels", "harrow_tx_permits"]
    assert town.calls("arcgis") > 1


@pytest.mark.parametrize("closed", [True, False])
async def test_an_assessor_is_asked_only_where_registry_and_robots_allow(
    scraper: Bench, town: ServedTown, closed: bool
) -> None:
    apn = town.town().apn(0)
    async with scraper.unit_of_work() as uow:
        lead_id = await make_lead(uow.session, scraper.at.keys)
    await scraper.rows(
        "INSERT INTO parcels (city_id, apn, county, city, state, address, address_key, source, content_hash)"
        " SELECT city_id, :apn, 'Ashby', city, state, address, address_key, 'test', 'x' FROM base_leads WHERE id = :id",
        id=lead_id,
        apn=apn,
    )
    await scraper.rows(
        "UPDATE base_leads SET parcel_id = (SELECT id FROM parcels LIMIT 1) WHERE id = :id", id=lead_id
    )
    if closed:
        await disable(scraper, "harrow_tx_assessor")
    workflow = await scraper.begin("property", lead_id)
    await scraper.run(workflow, "scrape_property")
    step = await scraper.step(workflow, "scrape_property")
    kept = await decisions(scraper, workflow)
    [reading] = await scraper.rows("SELECT * FROM source_runs WHERE source_key = 'harrow_tx_assessor'")
    if closed:
        assert (reading.status, reading.light, reading.failure) == ("failed", "amber", "not_allowed")
        assert (step.status, step.reason) == ("skipped", "the assessor may not be read: SOURCE_DISABLED")
        assert (town.calls("assessor"), kept) == (0, {"harrow_tx_assessor": DENIED})
    else:
        evidence = await scraper.one(
            "SELECT evidence FROM compliance.contact_decision WHERE workflow_id = :id", id=workflow
        )
        assert (reading.status, reading.light, reading.rows_read) == ("good", "green", 1)
        assert reading.columns["year_built"] == 1
        assert (town.calls("assessor"), kept) == (1, {"harrow_tx_assessor": []})
        assert (evidence["robots_asked"], evidence["robots_status"]) == (True, 200)


async def test_pages_of_one_job_are_decided_once_and_every_no_is_kept(
    scraper: Bench, town: ServedTown
) -> None:
    fetcher, base = scraper.at.providers.fetcher, scraper.at.providers.settings.base_url("assessor")
    source = FetchSource("harrow_tx_assessor", "allowed", enabled=True, requests_per_second=100)
    workflow = await scraper.begin("refresh_storms", None)
    with calling_for("workflow", workflow, workflow_id=workflow):
        pages = [
            await fetcher.fetch(f"{base}/harrow/property/{town.town().apn(number)}", source, configured=True)
            for number in range(3)
        ]
        for _ in range(2):
            with pytest.raises(FetchDenied):
                await fetcher.fetch(f"{base}/harrow/owners", source, configured=True)

    rows = await scraper.rows(
        "SELECT allow FROM compliance.contact_decision WHERE workflow_id = :id ORDER BY decided_at",
        id=workflow,
    )
    assert [row.allow for row in rows] == [True, False, False]
    assert len({id(page.decision) for page in pages}) == 1
