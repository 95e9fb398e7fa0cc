"""The operators' desk: what waits, the cities and their workflows, queues and dead letters, asked of their owners."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from services.marketplace.api.cookies import CSRF_COOKIE
from services.marketplace.app import service
from services.marketplace.settings import MarketplaceSettings
from services.ml_inference.api import validation
from services.ml_inference.settings import MlInferenceSettings
from services.orchestrator.app import service as orchestrator
from services.orchestrator.settings import OrchestratorSettings
from services.scraper.api import source_health
from services.scraper.settings import ScraperSettings
from shared.db.engine import SessionMaker
from shared.runtime import Service
from shared.schemas.enums import UserRole
from tests.factories.accounts import PASSWORD, make_staff
from tests.factories.services import RunningService, running, settings_with_keys
from tests.factories.single_step import begin
from tests.integration.marketplace.conftest import rows

PAGE = {"accept": "text/html,application/xhtml+xml"}
REVIEWS = Service(
    name="ml_inference", summary="Reviews.", settings=MlInferenceSettings, routers=[validation.router]
)
SOURCES = Service(
    name="scraper", summary="Sources.", settings=ScraperSettings, routers=[source_health.router]
)
HOSTILE = '"><script>alert(1)</script>'


@dataclass
class Desk:
    """The marketplace beside the services that own the work."""

    door: RunningService
    db: SessionMaker

    async def enter(self, role: UserRole, **options: Any) -> httpx.AsyncClient:
        """The browser of somebody of ours, logged in."""
        async with self.db.begin() as session:
            email = await make_staff(session, role)
        client = self.door.client(headers=PAGE, timeout=30, **options)
        answer = await client.post("/login", data={"email": email, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return client

    async def stopped(self, reason: str = "the county does not answer") -> tuple[UUID, UUID]:
        """A workflow whose first step was given up, and its dead letter."""
        workflow = await begin(self.door.resources, "property")
        async with self.db.begin() as session:
            values = {"id": workflow, "reason": reason}
            for statement in (
                (
                    "UPDATE core.step SET status = 'dead', error = '{\"type\": \"ProviderTimeout\"}', reason = :reason"
                    " WHERE workflow_id = :id AND name = 'scrape_property'"
                ),
                "UPDATE core.workflow SET status = 'failed', finished_at = now() WHERE id = :id",
            ):
                await session.execute(text(statement), values)
            letter: UUID = (
                await session.execute(
                    text(
                        "INSERT INTO core.dead_letter (source, workflow_id, step_name, reason, attempts)"
                        " VALUES ('step', :id, 'scrape_property', :reason, 5) RETURNING id"
                    ),
                    values,
                )
            ).scalar_one()
        return workflow, letter


async def send(client: httpx.AsyncClient, path: str, **fields: Any) -> httpx.Response:
    """The answer to a form of the page."""
    return await client.post(path, data={"csrf_token": client.cookies[CSRF_COOKIE], **fields})


@pytest.fixture
async def desk(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker
) -> AsyncIterator[Desk]:
    servers = {"database_url": database_url, "redis_url": redis_url}
    async with (
        running(REVIEWS, settings_with_keys(MlInferenceSettings, **servers)) as reviews,
        running(SOURCES, settings_with_keys(ScraperSettings, **servers)) as sources,
        running(orchestrator, settings_with_keys(OrchestratorSettings, **servers)) as owner,
    ):
        neighbours = {"ml_inference": reviews, "scraper": sources, "orchestrator": owner}
        settings = settings_with_keys(MarketplaceSettings, **servers, cookie_secure=False)
        async with running(service, settings, neighbours=neighbours) as door:
            yield Desk(door, committed_db)


async def test_the_start_counts_what_its_lists_hold(desk: Desk) -> None:
    for _ in range(3):
        await desk.stopped()
    client = await desk.enter(UserRole.OPS)

    start = await client.get("/ops")
    told = (await client.get("/api/ops/waiting", headers={"accept": "application/json"})).json()
    queues = await client.get("/ops/queues")

    counts = {line["work"]: line["count"] for line in told}
    assert counts["dead_letters"] == 3 == queues.text.count("Close without another try")
    assert None not in counts.values()
    assert {line["path"] for line in told} <= set(re.findall(r'href="([^"]+)"', start.text))
    sources = await client.get("/ops/sources")
    assert sources.text.count('<th scope="row">') == counts["sources"]


async def test_the_start_goes_on_without_a_neighbour(desk: Desk, redis: Redis) -> None:
    settings = desk.door.resources.settings
    object.__setattr__(settings, "orchestrator_base_url", "http://127.0.0.1:9")
    client = await desk.enter(UserRole.OPS)

    start, cities = await client.get("/ops"), await client.get("/ops/cities")

    assert start.status_code == 200
    assert start.text.count("Cannot be asked now") == 1
    assert cities.status_code == 503
    assert "cannot be reached" in cities.text


async def test_a_city_is_activated_followed_and_paused(desk: Desk) -> None:
    client = await desk.enter(UserRole.OPS)
    before = await client.get("/ops/cities/Harrow/TX")
    activated = await send(client, "/ops/cities/Harrow/TX/activate")
    runs, listed = await client.get("/ops/cities/Harrow/TX"), await client.get("/ops/cities")
    paused = await send(client, "/ops/cities/Harrow/TX/pause")
    after = await client.get("/ops/cities/Harrow/TX")
    events = await client.get("/ops/cities/Harrow/TX/events")

    assert "never activated" in before.text
    assert activated.status_code == paused.status_code == 303, activated.text
    assert activated.headers["location"] == "/ops/cities/Harrow/TX"
    assert 'data-events="/ops/cities/Harrow/TX/events"' in runs.text
    assert 'data-events="/ops/cities/events"' in listed.text
    assert "data-events" not in after.text
    assert events.headers["content-type"].startswith("text/event-stream")
    assert [line for line in events.text.splitlines() if line.startswith("event:")] == [
        "event: part",
        "event: end",
    ]
    trail = await rows(
        desk.db,
        "SELECT action, actor FROM audit_log WHERE action LIKE 'city.%' ORDER BY chain_day, chain_seq",
    )
    assert [row.action for row in trail] == ["city.activate", "city.deactivate"]
    assert all("user" in row.actor for row in trail)


async def test_a_stopped_step_shows_why_and_runs_again(desk: Desk) -> None:
    workflow, _ = await desk.stopped(HOSTILE)
    client = await desk.enter(UserRole.ADMIN)

    page = await client.get(f"/ops/workflows/{workflow}")
    again = await send(client, f"/ops/workflows/{workflow}/retry")
    twice = await send(client, f"/ops/workflows/{workflow}/retry")
    queues = await client.get("/ops/queues")

    assert "ProviderTimeout" in page.text
    assert HOSTILE not in page.text
    assert again.headers["location"] == f"/ops/workflows/{workflow}"
    assert twice.status_code == 409
    assert "<h1>" in twice.text
    assert "No dead letters" in queues.text


async def test_letters_are_driven_again_at_once_and_closed_with_a_reason(desk: Desk) -> None:
    letters = [letter for _, letter in [await desk.stopped() for _ in range(3)]]
    client = await desk.enter(UserRole.OPS)

    short = await send(client, f"/ops/queues/{letters[0]}/dismiss", reason="no")
    closed = await send(client, f"/ops/queues/{letters[0]}/dismiss", reason="the house is gone")
    driven = await send(client, "/ops/queues/redrive", letter=[str(each) for each in letters])
    said = await client.get(driven.headers["location"])

    assert [short.status_code, closed.status_code, driven.status_code] == [422, 303, 303]
    assert driven.headers["location"] == "/ops/queues?driven=2&refused=1"
    assert "2 run again." in said.text
    trail = await rows(
        desk.db,
        "SELECT action, reason FROM audit_log WHERE action LIKE 'dead_letter.%' ORDER BY chain_day, chain_seq",
    )
    assert sorted((row.action, row.reason) for row in trail) == [
        ("dead_letter.dismiss", "the house is gone"),
        ("dead_letter.redrive", None),
        ("dead_letter.redrive", None),
    ]


PAGES = (
    "/ops",
    "/ops/cities",
    "/ops/cities/Harrow/TX",
    "/ops/queues",
    "/ops/sources",
    "/ops/decisions",
    "/ops/switches",
)


async def test_a_reviewer_sees_nothing_of_the_desk(desk: Desk) -> None:
    client = await desk.enter(UserRole.REVIEWER)

    answers = [await client.get(path) for path in (*PAGES, f"/ops/workflows/{uuid4()}")]
    forms = [
        await send(client, path)
        for path in ("/ops/cities/Harrow/TX/activate", f"/ops/queues/{uuid4()}/redrive")
    ]

    assert {answer.status_code for answer in (*answers, *forms)} == {403}
    assert all('aria-label="Desk"' not in answer.text for answer in answers)


async def test_a_form_without_its_proof_changes_nothing(desk: Desk) -> None:
    _, letter = await desk.stopped()
    client = await desk.enter(UserRole.OPS)

    answer = await client.post(f"/ops/queues/{letter}/redrive", data={})

    assert answer.status_code == 403
    open_ones = await rows(desk.db, "SELECT 1 FROM core.dead_letter WHERE resolved_at IS NULL")
    assert len(open_ones) == 1
