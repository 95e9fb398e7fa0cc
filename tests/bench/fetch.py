"""A thousand pages of a slow host through the product's own gate, pace and client, beside bare httpx.

The host is a sandbox process that takes 50 ms a page. The ideal is what the host's row in the registry allows at once.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from uuid import uuid4

import httpx
import uvloop

from shared.db import seed
from shared.http.client import FetchSource
from shared.providers.context import calling_for
from shared.runtime.resources import Resources, open_resources
from tests.bench.figure import Figure
from tests.factories.sandbox import running_sandbox
from tests.faults.chaos import prepare, settings_for
from tests.faults.plane import Plane, own_plane

PAGES = 1000
LATENCY_SECONDS = 0.05
AT_ONCE = 10
IDEAL_SECONDS = PAGES * LATENCY_SECONDS / AT_ONCE
WITHIN = 1.3
# The pace is no limit here: what is measured is what the product adds to the host's own time.
SOURCE = FetchSource(
    "harrow_tx_assessor", "allowed", enabled=True, requests_per_second=1000, concurrency=AT_ONCE
)


def figures() -> list[Figure]:
    """Seconds for all pages as one job reads them; beside it, as the workflows of as many properties do."""
    with (
        own_plane() as plane,
        tempfile.TemporaryDirectory(prefix="ridgeline-fetch-") as folder,
        running_sandbox(Path(folder), parcels=PAGES) as sandbox,
    ):
        prepare(plane)
        seed.run(plane.database_url)
        urls = _pages(sandbox)
        bare = uvloop.run(_bare(urls))
        job, cpu, workflows = uvloop.run(_product(plane, sandbox, urls))
    parts = {
        "ideal": IDEAL_SECONDS,
        "times the ideal": round(job / IDEAL_SECONDS, 2),
        "a workflow a page": round(workflows, 2),
    }
    return [
        Figure("1,000 pages at 50 ms, 10 at once", round(job, 2), "s", round(WITHIN * IDEAL_SECONDS, 2), at_most=True,
               baseline="bare httpx, s", baseline_value=round(bare, 2), cpu_ms_each=round(1000 * cpu / PAGES, 2),
               parts=parts),
    ]  # fmt: skip


def _pages(sandbox: str) -> list[str]:
    """The addresses of the assessor's pages; from now on each takes its time."""
    truth = httpx.get(f"{sandbox}/_sandbox/truth", timeout=60, trust_env=False).json()
    order = {"fault": "latency", "seconds": LATENCY_SECONDS, "count": 1_000_000}
    httpx.post(f"{sandbox}/_sandbox/assessor/next", json=order, trust_env=False).raise_for_status()
    return [f"{sandbox}/assessor/harrow/property/{parcel['apn']}" for parcel in truth["parcels"][:PAGES]]


async def _bare(urls: list[str]) -> float:
    async with httpx.AsyncClient(trust_env=False) as client:

        async def fetch(url: str) -> int:
            return (await client.get(url)).status_code

        return await _timed(fetch, urls)


async def _product(plane: Plane, sandbox: str, urls: list[str]) -> tuple[float, float, float]:
    settings = settings_for(plane).model_copy(update={"fetch_trusted_origins": sandbox})
    async with open_resources("scraper", settings) as resources:
        with calling_for("workflow", uuid4(), workflow_id=uuid4()):
            cpu = time.process_time()
            job = await _timed(_fetcher(resources), urls)
            cpu = time.process_time() - cpu
        return job, cpu, await _timed(_fetcher(resources, alone=True), urls)


def _fetcher(resources: Resources, *, alone: bool = False) -> Callable[[str], Awaitable[int]]:
    async def fetch(url: str) -> int:
        with calling_for("lead", uuid4(), workflow_id=uuid4()) if alone else nullcontext():
            return (await resources.providers.fetcher.fetch(url, SOURCE, configured=True)).status

    return fetch


async def _timed(fetch: Callable[[str], Awaitable[int]], urls: Iterable[str]) -> float:
    """Seconds until readers, as many as the host takes at once, have fetched everything."""
    left = iter(urls)

    async def read() -> None:
        for url in left:
            if await fetch(url) != 200:
                raise RuntimeError(f"{url} is no page")

    began = time.perf_counter()
    await asyncio.gather(*(read() for _ in range(AT_ONCE)))
    return time.perf_counter() - began
