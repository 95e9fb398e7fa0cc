"""Readings leave what they showed: zero where history predicts more and lost columns fail by name, and are retried."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from shared.sandbox.misbehaviour import FaultKind
from shared.workflow.control import retry
from tests.factories.cities import city_of, configure, permits_of
from tests.factories.steps import Bench
from tests.factories.town import ServedTown

KEY = "harrow_tx_permits"
NIGHT = ("source_check", "permits")


async def run_of(at: Bench, workflow: UUID, key: str = KEY) -> Any:
    [row] = await at.rows(
        "SELECT * FROM source_runs WHERE run = :run AND source_key = :key", run=str(workflow), key=key
    )
    return row


async def read(at: Bench, *steps: str, kind: str = "city", **given: Any) -> UUID:
    """A workflow of Harrow whose steps have run."""
    workflow = await at.begin(kind, await city_of(at), city="Harrow", state="TX", **given)
    await at.run(workflow, *(steps or NIGHT))
    await at.rows(
        "UPDATE core.workflow SET status = 'cancelled' WHERE id = :id AND status <> 'failed'", id=workflow
    )
    return workflow


async def with_history(at: Bench, *rows: int) -> None:
    """Nights before this one on which Harrow's feed gave so many rows."""
    for night, count in enumerate(rows, start=1):
        await at.rows(
            "INSERT INTO source_runs (source_key, run, kind, status, light, window_days, rows_read, started_at, ended_at)"
            " VALUES (:key, :run, 'permits', 'good', 'green', 30, :rows, now() - make_interval(days => :night),"
            "         now() - make_interval(days => :night))",
            key=KEY,
            run=f"night {night}",
            rows=count,
            night=night,
        )


async def test_a_good_reading_is_kept_with_its_rows(scraper: Bench) -> None:
    workflow = await read(scraper)
    kept = await run_of(scraper, workflow)
    city = await city_of(scraper)
    output = (await scraper.step(workflow, "permits")).output
    newest = await scraper.one("SELECT max(issue_date) FROM roofing_permits WHERE city_id = :c", c=city)
    assert (kept.status, kept.light, list(kept.reasons)) == ("good", "green", [])
    assert (kept.rows_read, kept.rows_rejected) == (output["read"], output["rejected"])
    assert (kept.newest_row_on, kept.city_id, kept.window_days) == (newest, city, None)
    assert kept.columns["permit_number"] == kept.rows_read
    assert len(kept.known_rows) == 5
    assert kept.ended_at is not None


async def test_the_next_reading_finds_the_known_rows_again(scraper: Bench) -> None:
    first = await run_of(scraper, await read(scraper))
    second = await run_of(scraper, await read(scraper))
    assert (second.light, second.known_rows) == ("green", first.known_rows)


async def test_known_rows_with_other_values_turn_the_light_red(scraper: Bench) -> None:
    await read(scraper)
    await scraper.rows(
        'UPDATE source_runs SET known_rows = (SELECT jsonb_agg(k || \'{"print": "other"}\') FROM'
        " jsonb_array_elements(known_rows) AS k)"
    )
    kept = await run_of(scraper, await read(scraper))
    assert (kept.status, kept.light) == ("good", "red")
    assert kept.reasons[0].startswith("none of 5 known rows came back as it was: ")


async def test_zero_where_history_predicts_more_fails_and_the_retry_reads_anew(
    scraper: Bench, town: ServedTown
) -> None:
    await configure(scraper, await city_of(scraper), may_be_empty=True)
    await read(scraper)
    stored = await permits_of(scraper, await city_of(scraper))
    await with_history(scraper, 44, 40, 46)
    town.misbehave("socrata", FaultKind.EMPTY, match="/resource", count=2)
    workflow = await read(scraper, kind="refresh_city", since="2026-10-20")
    step = await scraper.step(workflow, "permits")
    assert step.status == "dead"
    assert step.reason.startswith(f"{KEY}: no row came where the readings before predict ")
    kept = await run_of(scraper, workflow)
    assert (kept.status, kept.light, kept.failure, kept.rows_read) == ("failed", "red", "zero_rows", 0)
    assert await permits_of(scraper, await city_of(scraper)) == stored, "nothing stored is lost"

    async with scraper.unit_of_work() as uow:
        await retry(uow.session, workflow)
    await scraper.run(workflow, "permits")
    kept = await run_of(scraper, workflow)
    assert (kept.status, kept.failure, kept.tries) == ("good", None, 2)
    assert kept.rows_read > 0


async def test_an_empty_feed_is_legal_at_first_where_the_source_says_so(
    scraper: Bench, town: ServedTown
) -> None:
    await configure(scraper, await city_of(scraper), may_be_empty=True)
    town.misbehave("socrata", FaultKind.EMPTY, match="/resource", count=2)
    workflow = await read(scraper)
    assert (await scraper.step(workflow, "permits")).status == "done"
    assert (await run_of(scraper, workflow)).light == "green"


async def test_a_column_renamed_between_two_nights_is_named_by_the_check(
    scraper: Bench, town: ServedTown
) -> None:
    await read(scraper)
    town.misbehave("socrata", FaultKind.RENAME_COLUMN, match="/resource", column="description")
    workflow = await read(scraper, kind="refresh_city", since="2026-10-20")
    reason = (await scraper.step(workflow, "source_check")).reason
    assert reason == (f"no source is usable: {KEY}: column missing: description (new: description_v2)")
    kept = await scraper.one(
        "SELECT check_result FROM compliance.source_registry WHERE source_key = :key", key=KEY
    )
    assert kept["columns"]["description"] > 0, "what the last good check saw stays to compare with"


async def test_a_column_renamed_after_the_check_is_named_and_no_page_of_it_is_stored(
    scraper: Bench, town: ServedTown
) -> None:
    city = await city_of(scraper)
    workflow = await scraper.begin("city", city, city="Harrow", state="TX")
    await scraper.run(workflow, "source_check")
    town.misbehave("socrata", FaultKind.RENAME_COLUMN, match="/resource", column="contractor_company_name")
    await scraper.run(workflow, "permits")
    step = await scraper.step(workflow, "permits")
    assert (step.status, step.reason) == (
        "dead",
        f"{KEY}: column missing: contractor_company_name (new: contractor_company_name_v2)",
    )
    assert (await run_of(scraper, workflow)).failure == "column_missing"
    assert await permits_of(scraper, city) == 0
    town.sandbox.misbehaviour.reset()
    async with scraper.unit_of_work() as uow:
        await retry(uow.session, workflow)
    await scraper.run(workflow, "permits")
    assert (await scraper.step(workflow, "permits")).status == "done"
    assert await permits_of(scraper, city) > 0


async def test_a_feed_that_is_down_leaves_an_amber_try(scraper: Bench, town: ServedTown) -> None:
    workflow = await scraper.begin("city", await city_of(scraper), city="Harrow", state="TX")
    await scraper.run(workflow, "source_check")
    town.misbehave("socrata", FaultKind.UNAVAILABLE, match="/resource")
    await scraper.run(workflow, "permits")
    kept = await run_of(scraper, workflow)
    assert (kept.status, kept.light, kept.failure) == ("failed", "amber", "provider-unavailable")


async def test_a_replay_is_no_reading_of_the_live_source(scraper: Bench) -> None:
    feed = await scraper.one(
        "SELECT sources #> '{permit_sources,0}' FROM target_cities WHERE city = 'Harrow'"
    )
    await read(scraper, sources={"permit_sources": [feed], "recorded": True})
    assert await scraper.rows("SELECT 1 FROM source_runs") == []


async def test_parcels_and_storm_feeds_leave_their_readings_too(scraper: Bench, town: ServedTown) -> None:
    workflow = await read(scraper, *NIGHT, "parcels", "storms")
    layer = await scraper.one(
        "SELECT sources #>> '{parcel_sources,0,key}' FROM target_cities WHERE city = 'Harrow'"
    )
    parcels = await run_of(scraper, workflow, layer)
    assert (parcels.kind, parcels.status, parcels.rows_read) == ("parcels", "good", 200)
    feeds = {feed.name for feed in scraper.at.providers.storm_feeds}
    storms = await scraper.rows("SELECT * FROM source_runs WHERE kind = 'storms'")
    assert {row.source_key for row in storms} == feeds
    assert {row.status for row in storms} == {"good"}
    assert sum(row.rows_read for row in storms) == (await scraper.step(workflow, "storms")).output["read"]

    town.misbehave("spc", FaultKind.HTML)
    failed = await scraper.begin("refresh_storms", None)
    await scraper.run(failed, "refresh_storms")
    spc = await run_of(scraper, failed, "spc")
    assert (spc.status, spc.light) == ("failed", "red")


async def test_a_parcel_layer_that_is_suddenly_empty_fails_by_its_name(
    scraper: Bench, town: ServedTown
) -> None:
    await read(scraper, *NIGHT, "parcels")
    await scraper.rows(
        "INSERT INTO source_runs (source_key, run, kind, status, rows_read, started_at)"
        " SELECT source_key, 'before ' || n, kind, 'good', 200, now() - make_interval(days => n)"
        "   FROM source_runs, generate_series(1, 3) AS n WHERE kind = 'parcels'"
    )
    town.misbehave("arcgis", FaultKind.EMPTY, match="/rest/services/Harrow_Parcels/FeatureServer/0/query")
    workflow = await read(scraper, *NIGHT, "parcels")
    step = await scraper.step(workflow, "parcels")
    assert step.status == "dead"
    assert "no row came where the readings before predict 200" in step.reason
    assert await scraper.one("SELECT count(*) FROM parcels") == 200
