"""The scheduled jobs of a day, run by their schedule on a fast clock."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import uuid4

from shared.cli.activate_run import ENDED, patiently
from shared.cli.client import service
from shared.cli.leads_queries import rows
from shared.http.clients.base import ServiceClient

JOBS = ("permits", "weather", "prospecting", "enrichment", "ml")
"""The jobs of 02:00, 03:00 and 04:00, and the hourly ones that look for owners and at roofs."""
EVENTS = (
    "permit.scraped",
    "property.scraped",
    "enrichment.completed",
    "images.processed",
    "ml_inference.completed",
)
FAST = "* * * * * */5"
"""Every five seconds."""
PATIENCE_SECONDS = 120.0
ANNOUNCED = "SELECT type, count(*) AS n FROM core.outbox WHERE type = ANY (:types) GROUP BY type"

Jobs = dict[str, dict[str, Any]]


async def play_a_day() -> dict[str, str]:
    """Let each job of a day come due within seconds, and say how its run ended ("late" when it has not)."""
    async with service("orchestrator") as orchestrator:
        before = await _jobs(orchestrator)
        try:
            for job in JOBS:
                await _run_at(orchestrator, job, FAST, before[job]["tz"])
            await _all_ran(orchestrator, before)
        finally:
            for job in JOBS:
                await _run_at(orchestrator, job, before[job]["cron"], before[job]["tz"])
        return await _ended(orchestrator, before)


async def announced() -> dict[str, int]:
    """How often each event of a house's way was announced."""
    found = {row["type"]: int(row["n"]) for row in await rows(ANNOUNCED, {"types": list(EVENTS)})}
    return {name: found.get(name, 0) for name in EVENTS}


async def _jobs(orchestrator: ServiceClient) -> Jobs:
    listed = await patiently(lambda: orchestrator.get("/jobs/scheduled"))
    return {job["job"]: job for job in listed if job["job"] in JOBS}


async def _run_at(orchestrator: ServiceClient, job: str, cron: str, tz: str) -> None:
    times = {"cron": cron, "tz": tz}
    await orchestrator.command("PUT", f"/jobs/{job}/times", idempotency_key=uuid4().hex, json=times)


async def _all_ran(orchestrator: ServiceClient, before: Jobs) -> None:
    """Wait until every job has begun a run of its own since."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        now = await _jobs(orchestrator)
        if all(now[job]["last_slot"] != before[job]["last_slot"] for job in JOBS):
            return
        await asyncio.sleep(0.5)


async def _ended(orchestrator: ServiceClient, before: Jobs) -> dict[str, str]:
    """How each job's last run ended."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        now = await _jobs(orchestrator)
        states = {
            job: now[job]["last_status"] if now[job]["last_slot"] != before[job]["last_slot"] else "late"
            for job in JOBS
        }
        if all(state in ENDED for state in states.values()):
            return states
        if time.monotonic() > deadline:
            return {job: state if state in ENDED else "late" for job, state in states.items()}
        await asyncio.sleep(0.5)
