"""The reasons of parcels found in sets are those that the per-property rules find, and only what changed is written."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.lead_generator.domain.roof_age import RoofEvidence, estimate_roof_age
from services.lead_generator.domain.triggers import (
    STORM_REACH_MILES,
    Storm,
    Trigger,
    neighbor_trigger,
    roof_age_trigger,
    sale_trigger,
    storm_trigger,
)
from services.lead_generator.repository.parcel_storms import ParcelStormRepository
from services.lead_generator.repository.parcel_triggers import ParcelTriggerRepository
from shared.db.geo import METRES_PER_MILE
from shared.schemas.enums import RoofMaterial, TornadoRating, TriggerType, WeatherEventType
from tests.factories.leads import city_id

PARCELS, PERMITS, STORMS = 10_000, 300, 16
ADD_PARCELS = text(
    """
    INSERT INTO parcels (city_id, apn, county, state, address, address_key, city, source, content_hash, geom, year_built,
                         roof_installed_on, last_sale_on, roof_material)
    SELECT :city, n, county, 'CA', n, n, 'Harrow', 'test', n, CAST(place AS geography), built, current_date - laid,
           current_date - sold, material
      FROM unnest(CAST(:names AS text[]), CAST(:counties AS text[]), CAST(:places AS text[]), CAST(:built AS int[]),
                  CAST(:laid AS int[]), CAST(:sold AS int[]), CAST(:materials AS text[]))
           AS given (n, county, place, built, laid, sold, material)
    """
)
ADD_PERMITS = text(
    """
    INSERT INTO roofing_permits (permit_number, address, jurisdiction, content_hash, reroof, vertical, issue_date,
                                 geom, address_key)
    SELECT 'P' || n, n, 'test', 'P' || n, n % 11 <> 0, CASE WHEN n % 13 = 0 THEN 'hvac' ELSE 'roofing' END,
           current_date - days, CAST(place AS geography), key
      FROM unnest(CAST(:places AS text[]), CAST(:days AS int[]), CAST(:keys AS text[])) WITH ORDINALITY
           AS given (place, days, key, n)
    """
)
ADD_STORM = text(
    """
    INSERT INTO weather_events (event_type, event_date, source, external_id, content_hash, geom, began_at, hail_size_inches,
                                wind_speed_mph, tornado_rating, details)
    SELECT :kind, current_date, 'test', n, n, CAST(:place AS geography), now() - make_interval(hours => :hours), :hail,
           :wind, :rating, jsonb_strip_nulls(jsonb_build_object('category', CAST(:category AS int)))
      FROM (SELECT CAST(:n AS text) AS n) report
    """
)
PLAIN_PARCELS = text(
    """
    SELECT parcel.*, now() AS now, current_date AS today,
           (SELECT count(*) FROM roofing_permits r
             WHERE r.reroof AND r.vertical = 'roofing' AND r.issue_date > current_date - 30 AND r.issue_date <= current_date
               AND ST_Distance(r.geom, parcel.geom) <= :metres AND ST_DWithin(r.geom, parcel.geom, 2 * :metres)
               AND r.address_key IS DISTINCT FROM parcel.address_key) AS permits
      FROM parcels parcel WHERE city_id = :city
    """
)
PLAIN_STORMS = text(
    """
    SELECT parcel.id AS parcel_id, storm.id, storm.event_type, storm.began_at, storm.hail_size_inches, storm.wind_speed_mph,
           storm.tornado_rating, (storm.details->>'category')::int AS category,
           ST_Distance(storm.geom, parcel.geom) / :mile AS miles
      FROM weather_events storm JOIN parcels parcel ON ST_DWithin(storm.geom, parcel.geom, :reach)
    """
)


def place(rng: random.Random) -> str:
    """Anywhere in a town four miles wide; a third in its middle."""
    wide = 0.004 if rng.random() < 0.3 else 0.04
    return f"SRID=4326;POINT({-118.9 + rng.uniform(-wide, wide)} {34.4 + rng.uniform(-wide, wide)})"


async def town(db: AsyncSession) -> UUID:
    """Houses of which anything may be unknown, permits close together and far apart, storms of every kind."""
    rng = random.Random(20261123)
    city = await city_id(db)

    def some(options: Any, share: float = 0.7) -> list[Any]:
        return [rng.choice(options) if rng.random() < share else None for _ in range(PARCELS)]

    year = datetime.now(UTC).year
    parcels = {
        "city": city,
        "names": [f"H{n}" for n in range(PARCELS)],
        "counties": some(["Los Angeles", "Kern"], 1),
        "places": [place(rng) if rng.random() < 0.98 else None for _ in range(PARCELS)],
        "built": some([0, *range(year - 60, year + 1)], 0.9),
        "laid": some(range(40 * 365), 0.3),
        "sold": some([-1, 0, 1, 363, 364, 365, 366, *range(500)]),
        "materials": some([material.value for material in RoofMaterial]),
    }
    await db.execute(ADD_PARCELS, parcels)
    days = [rng.choice([-1, 0, 1, 28, 29, 30, 31, *range(30)]) for _ in range(PERMITS)]
    keys = [f"H{rng.randrange(PARCELS)}" if rng.random() < 0.8 else None for _ in range(PERMITS)]
    await db.execute(
        ADD_PERMITS, {"places": [place(rng) for _ in range(PERMITS)], "days": days, "keys": keys}
    )
    await db.execute(ADD_STORM, [storm(rng, n) for n in range(STORMS)])
    await db.execute(text("ANALYZE parcels, roofing_permits, weather_events"))
    return city


def storm(rng: random.Random, n: int) -> dict[str, Any]:
    """A report beside the town, some out of time or too weak."""
    kind = list(WeatherEventType)[n % len(WeatherEventType)]
    east, north = rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1)
    return {
        "n": f"E{n}",
        "kind": kind.value,
        # Far off, so that its reach ends in the town and it is not the strongest everywhere.
        "place": f"SRID=4326;POINT({-118.9 + east} {34.4 + (north if kind != 'hurricane' else 0.36)})",
        "hours": rng.choice([0, 5, 24 * 40 + 3, 24 * 89 + 23, 24 * 90, 24 * 90 + 1]),
        "hail": rng.choice(["0.75", "1.00", "1.25", "1.75"]) if kind == "hail" else None,
        "wind": rng.choice([58, 60, 61, 64, 75]) if kind == "wind" else None,
        "rating": rng.choice([None, "EF0"]) if kind == "tornado" else None,
        "category": rng.choice([None, 1]) if kind == "hurricane" else None,
    }


def of_house(house: Row[Any], storms: list[Row[Any]]) -> dict[TriggerType, Trigger]:
    """What the per-property rules say of one house; of its storms the strongest, of equals the later."""
    age = estimate_roof_age(
        RoofEvidence(permit_on=house.roof_installed_on, year_built=house.year_built),
        house.today,
        material=RoofMaterial(house.roof_material) if house.roof_material else None,
        state=house.state,
        county=house.county,
    )
    found = [storm_trigger(_storm(row), house.now) for row in storms]
    strongest = max(
        (s for s in found if s), key=lambda s: (s.strength, s.occurred_at, s.origin_key), default=None
    )
    sold = house.last_sale_on
    reasons = [
        strongest,
        neighbor_trigger(house.permits, house.now),
        roof_age_trigger(age.mid if age else None, house.now),
        sale_trigger(datetime.combine(sold, time(), UTC), house.now) if sold else None,
    ]
    return {reason.trigger_type: reason for reason in reasons if reason is not None}


def _storm(row: Row[Any]) -> Storm:
    return Storm(
        str(row.id),
        WeatherEventType(row.event_type),
        row.began_at,
        Decimal(str(row.miles)),
        hail_size_inches=row.hail_size_inches,
        wind_speed_mph=row.wind_speed_mph,
        tornado_rating=TornadoRating(row.tornado_rating) if row.tornado_rating else None,
        hurricane_category=row.category,
    )


async def test_both_forms_find_the_same_reasons_of_ten_thousand_parcels(db: AsyncSession) -> None:
    city = await town(db)
    await ParcelStormRepository(db).match(city)
    await ParcelTriggerRepository(db).derive(city)

    houses = (await db.execute(PLAIN_PARCELS, {"city": city, "metres": 0.25 * METRES_PER_MILE})).all()
    # A distance counts in thousandths of a mile.
    reach = (float(max(STORM_REACH_MILES.values())) + 0.0005) * METRES_PER_MILE
    near: defaultdict[UUID, list[Row[Any]]] = defaultdict(list)
    for row in await db.execute(PLAIN_STORMS, {"mile": METRES_PER_MILE, "reach": reach}):
        near[row.parcel_id].append(row)
    stored: defaultdict[UUID, dict[str, tuple[Any, ...]]] = defaultdict(dict)
    for row in await ParcelTriggerRepository(db).of_parcels([house.id for house in houses]):
        stored[row.parcel_id][row.trigger_type] = (row.strength, row.occurred_at, row.expires_at)

    assert len(houses) == PARCELS
    seen: defaultdict[TriggerType, set[int]] = defaultdict(set)
    for house in houses:
        expected = of_house(house, near[house.id])
        assert stored[house.id] == {
            kind: (t.strength, t.occurred_at, t.expires_at) for kind, t in expected.items()
        }, house
        for kind, trigger in expected.items():
            seen[kind].add(trigger.strength)
    assert {kind: len(strengths) > 4 for kind, strengths in seen.items()} == dict.fromkeys(
        ("neighbor_permits", "weather_event", "roof_age", "property_sale"), True
    )


ROWS = text(
    "SELECT parcel_id, trigger_type, ctid, occurred_at, expires_at FROM parcel_triggers ORDER BY 1, 2"
)
FORGET_TABLES = text("DROP TABLE warm, reasons")


async def test_a_second_look_writes_nothing_and_a_later_one_only_what_changed(db: AsyncSession) -> None:
    city = await town(db)
    repository = ParcelTriggerRepository(db)
    first = await repository.derive(city)
    before = (await db.execute(ROWS)).all()
    await db.execute(FORGET_TABLES)

    assert first == len(before) > PARCELS / 2
    assert await repository.derive(city) == 0
    assert (await db.execute(ROWS)).all() == before

    await db.execute(
        text(
            "UPDATE parcels SET last_sale_on = NULL, year_built = 0, roof_installed_on = NULL WHERE apn = 'H7'"
        )
    )
    await db.execute(text("UPDATE parcels SET last_sale_on = current_date WHERE apn = 'H8'"))
    await db.execute(FORGET_TABLES)
    written = await repository.derive(city)
    after = (await db.execute(ROWS)).all()
    touched = {row[:2] for row in {*before} ^ {*after}}
    assert 1 <= written == len(touched) <= 3


async def test_a_state_keeps_its_beginning_until_it_expires(db: AsyncSession) -> None:
    city = await town(db)
    repository = ParcelTriggerRepository(db)
    await repository.derive(city)
    await db.execute(
        text("UPDATE parcel_triggers SET occurred_at = occurred_at - interval '60 days', strength = 51,"
             " expires_at = CASE WHEN strength % 4 = 0 THEN now() ELSE expires_at - interval '60 days' END"
             " WHERE trigger_type = 'roof_age'")
    )  # fmt: skip
    await db.execute(FORGET_TABLES)
    await repository.derive(city)
    ages = (
        await db.execute(
            text("SELECT strength % 4 = 0 AS ended, occurred_at = now() AS anew, expires_at - occurred_at AS lasts"
                 " FROM parcel_triggers WHERE trigger_type = 'roof_age'")
        )
    ).all()  # fmt: skip
    assert {row.ended for row in ages} == {True, False}
    assert all(row.anew == row.ended and row.lasts.days == 365 for row in ages)
