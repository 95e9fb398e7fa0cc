"""A million parcels and the storms of a season: the strongest for each found and stored, beside geopandas doing the same.

Both go from tables to a table on the same server. geopandas measures in a plane of the metro, so a house on an edge may
fall on its other side; the share of houses to which both give the same strength is printed.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from sqlalchemy import create_engine, text

from services.lead_generator.domain.triggers import (
    HAIL_DISTANCE_LOSS,
    HAIL_INCHES_PER_TEN,
    HAIL_MIN_INCHES,
    HAIL_TIME_LOSS,
    STORM_CEILING,
    STORM_FLOOR,
    STORM_REACH_MILES,
    STORM_WINDOW_DAYS,
    WIND_ABOVE_MPH,
)
from services.lead_generator.repository.parcel_storms import ParcelStormRepository
from shared.db.geo import METRES_PER_MILE
from shared.runtime.resources import Resources
from shared.schemas.enums import WeatherEventType
from tests.bench.core import with_resources
from tests.bench.figure import Figure
from tests.faults.chaos import connect, prepare
from tests.faults.plane import Plane, own_plane

PARCELS, STORMS = 1_000_000, 300
GOAL_SECONDS = 20.0
MEMORY_GOAL_MB = 500.0
REACH = STORM_REACH_MILES[WeatherEventType.HAIL]
METRO_CRS = "EPSG:32614"
# 37 miles each way: of 300 million pairs about 15 million lie within five miles.
LOAD = (
    "SELECT setseed(0.42)",
    """
    INSERT INTO target_cities (city, state, tier, priority, active, time_zone)
    VALUES ('Metro', 'TX', 1, 1, true, 'America/Chicago')
    """,
    """
    INSERT INTO parcels (city_id, apn, county, state, address, address_key, city, source, content_hash, geom, year_built)
    SELECT c.id, 'A' || n, 'Metro', 'TX', n || ' OAK ST', n || '||OAK|ST|||76998', 'Metro', 'bench', n::text,
           ST_Point(-97.3 + 0.64 * random(), 32.5 + 0.54 * random(), 4326)::geography, 1990
      FROM target_cities c, generate_series(1, %(parcels)s) n WHERE c.city = 'Metro'
    """,
    """
    INSERT INTO weather_events (event_type, event_date, source, external_id, content_hash, geom, began_at,
                                hail_size_inches, wind_speed_mph)
    SELECT CASE WHEN hail THEN 'hail' ELSE 'wind' END, (now() - age)::date, 'bench', n, n,
           ST_Point(-97.3 + 0.64 * random(), 32.5 + 0.54 * random(), 4326)::geography, now() - age,
           CASE WHEN hail THEN 1 + 0.25 * floor(8 * random()) END, CASE WHEN NOT hail THEN 61 + floor(40 * random()) END
      FROM (SELECT n::text AS n, random() < 0.7 AS hail, make_interval(hours => (89 * 24 * random())::int) AS age
              FROM generate_series(1, %(storms)s) n) report
    """,
    "CREATE TABLE by_geopandas (parcel_id uuid PRIMARY KEY, weather_event_id uuid, strength int)",
    "VACUUM ANALYZE parcels",
    "VACUUM ANALYZE weather_events",
)
SAME = """
    SELECT avg((ours.strength IS NOT DISTINCT FROM theirs.strength)::int)
      FROM parcel_storms ours FULL JOIN by_geopandas theirs USING (parcel_id)
"""


def figures() -> list[Figure]:
    """Time against goal and against geopandas, and the memory of the server's process."""
    with own_plane() as plane:
        prepare(plane)
        city = _load(plane)
        ours, memory = _by_product(plane, city)
        theirs, pairs = _by_geopandas(plane)
        with connect(plane) as connection:
            stored = _one(connection, "SELECT count(*) FROM parcel_storms")
            same = float(_one(connection, SAME))
    parts = {"pairs within 5 miles": pairs, "stored": stored, "same strength": round(same, 4)}
    return [
        Figure("strongest storm of a parcel", round(ours, 1), "s", GOAL_SECONDS, at_most=True,
               baseline="geopandas, s", baseline_value=round(theirs, 1), parts=parts),
        Figure("the same in geopandas' times", round(ours / theirs, 2), "x", 1.0, at_most=True,
               baseline="geopandas", baseline_value=1.0),
        Figure("server process at its peak", round(memory, 1), "MB", MEMORY_GOAL_MB, at_most=True,
               baseline="a parcel, bytes", baseline_value=round(memory * 1e6 / PARCELS, 1)),
    ]  # fmt: skip


def _load(plane: Plane) -> UUID:
    with connect(plane) as connection:
        for statement in LOAD:
            values = {"parcels": PARCELS, "storms": STORMS} if "%(" in statement else None
            connection.execute(statement, values)
        city: UUID = _one(connection, "SELECT id FROM target_cities WHERE city = 'Metro'")
    return city


def _one(connection: psycopg.Connection, statement: str) -> Any:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def _by_product(plane: Plane, city: UUID) -> tuple[float, float]:
    """Seconds of the step of prospecting that matches storms, commit included; private memory of its server process, MB."""

    async def match(resources: Resources) -> tuple[float, float]:
        async with resources.unit_of_work() as uow:
            backend = (await uow.session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            watch = asyncio.create_task(_peak_mb(backend))
            began = time.perf_counter()
            await ParcelStormRepository(uow.session).match(city)
        seconds = time.perf_counter() - began
        watch.cancel()
        return seconds, await watch

    measured: tuple[float, float] = with_resources(plane, match)
    return measured


async def _peak_mb(pid: int) -> float:
    """The most private memory a process was seen to hold until this is cancelled; shared buffers are not its own."""
    peak = 0.0
    try:
        while True:
            peak = max(peak, _private_mb(pid))
            await asyncio.sleep(0.1)
    except asyncio.CancelledError:
        return peak


def _private_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


def _by_geopandas(plane: Plane) -> tuple[float, int]:
    """Seconds of read, join, group and write; the pairs within five miles."""
    import geopandas

    began = time.perf_counter()
    with create_engine(plane.database_url).connect() as connection:
        parcels = geopandas.read_postgis(
            "SELECT id::text AS parcel_id, geom::geometry AS geom FROM parcels", connection
        ).to_crs(METRO_CRS)
        storms = geopandas.read_postgis(
            """
            SELECT id::text AS weather_event_id, geom::geometry AS geom, event_type, hail_size_inches::float8 AS hail,
                   wind_speed_mph::float8 AS wind, extract(epoch FROM now() - began_at)::float8 / 86400 AS days
              FROM weather_events ORDER BY began_at, id
            """,
            connection,
        ).to_crs(METRO_CRS)
    pairs = parcels[["geom"]].sjoin(
        storms[["geom"]], predicate="dwithin", distance=float(REACH) * METRES_PER_MILE
    )
    house, storm = pairs.index.to_numpy(), pairs["index_right"].to_numpy()
    metres = parcels.geometry.array[house].distance(storms.geometry.array[storm])
    strength = _strengths(storms, storm, metres / METRES_PER_MILE)
    # Storms are read in the order of their moments: of equals the highest position leads.
    best = pairs.assign(place=strength * STORMS + storm)["place"].groupby(level=0).max()
    with connect(plane) as writing, writing.cursor() as cursor:
        ids, events = parcels["parcel_id"].array[best.index], storms["weather_event_id"].array[best % STORMS]
        with cursor.copy("COPY by_geopandas FROM STDIN") as copy:
            copy.write("".join(map("{}\t{}\t{}\n".format, ids, events, best // STORMS)))
    return time.perf_counter() - began, len(pairs)


def _strengths(storms: Any, storm: Any, miles: Any) -> Any:
    """The rule in floating point, over arrays."""
    size = storms["hail"].to_numpy()
    raw = float(STORM_FLOOR) + 10 * (size - float(HAIL_MIN_INCHES)) / float(HAIL_INCHES_PER_TEN)
    aged = float(HAIL_TIME_LOSS) * np.floor(storms["days"].to_numpy()) / STORM_WINDOW_DAYS
    hail = np.minimum(float(STORM_CEILING), raw) - aged
    wind = np.minimum(
        float(STORM_CEILING), float(STORM_FLOOR) + (storms["wind"].to_numpy() - WIND_ABOVE_MPH) / 2
    )
    falls = (storms["event_type"] == WeatherEventType.HAIL).to_numpy()
    left = np.where(falls, hail, wind)[storm] - falls[storm] * float(HAIL_DISTANCE_LOSS / REACH) * miles
    return np.floor(np.maximum(float(STORM_FLOOR), left) + 0.5).astype(int)
