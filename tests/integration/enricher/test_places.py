"""Where houses lie: a city's parcels and permits placed in sets, and single addresses on demand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.enricher.app import service
from services.enricher.settings import EnricherSettings
from shared.sandbox.addressing import index_of
from shared.sandbox.misbehaviour import FaultKind
from shared.schemas.address import parse_address
from tests.factories.leads import city_id
from tests.factories.owners import a_person, lead_of
from tests.factories.steps import Bench, bench
from tests.factories.town import ServedTown

OpenBench = Callable[..., AbstractAsyncContextManager[Bench]]


@pytest.fixture
def open_bench(
    town: ServedTown, database_url: str, redis_url: str, unit_of_work: Any, redis: Any
) -> OpenBench:
    del redis
    servers = {"database_url": database_url, "redis_url": redis_url}
    return lambda **given: bench(service, EnricherSettings, town, unit_of_work, **servers, **given)


def buildings(town: ServedTown, *, known: bool, count: int) -> list[int]:
    """Parcels whose building the Census files have, or have not yet, one a building."""
    there = town.town()
    layout, seeds = there.layout, there.roofs.seed
    fits = [
        parcel
        for parcel in range(len(layout.building))
        if (int(seeds[layout.building[parcel]]) % 100 >= 4) == known and not layout.address(parcel).unit
    ]
    return fits[:count]


async def parcel_without_point(at: Bench, town: ServedTown, parcel: int, **changes: Any) -> UUID:
    """A parcel of Harrow whose layer gave no coordinates."""
    street = town.town().layout.address(parcel).street_line
    values = {
        "address": street,
        "key": parse_address(street, "Harrow", "TX").key,
        "apn": f"T-{parcel}",
        "zip": None,
        **changes,
    }
    async with at.unit_of_work() as uow:
        row = await uow.session.execute(
            text(
                """
                INSERT INTO parcels (city_id, apn, county, state, address, address_key, city, zip, source, content_hash)
                VALUES (:city_id, :apn, 'Ashby', 'TX', :address, :key, 'Harrow', :zip, 'harrow_tx_parcels', 'x')
                RETURNING id
                """
            ),
            {**values, "city_id": await city_id(uow.session)},
        )
        found: UUID = row.scalar_one()
    return found


async def located(at: Bench) -> tuple[UUID, Any]:
    """A city workflow after its geocoding."""
    async with at.unit_of_work() as uow:
        city = await city_id(uow.session)
    workflow = await at.begin("refresh_city", city)
    await at.rows(
        "UPDATE core.step SET status = CASE WHEN name = 'geocode' THEN 'ready' ELSE 'done' END"
        " WHERE workflow_id = :id AND name IN ('source_check', 'permits', 'geocode')",
        id=workflow,
    )
    await at.run(workflow, "geocode")
    return workflow, await at.step(workflow, "geocode")


async def test_a_house_without_zip_takes_the_one_of_all_its_neighbours_and_none_on_a_border(
    open_bench: OpenBench, town: ServedTown
) -> None:
    there = {"T-0": None, "T-1": "76998", "T-2": "76998", "T-3": "76998", "T-4": "76998", "T-5": "76998"}
    border = {"T-6": None, "T-7": "76998", "T-8": "76998", "T-9": "76999", "T-10": "76998", "T-11": "76998"}
    async with open_bench() as at:
        for lat, houses in ((32.40, there), (32.45, border)):
            for place, (apn, code) in enumerate(houses.items()):
                await parcel_without_point(at, town, int(apn[2:]), zip=code)
                await at.rows(
                    "UPDATE parcels SET lat = :lat, lng = :lng, geom = ST_Point(:lng, :lat, 4326)::geography"
                    " WHERE apn = :apn",
                    lat=lat,
                    lng=-98.9 + place * 0.0003,
                    apn=apn,
                )
        _, step = await located(at)
        found = await at.rows(
            "SELECT p.apn, p.zip, v.source, v.confidence FROM parcels p"
            " LEFT JOIN compliance.provenance v ON v.entity_id = p.id AND v.field = 'zip'"
            " WHERE p.apn IN ('T-0', 'T-6') ORDER BY p.apn"
        )
    assert step.output["zips_by_neighbours"] == 1
    inside, on_border = found
    assert (inside.zip, inside.source, float(inside.confidence)) == ("76998", "neighbours", 0.9)
    assert (on_border.zip, on_border.source) == (None, None)


async def test_houses_are_placed_in_sets_and_who_is_unknown_is_marked_and_not_asked_again(
    open_bench: OpenBench, town: ServedTown
) -> None:
    known, unknown = buildings(town, known=True, count=5), buildings(town, known=False, count=1)
    async with open_bench(geocode_batch=4) as at:
        for parcel in (*known, *unknown):
            await parcel_without_point(at, town, parcel)
        _, step = await located(at)
        rows = await at.rows(
            """
            SELECT p.apn, p.lat, p.lng, p.zip, p.geom IS NOT NULL AS located, v.source, v.licence_id, v.confidence
              FROM parcels p LEFT JOIN compliance.provenance v ON v.entity_id = p.id AND v.field = 'geom'
            """
        )
        marks = await at.rows("SELECT match_level, time_zone, source FROM geocodes ORDER BY match_level")
        calls = town.calls("census")
        _, again = await located(at)
    by_apn = {row.apn: row for row in rows}
    there = town.town()
    for parcel in known:
        row, house = by_apn[f"T-{parcel}"], there.house(parcel)
        assert (row.located, row.zip) == (True, house.address.zip5)
        assert abs(float(row.lat) - house.latitude) < 0.0005
        assert (row.source, row.licence_id, float(row.confidence)) == ("census", "us_public_domain", 0.8)
    assert not by_apn[f"T-{unknown[0]}"].located
    assert [row.match_level for row in marks] == ["exact"] * 5 + ["none"]
    assert {row.time_zone for row in marks} == {"America/Chicago", None}
    assert step.output == {
        "asked": 6, "placed_by_parcels": 0,
        "parcels_placed": 5, "permits_placed": 0, "zips_by_neighbours": 0, "unmatched": 1, "unsure": 0,
        "other_time_zones": {},
    }  # fmt: skip
    assert (calls, town.calls("census"), again.output["asked"]) == (2, 2, 0)


async def test_a_match_that_was_altered_or_lies_far_away_places_no_house(
    open_bench: OpenBench, town: ServedTown
) -> None:
    index = index_of(town.sandbox, town.town().place)
    known = buildings(town, known=True, count=200)
    far = known[0]
    streets = {parcel: town.town().layout.address(parcel).street_line for parcel in known}
    # the street's last word is missing: the geocoder finds the house all the same, and says that it altered the address
    shorter = {parcel: street.rpartition(" ")[0] for parcel, street in streets.items()}
    altered = next(
        parcel
        for parcel in known[1:]
        if not index.search(shorter[parcel]) and len(index.search_loosely(shorter[parcel])) == 1
    )
    async with open_bench() as at:
        key = parse_address(shorter[altered], "Harrow", "TX").key
        await parcel_without_point(at, town, altered, address=shorter[altered], key=key)
        _, first = await located(at)
        lost = await parcel_without_point(at, town, far)
        await at.rows("UPDATE target_cities SET center = 'SRID=4326;POINT(-80 28)' WHERE city = 'Harrow'")
        _, second = await located(at)
        rows = await at.rows("SELECT id FROM parcels WHERE geom IS NOT NULL")
        [mark] = await at.rows(
            "SELECT g.match_level FROM geocodes g JOIN parcels p USING (state, address_key) WHERE p.id = :id",
            id=lost,
        )
    assert (first.output["parcels_placed"], first.output["unsure"]) == (0, 1)
    assert (rows, mark.match_level, second.output["parcels_placed"]) == ([], "exact", 0)


async def permit_without_point(at: Bench, town: ServedTown, parcel: int) -> None:
    """A permit of a house of Harrow whose feed gave no coordinates."""
    street = town.town().layout.address(parcel).street_line
    async with at.unit_of_work() as uow:
        await uow.session.execute(
            text(
                """
                INSERT INTO roofing_permits (permit_number, jurisdiction, address, address_key, city, state, city_id,
                                             content_hash)
                VALUES (:number, 'Harrow', :street, :key, 'Harrow', 'TX', :city_id, 'x')
                """
            ),
            {
                "number": str(parcel),
                "street": f"{street}, Harrow TX",
                "key": parse_address(street, "Harrow", "TX").key,
                "city_id": await city_id(uow.session),
            },
        )


async def test_permits_get_the_points_too_and_a_changed_row_is_placed_without_asking_again(
    open_bench: OpenBench, town: ServedTown
) -> None:
    [parcel] = buildings(town, known=True, count=1)
    async with open_bench() as at:
        await permit_without_point(at, town, parcel)
        _, first = await located(at)
        await at.rows("UPDATE roofing_permits SET geom = NULL, lat = NULL, lng = NULL")
        _, second = await located(at)
    assert [step.output["permits_placed"] for step in (first, second)] == [1, 1]
    assert (first.output["asked"], second.output["asked"], town.calls("census")) == (1, 0, 1)


async def test_a_permit_takes_the_countys_own_point_before_anybody_is_asked(
    open_bench: OpenBench, town: ServedTown
) -> None:
    [parcel] = buildings(town, known=True, count=1)
    async with open_bench() as at:
        await permit_without_point(at, town, parcel)
        lot = await parcel_without_point(at, town, parcel)
        await at.rows(
            "UPDATE parcels SET lat = 32.4, lng = -98.9, geom = 'SRID=4326;POINT(-98.9 32.4)' WHERE id = :id",
            id=lot,
        )
        _, step = await located(at)
        [permit] = await at.rows("SELECT lat, lng, geom IS NOT NULL AS located FROM roofing_permits")
    assert (float(permit.lat), float(permit.lng), permit.located) == (32.4, -98.9, True)
    assert (step.output["placed_by_parcels"], step.output["asked"], town.calls("census")) == (1, 0, 0)


async def test_a_geocoder_that_is_down_is_asked_again_later(open_bench: OpenBench, town: ServedTown) -> None:
    town.misbehave("census", FaultKind.SERVER_ERROR, count=3)
    [parcel] = buildings(town, known=True, count=1)
    async with open_bench() as at:
        await parcel_without_point(at, town, parcel)
        workflow, step = await located(at)
        assert step.status == "ready"
        await at.make_due(workflow)
        await at.run(workflow, "geocode")
        step = await at.step(workflow, "geocode")
    assert (step.status, step.output["parcels_placed"]) == ("done", 1)


@pytest.mark.parametrize("key", ["", "sandbox"])
async def test_the_post_is_asked_for_a_leads_address_once_and_only_with_a_key(
    open_bench: OpenBench, town: ServedTown, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    if not key:
        monkeypatch.setenv("USPS_BASE_URL", "http://127.0.0.1:9/usps")
    async with open_bench() as at:
        lead_id = await lead_of(at, town, a_person(town, "valid"))
        workflow = await at.begin("property", lead_id)
        await at.run(workflow, "enrich_contact")
        jobs = await at.rows(
            "SELECT enrichment_data FROM enrichment_jobs WHERE base_lead_id = :id ORDER BY enrichment_type",
            id=lead_id,
        )
        again = await at.begin("enrich_lead", lead_id)
        await at.run(again, "enrich_lead")
    if key:
        assert jobs[0].enrichment_data["address"] == jobs[1].enrichment_data["delivery"] == "deliverable"
        assert town.calls("usps") == 2
    else:
        assert [job.enrichment_data["address"] for job in jobs] == ["skipped: there is no key of usps"]


async def test_a_used_up_quota_of_the_post_puts_the_address_off_and_not_the_contact(
    open_bench: OpenBench, town: ServedTown
) -> None:
    town.misbehave("usps", FaultKind.TOO_MANY, retry_after=3600)
    async with open_bench() as at:
        lead_id = await lead_of(at, town, a_person(town, "valid"))
        workflow = await at.begin("property", lead_id)
        await at.run(workflow, "enrich_contact")
        step = await at.step(workflow, "enrich_contact")
        [job] = await at.rows("SELECT enrichment_data FROM enrichment_jobs")
    assert step.output["status"] == "valid"
    assert job.enrichment_data["address"].startswith("put off: usps")
