"""A city's sources are tried in their order; what is not asked says why, and a verdict is kept with its licence row."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.scraper import service
from services.scraper.parcel_imports import import_parcels
from shared.errors import ProviderError
from shared.sandbox.misbehaviour import FaultKind
from tests.factories.cities import city_of, configure, disable
from tests.factories.steps import Bench
from tests.factories.town import ServedTown

PORTAL = {
    "key": "harrow_tx_desk",
    "kind": "accela_portal",
    "status": "portal",
    "status_reason": "pages to search",
}
STALE = {"key": "harrow_tx_old", "kind": "socrata", "status": "blocked", "status_reason": "ends 2019-12-31"}
FILE = {"key": "harrow_tx_file", "kind": "opengov"}
NOT_ASKED = {
    "harrow_tx_desk": ("not asked, portal: pages to search",),
    "harrow_tx_old": ("not asked, blocked: ends 2019-12-31",),
    "harrow_tx_file": ("not asked, no reader for sources of kind opengov",),
}


async def own_feed(at: Bench) -> dict[str, Any]:
    feed: dict[str, Any] = await at.one(
        "SELECT sources #> '{permit_sources,0}' FROM target_cities WHERE city = 'Harrow'"
    )
    return feed


async def with_feeds(at: Bench, *feeds: dict[str, Any]) -> None:
    """Give Harrow these permit sources in this order."""
    await at.rows(
        "UPDATE target_cities SET sources = sources || CAST(:feeds AS jsonb) WHERE city = 'Harrow'",
        feeds=json.dumps({"permit_sources": feeds}),
    )


async def kept(at: Bench, key: str) -> Any:
    [row] = await at.rows(
        "SELECT check_result, checked_at, newest_row_at::date::text AS newest"
        "  FROM compliance.source_registry WHERE source_key = :key",
        key=key,
    )
    return row


async def begun(at: Bench) -> UUID:
    return await at.begin("city", await city_of(at), city="Harrow", state="TX")


async def test_the_first_usable_source_with_a_reader_is_taken(scraper: Bench, town: ServedTown) -> None:
    await with_feeds(scraper, PORTAL, STALE, FILE, await own_feed(scraper))
    workflow = await begun(scraper)
    await scraper.run(workflow, "source_check", "permits")
    step = await scraper.step(workflow, "source_check")
    assert step.output["usable"] == ["harrow_tx_permits"]
    assert step.output["refused"] == {key: list(reasons) for key, reasons in NOT_ASKED.items()}
    assert (await scraper.step(workflow, "permits")).output["stored"] > 0
    assert town.calls("accela") == 0


async def test_a_source_behind_a_usable_one_is_not_even_asked(scraper: Bench, town: ServedTown) -> None:
    own = await own_feed(scraper)
    await with_feeds(scraper, own, {**own, "key": "harrow_tx_twin"})
    verdicts = await service.check_city(scraper.at, "harrow", "tx")
    assert [verdict.source for verdict in verdicts] == ["harrow_tx_permits"]
    assert town.calls("socrata") == 2, "its columns and its sample"


async def test_where_none_may_be_asked_the_activation_fails_with_every_reason(
    scraper: Bench, town: ServedTown
) -> None:
    await with_feeds(scraper, PORTAL, STALE)
    workflow = await begun(scraper)
    await scraper.run(workflow, "source_check")
    assert (await scraper.step(workflow, "source_check")).reason == (
        "no source is usable: harrow_tx_desk: not asked, portal: pages to search;"
        " harrow_tx_old: not asked, blocked: ends 2019-12-31"
    )
    assert town.calls("socrata") == 0


async def test_a_source_that_does_not_answer_is_passed_over_while_another_is_left(
    scraper: Bench, town: ServedTown
) -> None:
    await scraper.rows(
        "UPDATE target_cities SET sources = jsonb_set(sources, '{permit_sources}', ("
        " SELECT sources -> 'permit_sources' FROM target_cities WHERE city = 'Ellery')"
        " || (sources -> 'permit_sources')) WHERE city = 'Harrow'"
    )
    town.misbehave("arcgis", FaultKind.TOO_MANY, retry_after=120)
    first, second = await service.check_city(scraper.at, "Harrow", "TX")
    assert (first.source, first.reasons[0][:11]) == ("ellery_fl_permits", "no answer: ")
    assert (second.source, second.usable) == ("harrow_tx_permits", True)
    await disable(scraper, "harrow_tx_permits")
    silent, denied = await service.check_city(scraper.at, "Harrow", "TX")
    assert (silent.source, silent.reasons[0][:11]) == ("ellery_fl_permits", "no answer: ")
    assert denied.reasons == ("not allowed: SOURCE_DISABLED",)
    sources = await service.load_sources(scraper.at, await city_of(scraper), None)
    with pytest.raises(ProviderError):  # a step tries again
        await service.check_sources(scraper.at, sources, None)


@pytest.mark.parametrize(
    ("feed", "why"),
    [
        ({"kind": "energov"}, "its address cannot be asked: a energov source needs base_domain or base_url"),
        (
            {"kind": "arcgis", "layer_url": "http://169.254.169.254/0"},
            "not allowed: the host has an address that is not public",
        ),
    ],
)
async def test_a_source_whose_address_cannot_be_asked_says_so_and_the_next_is_taken(
    scraper: Bench, feed: dict[str, str], why: str
) -> None:
    """Without a sandbox beside it, a portal has no address but its own."""
    providers = scraper.at.providers
    alone = providers.settings.model_copy(update={"sandbox_url": ""})
    at = replace(scraper.at, providers=replace(providers, settings=alone))
    await with_feeds(scraper, {"key": "harrow_tx_permits", **feed}, PORTAL)
    first, second = await service.check_city(at, "Harrow", "TX")
    assert first.reasons == (why,)
    assert second.reasons == NOT_ASKED["harrow_tx_desk"]
    assert (await kept(scraper, "harrow_tx_permits")).check_result["reasons"] == list(first.reasons)


async def test_what_nobody_has_mapped_is_named_beside_the_columns_that_are_there(scraper: Bench) -> None:
    own = await own_feed(scraper)
    bare = {
        name: columns for name, columns in own["field_map"].items() if name not in {"address", "issue_date"}
    }
    await with_feeds(scraper, {**own, "field_map": bare})
    [verdict] = await service.check_city(scraper.at, "Harrow", "TX")
    assert verdict.reasons == ("column missing: for address, for issue date",)
    assert own["field_map"]["issue_date"] in verdict.facts["columns"]


async def test_a_verdict_is_kept_with_the_licence_row_good_or_bad(scraper: Bench) -> None:
    await service.check_city(scraper.at, "Harrow", "TX")
    good = await kept(scraper, "harrow_tx_permits")
    facts = good.check_result["facts"]
    assert (good.check_result["city"], good.check_result["usable"]) == ("Harrow, TX", True)
    assert good.checked_at is not None
    assert good.newest == facts["newest_row"]
    assert facts["terms"] == "allowed: published open-data interface"
    assert facts["robots"].startswith("not asked")
    assert facts["roofing"] > 0
    assert facts["inside"].split(" of ")[0] == facts["inside"].split(" of ")[1]

    await configure(scraper, await city_of(scraper), freshness_days=0)
    await service.check_city(scraper.at, "Harrow", "TX")
    bad = await kept(scraper, "harrow_tx_permits")
    assert bad.check_result["usable"] is (facts["newest_row_age_days"] == 0)

    await disable(scraper, "harrow_tx_permits")
    [denied] = await service.check_city(scraper.at, "Harrow", "TX")
    closed = await kept(scraper, "harrow_tx_permits")
    assert closed.check_result["reasons"] == list(denied.reasons) == ["not allowed: SOURCE_DISABLED"]
    assert closed.newest == good.newest, "the newest row that was ever seen stays"


async def test_a_replay_says_nothing_of_the_live_source(scraper: Bench) -> None:
    feeds = {"permit_sources": [await own_feed(scraper)], "recorded": True}
    workflow = await scraper.begin("city", await city_of(scraper), city="Harrow", state="TX", sources=feeds)
    await scraper.run(workflow, "source_check")
    assert (await scraper.step(workflow, "source_check")).status == "done"
    assert (await kept(scraper, "harrow_tx_permits")).check_result is None


@pytest.mark.parametrize(
    ("terms", "reason"), [("prohibited", "SOURCE_TOS_PROHIBITED"), ("unknown", "SOURCE_TOS_UNKNOWN")]
)
async def test_a_source_whose_terms_forbid_it_or_are_not_known_fails_with_that_reason(
    scraper: Bench, town: ServedTown, terms: str, reason: str
) -> None:
    await scraper.rows(
        "UPDATE compliance.source_registry SET tos = :terms WHERE source_key = 'harrow_tx_permits'",
        terms=terms,
    )
    [verdict] = await service.check_city(scraper.at, "Harrow", "TX")
    assert verdict.reasons == (f"not allowed: {reason}",)
    assert town.calls("socrata") == 0


async def parcels_read(at: Bench, *layers: dict[str, Any]) -> dict[str, Any]:
    """What the parcels step says when Harrow has these layers in this order."""
    await at.rows(
        "UPDATE target_cities SET sources = sources || CAST(:layers AS jsonb) WHERE city = 'Harrow'",
        layers=json.dumps({"parcel_sources": layers}),
    )
    workflow = await begun(at)
    await at.run(workflow, "source_check", "permits", "parcels")
    output: dict[str, Any] = (await at.step(workflow, "parcels")).output
    return output


async def test_parcels_come_from_the_first_layer_that_may_be_read(scraper: Bench) -> None:
    own = await scraper.one("SELECT sources #> '{parcel_sources,0}' FROM target_cities WHERE city = 'Harrow'")
    blocked, unlicensed = {**own, "key": "a", "status": "blocked"}, {**own, "key": "nobody_reviewed"}
    read = await parcels_read(scraper, blocked, unlicensed, own, {**own, "key": "never_reached"})
    assert read["denied"] == ["nobody_reviewed may not be read: SOURCE_TOS_UNKNOWN, SOURCE_DISABLED"]
    assert (read["stored"], read["derived"]) == (200, 0)


async def test_a_countys_file_gives_the_parcels_that_its_layer_gives(
    scraper: Bench, town: ServedTown
) -> None:
    own = await scraper.one("SELECT sources #> '{parcel_sources,0}' FROM target_cities WHERE city = 'Harrow'")
    facts = (
        "SELECT apn, address_key, year_built, owner_name_hash, mailing_address_hash FROM parcels ORDER BY apn"
    )
    await parcels_read(scraper, own)
    by_layer = await scraper.rows(facts)
    await scraper.rows("DELETE FROM parcels")
    await scraper.rows("UPDATE core.workflow SET status = 'done', finished_at = now()")
    file = {"kind": "csv_download", "url": f"{town.url}/files/harrow/parcels.csv", "layer_path": None}
    read = await parcels_read(scraper, {**own, **file})
    assert (read["stored"], read["derived"]) == (200, 0)
    assert await scraper.rows(facts) == by_layer


async def test_where_no_layer_may_be_asked_parcels_come_from_the_permits_addresses(scraper: Bench) -> None:
    read = await parcels_read(scraper, {"key": "desk", "kind": "html_portal", "status": "portal"})
    assert read["derived"] == read["stored"] > 0


async def test_houses_of_an_imported_file_are_not_derived_from_their_permits_again(
    scraper: Bench, town: ServedTown, tmp_path: Path
) -> None:
    async with httpx.AsyncClient() as client:
        county = await client.get(f"{town.url}/files/harrow/parcels.csv")
    file = tmp_path / "parcels.csv"
    file.write_bytes(county.content)
    report = await import_parcels([file], scraper.unit_of_work, scraper.at.keys, jurisdiction="Harrow, TX")
    assert (report.stored, report.rejected) == (200, 0)
    await parcels_read(scraper, {"key": "desk", "kind": "html_portal", "status": "portal"})
    twice = "SELECT address_key FROM parcels GROUP BY state, address_key, unit HAVING count(*) > 1"
    assert await scraper.rows(twice) == []
    dated = "SELECT count(*) FROM parcels WHERE roof_permit_id IS NOT NULL AND source = 'county_parcel_file'"
    assert await scraper.one(dated) > 0
