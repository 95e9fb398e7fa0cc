"""A feed that breaks in the middle is read on from there by the next attempt."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import httpx
from sqlalchemy import text

from services.scraper.app import service
from services.scraper.settings import ScraperSettings
from shared.db.engine import SessionMaker
from shared.workflow import start
from shared.workflow.runner import StepRunner
from tests.factories.services import running, settings_with_keys

ROWS = [{":id": f"row-{n}", ":updated_at": f"2026-01-0{n}T00:00:00.000Z"} for n in range(1, 8)]
PAGE = 3


class BreakingFeed:
    """A dataset of seven rows whose server fails on everything after the first page until it is mended."""

    def __init__(self) -> None:
        self.broken = True
        self.given: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The page that was asked for, or a failure."""
        after = re.search(r":updated_at > '([^']+)'", request.url.params.get("$where", ""))
        position = after.group(1) if after else ""
        if position and self.broken:
            return httpx.Response(500)
        self.given.append(position)
        rows = [row for row in ROWS if row[":updated_at"] > position]
        return httpx.Response(200, json=rows[:PAGE])


async def no_wait(_seconds: float) -> None:
    """Repeat at once."""


async def one(db: SessionMaker, statement: str, **values: Any) -> Any:
    async with db.begin() as session:
        result = await session.execute(text(statement), values)
        return result.scalar_one() if result.returns_rows else None  # type: ignore[attr-defined]


async def test_permits_go_on_at_the_page_that_failed_and_counts_add_up(
    database_url: str, redis_url: str, committed_db: SessionMaker
) -> None:
    settings = settings_with_keys(
        ScraperSettings, database_url=database_url, redis_url=redis_url, port_base=1
    )
    feed = BreakingFeed()
    city = await one(committed_db, "SELECT id FROM target_cities WHERE city = 'Harrow'")
    sources = await one(committed_db, "SELECT sources FROM target_cities WHERE city = 'Harrow'")
    entry = {**sources["permit_sources"][0], "page_size": PAGE, "base_url": "https://feed.test"}
    async with (
        running(service, settings) as scraper,
        httpx.AsyncClient(transport=httpx.MockTransport(feed.answer)) as http,
    ):
        deps = replace(scraper.resources.providers.deps, http=http, guarded_http=http, sleep=no_wait)
        providers = replace(scraper.resources.providers, deps=deps)
        runner = StepRunner(
            replace(scraper.resources, providers=providers), service.steps, worker="w", lease_seconds=30
        )
        async with committed_db.begin() as session:
            given = {"sources": {**sources, "permit_sources": [entry]}}
            workflow = (await start(session, "city", subject_id=city, input=given)).workflow_id
        await one(
            committed_db,
            "UPDATE core.step SET status = CASE name WHEN 'permits' THEN 'ready' ELSE 'done' END,"
            " output = CASE name WHEN 'source_check' THEN"
            " jsonb_build_object('usable', jsonb_build_array(CAST(:key AS text))) END"
            " WHERE name IN ('source_check', 'permits')",
            key=entry["key"],
        )

        await runner.run(workflow, "permits")
        before = list(feed.given)
        feed.broken = False
        await one(committed_db, "UPDATE core.step SET run_after = now() WHERE name = 'permits'")
        await runner.run(workflow, "permits")

    assert before == [""]
    assert feed.given == ["", ROWS[1][":updated_at"], ROWS[3][":updated_at"], ROWS[5][":updated_at"]]
    step = "SELECT output ->> 'read' FROM core.step WHERE name = 'permits'"
    assert await one(committed_db, step) == "7"
