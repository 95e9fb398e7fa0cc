"""The list of leads over a million of them in 75 cities, beside a route that does nothing but run the same SQL.

The buyer serves every city, the longest list of areas there is. RIDGELINE_BENCH_LEADS makes the stock smaller while
something is being tried; the goals are those of a million. Both are served by two processes, as production serves every API.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import quantiles
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import psycopg
import uvicorn
import uvloop
from fastapi import FastAPI, Request, Response
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from services.marketplace.api.leads import LeadQuery
from services.marketplace.app import service
from services.marketplace.repository.leads import offered_statement
from services.marketplace.settings import MarketplaceSettings
from shared.db.engine import make_engine, make_session_maker
from shared.security.policy import Role
from tests.bench.core import FORK
from tests.bench.figure import Figure
from tests.factories.leads import make_buyer
from tests.factories.services import running, settings_with_keys
from tests.faults.chaos import connect, prepare
from tests.faults.plane import Plane, own_plane

LEADS = int(os.environ.get("RIDGELINE_BENCH_LEADS", "1000000"))
CITIES, STREETS = 75, 300
SECONDS = float(os.environ.get("RIDGELINE_BENCH_SECONDS", "10"))
P95_GOAL_MS, COUNTRY_GOAL_MS, RATE_GOAL, RATIO_GOAL = 60.0, 150.0, 400.0, 0.5
COUNTRY = "-125,24,-66,50"
PROCESSES, POOL = 2, 5
DIALECT = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]
LOAD = (
    "SELECT setseed(0.42)",
    """
    INSERT INTO target_cities (city, state, tier, priority, active, time_zone, center)
    SELECT 'Bench ' || n, 'TX', 1, 1, true, 'America/Chicago',
           ST_Point(-122 + 3.5 * (n %% 15), 26 + 4.5 * (n / 15), 4326)::geography
      FROM generate_series(0, %(cities)s - 1) n
    """,
    """
    CREATE TEMP TABLE house AS
    SELECT n, c.id AS city_id, c.city, (n / %(cities)s) || ' S' || (n / %(cities)s %% %(streets)s) || ' ST' AS address,
           ST_Point(ST_X(c.center::geometry) - 0.16 + 0.32 * random(),
                    ST_Y(c.center::geometry) - 0.14 + 0.28 * random(), 4326)
           AS geom, 60 + floor(40 * random())::int AS score
      FROM generate_series(0, %(leads)s - 1) n JOIN target_cities c ON c.city = 'Bench ' || (n %% %(cities)s)
    """,
    """
    INSERT INTO parcels (city_id, apn, county, state, address, address_key, city, source, content_hash, geom)
    SELECT city_id, 'A' || n, 'Bench', 'TX', address, n || '||', city, 'bench', n::text, geom::geography FROM house
    """,
    """
    INSERT INTO base_leads (city_id, address, address_key, city, state, zip, time_zone, status, quality_score, grade, price,
                            property_value, prospect_reason, geom, map_cell)
    SELECT city_id, address, n || '||', city, 'TX', '76998', 'America/Chicago', 'available', score,
           (ARRAY['D', 'C', 'B', 'A'])[(score - 60) / 10 + 1], 50 + score, 200000 + score * 1000, '{storm,roof_age}',
           geom::geography, ST_SnapToGrid(geom, 0.0025, 0.0025, 0.005, 0.005)
      FROM house
    """,
    """
    INSERT INTO roof_analysis (base_lead_id, overall_condition, calibrated_confidence, is_current, image_domain, urgency,
                               workflow_id)
    SELECT id, (ARRAY['poor', 'fair', 'good'])[1 + quality_score %% 3], 0.9, true, 'rendered', quality_score,
           gen_random_uuid()
      FROM base_leads
    """,
    """
    INSERT INTO lead_triggers (base_lead_id, trigger_type, trigger_date, trigger_strength, trigger_details)
    SELECT id, 'weather_event', now(), 80, '{}' FROM base_leads WHERE quality_score %% 10 = 0
    """,
    "VACUUM ANALYZE parcels",
    "VACUUM ANALYZE base_leads",
    "VACUUM ANALYZE roof_analysis",
    "VACUUM ANALYZE lead_triggers",
)
FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"min_score": 80},
    {"grade": "A"},
    {"max_price": 120},
    {"condition": "poor"},
    {"storm": "true"},
    {"sort": "price"},
    {"min_urgency": 85, "min_score": 70},
)

Paths = Callable[[random.Random], str]


def figures() -> list[Figure]:
    """Answers of the list: how fast in boxes of every size, how many a second, how fast for the whole country."""
    with own_plane() as plane:
        prepare(plane)
        _load(plane)
        settings = settings_with_keys(
            MarketplaceSettings,
            database_url=plane.database_url,
            redis_url=plane.redis_url,
            lead_reads_per_minute=10_000_000,
        )
        return uvloop.run(_measured(plane, settings))


def _load(plane: Plane) -> None:
    with connect(plane) as connection:
        for statement in LOAD:
            connection.execute(statement, {"cities": CITIES, "streets": STREETS, "leads": LEADS})


async def _measured(plane: Plane, settings: MarketplaceSettings) -> list[Figure]:
    engine = make_engine(plane.database_url, application_name="bench")
    areas = [{"city": f"Bench {n}", "state": "TX", "radius_miles": 25} for n in range(CITIES)]
    async with make_session_maker(engine).begin() as session:
        contractor, user = await make_buyer(session, service_areas=areas, city="Bench 0")
    await engine.dispose()
    async with _processes(_serve_ours, settings, contractor, user) as (ports, token):
        mixed = await _asked(ports, token, 10, _boxes(0.04, 0.2, FILTERS))
        ours = await _asked(ports, token, 50, _boxes(0.04, 0.04, FILTERS[:1]))
        country = await _asked(ports, token, 1, lambda _: _address({"box": COUNTRY}))
    async with _processes(_serve_bare, settings, contractor, user) as (ports, token):
        bare = await _asked(ports, token, 50, _boxes(0.04, 0.04, FILTERS[:1]))
    rate, bare_rate = len(ours) / SECONDS, len(bare) / SECONDS
    parts = {"leads": float(LEADS)}
    return [
        Figure("lists of leads, p95 at 10 clients", _p95(mixed), "ms", P95_GOAL_MS, at_most=True,
               baseline="bare route at 50, ms", baseline_value=_p95(bare), parts=parts),
        Figure("lists of 0.04 degrees, 50 clients", round(rate), "a second", RATE_GOAL, at_most=False,
               baseline="bare route, a second", baseline_value=round(bare_rate), parts={**parts, "p95, ms": _p95(ours)}),
        Figure("the same in bare routes", round(rate / bare_rate, 2), "x", RATIO_GOAL, at_most=False,
               baseline="bare route", baseline_value=1.0),
        Figure("list of the country, p95", _p95(country), "ms", COUNTRY_GOAL_MS, at_most=True,
               baseline="bare route at 50, ms", baseline_value=_p95(bare), parts=parts),
    ]  # fmt: skip


def _boxes(smallest: float, largest: float, filters: tuple[dict[str, Any], ...]) -> Paths:
    """Addresses of lists in boxes of a city, with one of the filters."""

    def path(chance: random.Random) -> str:
        city, side = chance.randrange(CITIES), chance.uniform(smallest, largest)
        west = -122 + 3.5 * (city % 15) - 0.16 + (0.32 - side) * chance.random()
        south = 26 + 4.5 * (city // 15) - 0.14 + (0.28 - side) * chance.random()
        box = f"{west:.4f},{south:.4f},{west + side:.4f},{south + side:.4f}"
        return _address({"box": box, **chance.choice(filters)})

    return path


def _address(query: dict[str, Any]) -> str:
    return f"/api/leads?{urlencode(query)}"


def _p95(seconds: list[float]) -> float:
    return round(1000 * quantiles(seconds, n=100)[94], 1)


async def _asked(ports: list[int], token: str, clients: int, paths: Paths) -> list[float]:
    """Seconds of every answer that so many clients got, after a second that does not count."""
    times: list[float] = []
    begin = time.perf_counter() + 1

    async def ask(number: int) -> None:
        """One connection that asks again as soon as it has its answer."""
        chance = random.Random(number)
        reader, writer = await asyncio.open_connection("127.0.0.1", ports[number % len(ports)])
        while (asked := time.perf_counter()) < begin + SECONDS:
            header = f"Host: bench\r\nAuthorization: Bearer {token}"
            writer.write(f"GET {paths(chance)} HTTP/1.1\r\n{header}\r\n\r\n".encode())
            await _answer(reader)
            if asked >= begin:
                times.append(time.perf_counter() - asked)
        writer.close()

    await asyncio.gather(*map(ask, range(clients)))
    return times


async def _answer(reader: asyncio.StreamReader) -> None:
    """Read one answer; RuntimeError with its words when it is a refusal."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(body.decode())


@asynccontextmanager
async def _processes(serve: Callable[..., Any], *arguments: Any) -> AsyncIterator[tuple[list[int], str]]:
    """Such servers behind one another: their ports, and a token that all of them take."""
    async with AsyncExitStack() as stack:
        started = [await stack.enter_async_context(_process(serve, *arguments)) for _ in range(PROCESSES)]
        yield [port for port, _ in started], started[0][1]


@asynccontextmanager
async def _process(
    serve: Callable[..., Any], settings: MarketplaceSettings, contractor: UUID, user: UUID
) -> AsyncIterator[tuple[int, str]]:
    """A server in a process of its own: its port, and the buyer's token."""
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=_run, args=(serve, settings, contractor, user, theirs))
    process.start()
    try:
        port, token = await asyncio.to_thread(ours.recv)
        yield port, token
    finally:
        process.terminate()
        await asyncio.to_thread(process.join)


def _run(serve: Callable[..., Any], *arguments: Any) -> None:
    asyncio.set_event_loop(None)
    uvloop.run(serve(*arguments))


async def _serve_ours(settings: MarketplaceSettings, contractor: UUID, user: UUID, tell: Any) -> None:
    async with running(service, settings) as door:
        token = door.user_token(Role.CONTRACTOR_OWNER, contractor_id=contractor, user_id=user)
        await _serve(door.app, token, tell)


async def _serve_bare(settings: MarketplaceSettings, contractor: UUID, _: UUID, tell: Any) -> None:
    """The same SQL through a pool of psycopg's connections, its rows made JSON by the database."""
    pool: asyncio.Queue[psycopg.AsyncConnection] = asyncio.Queue()
    for _n in range(POOL):
        url = settings.database_url.replace("+psycopg", "")
        pool.put_nowait(await psycopg.AsyncConnection.connect(url, autocommit=True))
    app = FastAPI()

    @app.get("/api/leads")
    async def listed(request: Request) -> Response:
        statement, values = offered_statement(contractor, LeadQuery(**request.query_params).filter())
        whole = f"SELECT coalesce(json_agg(found), '[]')::text AS body FROM ({statement}) found"
        connection = await pool.get()
        try:
            answer = await connection.execute(_plain(whole), values)
            row = await answer.fetchone()
        finally:
            pool.put_nowait(connection)
        assert row is not None
        return Response(row[0], media_type="application/json")

    await _serve(app, "none", tell)


_PLAIN: dict[str, bytes] = {}


def _plain(statement: str) -> bytes:
    """The statement with psycopg's own placeholders."""
    if statement not in _PLAIN:
        _PLAIN[statement] = str(text(statement).compile(dialect=DIALECT)).encode()
    return _PLAIN[statement]


async def _serve(app: FastAPI, token: str, tell: Any) -> None:
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, ws="none")
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event to wait for
        await asyncio.sleep(0.01)
    tell.send((server.servers[0].sockets[0].getsockname()[1], token))
    await serving
