"""The sources' health over HTTP, and kept rows read again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.scraper import health
from services.scraper.replay import replay_city
from shared.errors import NotFound
from shared.sandbox.misbehaviour import FaultKind
from shared.schemas.enums import SourceLight
from tests.factories.cities import city_of, configure, permits_of
from tests.factories.steps import Bench
from tests.factories.town import ServedTown

KEY = "harrow_tx_permits"


async def night(at: Bench, *steps: str) -> None:
    workflow = await at.begin("city", await city_of(at), city="Harrow", state="TX")
    await at.run(workflow, *(steps or ("source_check", "permits")))
    await at.rows("UPDATE core.workflow SET status = 'cancelled' WHERE id = :id", id=workflow)


async def lights(at: Bench, **asked: Any) -> dict[str, str]:
    found = await health.sources_health(at.at, **asked)
    return {one.configured.key: one.found.light.value for one in found}


async def test_every_source_of_the_active_cities_and_every_storm_feed_has_a_light(scraper: Bench) -> None:
    await scraper.rows("UPDATE target_cities SET active = city = 'Harrow'")
    feeds = {feed.name for feed in scraper.at.providers.storm_feeds}
    before = await lights(scraper)
    assert set(before) == {KEY, "harrow_tx_parcels", "harrow_tx_assessor"} | feeds
    assert before[KEY] == "amber"
    assert before["harrow_tx_assessor"] == "idle"
    await night(scraper, "source_check", "permits", "parcels", "storms")
    after = await lights(scraper)
    assert {after[key] for key in (KEY, "harrow_tx_parcels", *feeds)} == {"green"}
    assert await lights(scraper, light=SourceLight.IDLE) == {"harrow_tx_assessor": "idle"}
    assert set(await lights(scraper, city="ellery", state="fl")) > {"ellery_fl_permits"}, (
        "also an inactive city"
    )


async def test_what_failed_stands_first_with_its_reason_and_the_history_stays(
    scraper: Bench, town: ServedTown
) -> None:
    await scraper.rows("UPDATE target_cities SET active = city = 'Harrow'")
    await night(scraper)
    town.misbehave("socrata", FaultKind.RENAME_COLUMN, match="/resource")
    await night(scraper)
    first = (await health.sources_health(scraper.at))[0].facts()
    assert (first["source"], first["light"], first["city"]) == (KEY, "red", "Harrow, TX")
    assert first["reasons"] == ["column missing: permit_number (new: permit_number_v2)"]
    assert (first["rows"], first["last_success"] < first["last_try"]) == (0, True)
    town.sandbox.misbehaviour.reset()
    await night(scraper)
    told = (await health.source_health(scraper.at, KEY)).history()
    assert (told["light"], [run["status"] for run in told["runs"]]) == ("green", ["good", "failed", "good"])
    assert "permit_number" in told["runs"][0]["columns"]


async def test_a_source_behind_another_is_idle_until_it_is_needed(scraper: Bench) -> None:
    feed = await scraper.one(
        "SELECT sources #> '{permit_sources,0}' FROM target_cities WHERE city = 'Harrow'"
    )
    await scraper.rows(
        "UPDATE target_cities SET active = city = 'Harrow', sources = sources || CAST(:feeds AS jsonb)"
        " WHERE city = 'Harrow'",
        feeds=json.dumps(
            {"permit_sources": [feed, {**feed, "key": "second"}, {**feed, "key": "desk", "status": "portal"}]}
        ),
    )
    await night(scraper)
    found = {one.configured.key: one.found.reasons for one in await health.sources_health(scraper.at)}
    assert found["second"] == (f"stands behind {KEY}",)
    assert found["desk"] == ("not asked, its status is portal",)


async def test_an_unknown_city_or_source_is_named(scraper: Bench) -> None:
    with pytest.raises(NotFound, match="Atlantis, TX is not a target city"):
        await health.sources_health(scraper.at, city="Atlantis", state="TX")
    with pytest.raises(NotFound, match="no city has a source atlantis"):
        await health.source_health(scraper.at, "atlantis")


async def test_kept_rows_read_again_with_the_same_code_give_what_is_stored(
    scraper: Bench, town: ServedTown
) -> None:
    await night(scraper)
    calls = town.calls("socrata")
    [replay] = await replay_city(scraper.unit_of_work, "harrow", "tx")
    stored = await permits_of(scraper, await city_of(scraper))
    assert (replay.same, replay.changed, replay.added, replay.unreached) == (stored, 0, 0, 0)
    assert replay.pages > 0
    assert town.calls("socrata") == calls, "nothing is fetched"


async def test_a_point_that_the_geocoder_found_is_no_difference(scraper: Bench) -> None:
    await night(scraper)
    placed = await scraper.rows(
        "UPDATE roofing_permits SET lat = 32.4, lng = -98.9, zip = coalesce(zip, '76998')"
        " WHERE lat IS NULL AND city_id = :id RETURNING id",
        id=await city_of(scraper),
    )
    assert placed
    [replay] = await replay_city(scraper.unit_of_work, "Harrow", "TX")
    assert (replay.changed, replay.fields) == (0, {})


async def test_a_mended_field_map_is_shown_first_and_stored_when_asked_for(scraper: Bench) -> None:
    city = await city_of(scraper)
    await night(scraper)
    field_map = await scraper.one(
        "SELECT sources #> '{permit_sources,0,field_map}' FROM target_cities WHERE id = :id", id=city
    )
    await configure(scraper, city, field_map={**field_map, "work_description": "work_class"})
    values = "SELECT count(*) FROM roofing_permits WHERE work_description LIKE '% / %'"
    before = await scraper.one(values)
    [shown] = await replay_city(scraper.unit_of_work, "Harrow", "TX")
    assert shown.fields["work_description"] == shown.changed > 0
    assert shown.examples[0]["work_description"][0].endswith(f" / {shown.examples[0]['work_description'][1]}")
    assert await scraper.one(values) == before > 0, "it was only shown"
    [done] = await replay_city(scraper.unit_of_work, "Harrow", "TX", store=True)
    assert (done.changed, done.applied) == (shown.changed, True)
    assert await scraper.one(values) == 0
    [again] = await replay_city(scraper.unit_of_work, "Harrow", "TX")
    assert (again.changed, again.added) == (0, 0)


async def test_of_two_forms_of_a_permit_the_last_read_one_counts(scraper: Bench) -> None:
    await night(scraper)
    await scraper.rows(
        "UPDATE roofing_permits SET permit_status = 'expired', content_hash = 'other' WHERE city_id = :id",
        id=await city_of(scraper),
    )
    await night(scraper)
    [replay] = await replay_city(scraper.unit_of_work, "Harrow", "TX")
    assert replay.changed == 0
