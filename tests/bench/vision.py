"""Three models over the pictures of houses, through the product's own steps, beside the bare networks in the same run.

The pictures are the sandbox town's own: each house is fetched once, then looked at again from what is stored.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psutil
import uvicorn
import uvloop
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.image_processor.app import service as image_processor
from services.image_processor.settings import ImageProcessorSettings
from services.ml_inference.app import service as ml_inference
from services.ml_inference.own import MlOwn
from services.ml_inference.predicting import Picture, decoded
from services.ml_inference.settings import WEIGHTS, MlInferenceSettings
from services.ml_inference.vision import TargetedImage
from services.ml_inference.vision.cropping import cropped
from services.ml_inference.vision.net import Net, weights_of
from services.ml_inference.vision.registry import read_entries
from shared.db import seed
from shared.db.engine import SessionMaker, make_engine, make_session_maker
from shared.runtime.application import create_app
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import Service
from shared.schemas.enums import ViewAngle
from tests.bench.figure import Figure
from tests.factories.leads import make_lead
from tests.factories.sandbox import free_port, running_sandbox
from tests.factories.services import settings_with_keys
from tests.factories.single_step import begin, run_step
from tests.faults.chaos import prepare
from tests.faults.plane import Plane, own_plane
from tests.faults.report import say

HOUSES = 24
AT_ONCE = 3
HOUR = 3600.0
RATIO_GOAL, EAGER_GOAL = 1.3, 3.0
STORED_GOAL, FETCHED_GOAL, MEMORY_GOAL_MB, HEALTH_GOAL_MS = 4_000.0, 1_500.0, 600.0, 100.0
ASKED = 400
TRAINING = ("torch", "timm", "segmentation_models_pytorch", "ultralytics")
HEALTH = """
import sys, time, httpx
client, took = httpx.Client(trust_env=False), []
for _ in range(int(sys.argv[2])):
    began = time.perf_counter()
    client.get(sys.argv[1]).raise_for_status()
    took.append(time.perf_counter() - began)
    time.sleep(0.01)
print(sorted(took)[int(len(took) * 0.99)], sorted(took)[len(took) // 2])
"""
ENDED = text("UPDATE core.workflow SET status = 'done' WHERE id = :id")
FORGET = text("TRUNCATE ml_inference_jobs")
UNPROCESSED = text(
    """
    WITH made AS (DELETE FROM property_images WHERE parent_image_id IS NOT NULL)
    UPDATE property_images SET processed = false, processed_at = NULL WHERE parent_image_id IS NULL
    """
)


@dataclass(frozen=True)
class Studio:
    """Both services on one plane, and the houses they work on."""

    images: Resources
    models: Resources
    db: SessionMaker
    """As the owner of all tables."""
    leads: Sequence[UUID]

    @property
    def own(self) -> MlOwn:
        """The models."""
        own: MlOwn = self.models.own
        return own

    async def run(self, *steps: str) -> None:
        """These steps of every house's workflow, some houses at a time."""
        left = iter(self.leads)
        skipped: dict[str, dict[str, Any]] = {
            name: {} for name in ("imagery", "preprocess") if name not in steps
        }

        async def work() -> None:
            for lead in left:
                workflow = await begin(self.models, "property", lead)
                for name in steps:
                    served = ml_inference if name == "ml" else image_processor
                    resources = self.models if name == "ml" else self.images
                    row = await run_step(served, resources, workflow, name, ended=skipped)
                    if row.status != "done":
                        raise RuntimeError(f"{name} of a house ended as {row.status}: {row.reason}")
                await self.change(ENDED.bindparams(id=workflow))

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))

    async def change(self, statement: Any) -> None:
        """Have something forgotten, so that it is done again."""
        async with self.db.begin() as session:
            await session.execute(statement)


@dataclass(frozen=True)
class Took:
    """Seconds on the clock, and of processors: ours, and the sandbox's."""

    wall: float
    cpu: float


def figures() -> list[Figure]:
    """Every figure of the models, on servers and a town of the run's own."""
    with (
        own_plane() as plane,
        tempfile.TemporaryDirectory(prefix="ridgeline-vision-") as folder,
        running_sandbox(Path(folder) / "town", parcels=400) as sandbox,
    ):
        prepare(plane)
        os.environ["SANDBOX_URL"] = sandbox
        seed.run(plane.database_url)
        truth = httpx.get(f"{sandbox}/_sandbox/truth", timeout=60, trust_env=False).json()["parcels"]
        return uvloop.run(_figures(plane, sandbox, Path(folder), truth[:HOUSES]))


async def _figures(
    plane: Plane, sandbox: str, folder: Path, parcels: Sequence[dict[str, Any]]
) -> list[Figure]:
    async with _studio(plane, sandbox, folder, parcels) as studio:
        fetched = await _timed(lambda: studio.run("imagery", "preprocess", "ml"))
        await studio.change(FORGET)
        await studio.change(UNPROCESSED)
        stored = await _timed(lambda: studio.run("preprocess", "ml"))
        await studio.change(FORGET)
        looked = await _timed(lambda: studio.run("ml"))
        bodies = await _bodies(studio)
        bare = _bare(bodies)
        memory = _memory_mb()
        await studio.change(FORGET)
        median, worst = await _health_while(studio)
    pictures = {"pictures a house": round(len(bodies) / HOUSES, 1)}
    path, least = (round(1000 * seconds / HOUSES, 1) for seconds in (looked.cpu, bare))
    found = [
        Figure("three models, job path", path, "ms CPU", round(RATIO_GOAL * least, 1), at_most=True,
               baseline="decode, resize, networks", baseline_value=least, parts=pictures),
        _an_hour("houses an hour, stored", stored, STORED_GOAL, looked, pictures),
        _an_hour("houses an hour, rendered", fetched, FETCHED_GOAL, looked, pictures),
        Figure("memory of the models' process", memory, "MB", MEMORY_GOAL_MB, at_most=True,
               baseline="this process, MB", baseline_value=round(psutil.Process().memory_info().rss / 1e6)),
        Figure("/health p99, models saturated", round(1000 * worst, 1), "ms", HEALTH_GOAL_MS, at_most=True,
               baseline="median, ms", baseline_value=round(1000 * median, 1)),
    ]  # fmt: skip
    return [*found, *_eager(bodies)]


def _an_hour(name: str, took: Took, goal: float, looked: Took, parts: dict[str, float]) -> Figure:
    return Figure(name, round(HOUR * HOUSES / took.wall), "/h", goal, at_most=False, baseline="models alone, /h",
                  baseline_value=round(HOUR * HOUSES / looked.wall), cpu_ms_each=round(1000 * took.cpu / HOUSES, 1),
                  parts={**parts, "cores": float(os.cpu_count() or 1)})  # fmt: skip


@asynccontextmanager
async def _studio(
    plane: Plane, sandbox: str, folder: Path, parcels: Sequence[dict[str, Any]]
) -> AsyncIterator[Studio]:
    shared = {
        "database_url": plane.database_url,
        "redis_url": plane.redis_url,
        "sandbox_url": sandbox,
        "object_store_url": (folder / "store").as_uri(),
    }
    models = settings_with_keys(MlInferenceSettings, **shared)
    images = settings_with_keys(ImageProcessorSettings, **shared)
    engine = make_engine(plane.database_url)
    db = make_session_maker(engine)
    async with _open(ml_inference, models) as ours, _open(image_processor, images) as theirs:
        async with db.begin() as session:
            leads = [await _lead(session, ours, parcel) for parcel in parcels]
        yield Studio(theirs, ours, db, leads)
    await engine.dispose()


@asynccontextmanager
async def _open(service: Service, settings: Any) -> AsyncIterator[Resources]:
    async with open_resources(service.name, settings, own=service.own) as resources:
        yield resources


async def _lead(session: AsyncSession, resources: Resources, parcel: dict[str, Any]) -> UUID:
    place = {"lat": parcel["latitude"], "lng": parcel["longitude"]}
    point = f"SRID=4326;POINT({place['lng']} {place['lat']})"
    facts = {"sandbox": True, "sqft": 2200, "roof_age_mid": 15, "geom": point, **place}
    return await make_lead(session, resources.keys, status="processing", **facts)


async def _timed(work: Callable[[], Awaitable[None]]) -> Took:
    cpu, began = _cpu(), time.perf_counter()
    await work()
    return Took(time.perf_counter() - began, _cpu() - cpu)


def _workers() -> list[psutil.Process]:
    """The processes of the pools: the sandbox and the servers are other programs."""
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if any("multiprocessing" in word for word in child.cmdline())
    ]


def _cpu() -> float:
    return float(sum(sum(process.cpu_times()[:2]) for process in [psutil.Process(), *_workers()]))


def _memory_mb() -> float:
    """The largest process of the pools."""
    return float(round(max(process.memory_info().rss for process in _workers()) / 1e6))


async def _bodies(studio: Studio) -> list[Picture]:
    """Every picture that the houses' analyses rest on, as the models are given it."""
    statement = text(
        "SELECT id, base_lead_id, image_type, view_angle, gsd_m FROM property_images WHERE processed AND variant IS NULL"
    )
    async with studio.models.unit_of_work() as uow:
        rows = (await uow.session.execute(statement)).all()
    found = []
    for row in rows:
        key = f"images/{row.base_lead_id}/preprocessed/{row.image_type}_{row.view_angle}.jpg"
        body = await studio.own.store.get(key)
        assert body is not None
        found.append(Picture(row.id, ViewAngle(row.view_angle), body, float(row.gsd_m or 0.04), (320, 320)))
    return found


def _bare(pictures: Sequence[Picture]) -> float:
    """Seconds of processor for decoding, resizing and the three networks, and nothing else."""
    entries = read_entries(WEIGHTS)
    nets = [(Net(weights_of(WEIGHTS / entry.file, entry.sha256)), entry.input) for entry in entries.values()]
    for net, size in nets:
        net.run([cropped(_decoded(pictures[0]), size)[0]])
    began = time.process_time()
    for picture in pictures:
        target = _decoded(picture)
        for net, size in nets:
            net.run([cropped(target, size)[0]])
    return time.process_time() - began


async def _health_while(studio: Studio) -> tuple[float, float]:
    """Median and 99th percentile of /health in seconds while every process of the pool is at work."""
    port = free_port()
    app = create_app(ml_inference, studio.models)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, ws="none"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event to wait for
        await asyncio.sleep(0.01)
    asking = asyncio.create_task(
        asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", HEALTH, f"http://127.0.0.1:{port}/health", str(ASKED)],
            capture_output=True,
            text=True,
            check=True,
        )
    )
    while not asking.done():
        await studio.run("ml")
        await studio.change(FORGET)
    server.should_exit = True
    await serving
    worst, median = (float(word) for word in (await asking).stdout.split())
    return median, worst


def _eager(pictures: Sequence[Picture]) -> list[Figure]:
    """ONNX Runtime beside the same networks in eager PyTorch; the gpu profile's sizes are printed, not judged."""
    if any(importlib.util.find_spec(name) is None for name in TRAINING):
        say("eager PyTorch and the gpu profile's sizes on CPU: skipped, the training extra is not installed")
        return []
    from tests.bench import eager

    some = [_decoded(picture) for picture in pictures[:5]]
    for name, milliseconds in eager.gpu_sizes(some).items():
        say(f"gpu profile on CPU, {name}: {milliseconds:.0f} ms CPU for {len(some)} pictures")
    slow, fast = eager.seconds(some)
    return [
        Figure("ONNX Runtime / eager PyTorch", round(slow / fast, 2), "x", EAGER_GOAL, at_most=False,
               baseline="eager, ms CPU a picture", baseline_value=round(1000 * slow / len(some), 1),
               cpu_ms_each=round(1000 * fast / len(some), 1)),
    ]  # fmt: skip


def _decoded(picture: Picture) -> TargetedImage:
    target = decoded(picture)
    assert target is not None
    return target
