"""The storm found for each parcel in sets is the one that measuring every pair finds, wherever the town lies."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.lead_generator.domain.prospecting_sql import (
    StormColumns,
    storm_force,
    storm_strength_expression,
)
from services.lead_generator.repository.parcel_storms import ParcelStormRepository
from shared.db.geo import METRES_PER_MILE
from tests.factories.leads import city_id

PARCELS, STORMS = 600, 40
MILES = f"ST_Distance(coalesce(storm.swath, storm.geom), parcel.geom) / {METRES_PER_MILE}"
STRENGTH = storm_strength_expression(storm_force(StormColumns(now="now()")), MILES)
PLAIN = f"""
    SELECT DISTINCT ON (parcel_id) parcel_id, weather_event_id, strength
      FROM (SELECT parcel.id AS parcel_id, storm.id AS weather_event_id, storm.began_at,
                   {STRENGTH} AS strength
              FROM parcels parcel JOIN weather_events storm ON storm.superseded_by IS NULL
             WHERE parcel.city_id = :city) met
     WHERE strength IS NOT NULL
     ORDER BY parcel_id, strength DESC, began_at DESC, weather_event_id DESC
"""
ADD_PARCEL = text(
    """
    INSERT INTO parcels (city_id, apn, county, state, address, address_key, city, source, content_hash, geom)
    SELECT :city, n, 'Harrow', 'TX', n, n, 'Harrow', 'test', n, CAST(:geom AS geography)
      FROM (SELECT CAST(:apn AS text) AS n) parcel
    """
)
ADD_STORM = text(
    """
    INSERT INTO weather_events (event_type, event_date, source, external_id, content_hash, geom, swath, began_at,
                                hail_size_inches, wind_speed_mph)
    SELECT :kind, current_date, 'test', n, n, CAST(:geom AS geography), CAST(:swath AS geography),
           date_trunc('hour', now()) - make_interval(days => :days), :hail, :wind FROM (SELECT CAST(:n AS text) AS n) s
    """
)
# The Aleutians across the date line, Alaska, Florida, the equator, and the south.
TOWNS = [(180.0, 51.9), (-149.9, 61.2), (-80.2, 25.8), (0.02, 0.01), (174.8, -41.3)]


def point(rng: random.Random, middle: tuple[float, float], reach: float) -> tuple[float, float]:
    """A place around a town's middle; the longitude stays between -180 and 180."""
    lng = middle[0] + rng.uniform(-reach, reach)
    return (lng - 360 if lng > 180 else lng), middle[1] + rng.uniform(-reach, reach)


def square(rng: random.Random, middle: tuple[float, float]) -> str:
    """The area of a warning, on one side of the date line."""
    lng, lat = point(rng, middle, 0.1)
    wide, high = rng.uniform(0.01, 0.08), rng.uniform(0.01, 0.08)
    east = min(180.0, lng + wide)
    corners = [(lng, lat), (east, lat), (east, lat + high), (lng, lat + high), (lng, lat)]
    return f"SRID=4326;MULTIPOLYGON((({', '.join(f'{x} {y}' for x, y in corners)})))"


def storm(rng: random.Random, middle: tuple[float, float], n: int) -> dict[str, Any]:
    """A report, one in four an area; few sizes and days, so that many are worth the same. One hurricane ends in town."""
    lng, lat = point(rng, middle, 0.3)
    hurricane = n == STORMS - 1
    return {
        "n": f"E{n}",
        "kind": "hurricane" if hurricane else rng.choice(["hail", "hail", "hail", "wind", "tornado"]),
        "geom": f"SRID=4326;POINT({lng} {middle[1] - 0.4 if hurricane else lat})",
        "swath": square(rng, middle) if rng.random() < 0.25 and not hurricane else None,
        "days": rng.choice([1, 1, 20, 40, 60, 89, 95]),
        "hail": rng.choice(["0.75", "1.00", "1.25", "1.50", "1.75"]),
        "wind": rng.choice([58, 61, 65, 70, 75]),
    }


async def town(db: AsyncSession, middle: tuple[float, float], seed: int) -> UUID:
    """Houses close together and storms around them, some of them superseded."""
    rng = random.Random(seed)
    city = await city_id(db)
    places = [point(rng, middle, 0.2) for _ in range(PARCELS)]
    parcels = [
        {"city": city, "apn": f"P{n}", "geom": f"SRID=4326;POINT({x} {y})"} for n, (x, y) in enumerate(places)
    ]
    await db.execute(ADD_PARCEL, [*parcels, {"city": city, "apn": "nowhere", "geom": None}])
    await db.execute(ADD_STORM, [storm(rng, middle, n) for n in range(STORMS)])
    await db.execute(
        text(
            "UPDATE weather_events SET superseded_by = (SELECT id FROM weather_events WHERE external_id = 'E0')"
            " WHERE external_id IN ('E1', 'E2', 'E3')"
        )
    )
    return city


async def stored(db: AsyncSession, city: UUID) -> list[Row[Any]]:
    """What the table says of a city's parcels."""
    statement = text(
        "SELECT parcel_id, weather_event_id, strength FROM parcel_storms WHERE city_id = :city ORDER BY parcel_id"
    )
    return list((await db.execute(statement, {"city": city})).all())


@pytest.mark.parametrize(("seed", "middle"), list(enumerate(TOWNS)))
async def test_the_strongest_storm_of_each_parcel_is_the_one_that_every_pair_says(
    db: AsyncSession, seed: int, middle: tuple[float, float]
) -> None:
    city = await town(db, middle, seed)

    struck = await ParcelStormRepository(db).match(city)

    found, plain = await stored(db, city), (await db.execute(text(PLAIN), {"city": city})).all()
    assert found == list(plain)
    assert struck == len(found) > PARCELS // 2
    assert len({row.weather_event_id for row in found}) > 9


async def test_a_city_is_matched_anew_and_no_other_is_touched(db: AsyncSession) -> None:
    city = await town(db, TOWNS[2], 7)
    await ParcelStormRepository(db).match(city)
    other = await city_id(db, "Marn")
    await db.execute(text("UPDATE parcel_storms SET city_id = :other WHERE strength < 90"), {"other": other})
    kept = await stored(db, other)
    await db.execute(text("UPDATE weather_events SET began_at = began_at - interval '100 days'"))
    await db.execute(text("DROP TABLE storms_now, houses, cells, contenders"))

    assert await ParcelStormRepository(db).match(city) == 0
    assert (await stored(db, city), await stored(db, other)) == ([], kept)
    assert kept


async def test_a_recording_is_matched_as_of_its_own_last_day(db: AsyncSession) -> None:
    city = await town(db, TOWNS[2], 8)
    day = (await db.execute(text("SELECT current_date - 38"))).scalar_one()

    await ParcelStormRepository(db).match(city, as_of=day)

    began = text(
        """
        SELECT DISTINCT current_date - e.began_at::date FROM parcel_storms s
          JOIN weather_events e ON e.id = s.weather_event_id
        """
    )
    days = set((await db.execute(began)).scalars())
    assert days
    assert days <= {40, 89, 95}
