"""A house with stored pictures, and the service that works on them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import cv2
import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from services.image_processor.app import service
from services.image_processor.domain.keys import Stage, image_key
from services.image_processor.domain.pictures import encode_jpeg
from services.image_processor.repository import ImageRepository
from services.image_processor.settings import ImageProcessorSettings
from shared.db.engine import SessionMaker
from shared.sandbox.render import capture_on, render_nadir
from shared.sandbox.render.sample import sample_scene
from shared.schemas.enums import ImageDomain, ImageLevel, ImageType, ViewAngle
from tests.conftest import ROOT, environment
from tests.factories.leads import make_lead
from tests.factories.services import RunningService, running, settings_with_keys
from tests.factories.single_step import begin, run_step

DAY = date(2026, 6, 1)
FETCHED = "SELECT id FROM property_images WHERE variant IS NULL AND view_angle = :angle"
MADE = """
SELECT id, parent_image_id, image_type, view_angle, variant, s3_key, image_width, image_height, gsd_m, licence_id,
       capture_date, usable_for_analysis, processing_config FROM property_images WHERE variant IS NOT NULL ORDER BY variant
"""


def roof_file(side: int = 320, seed: int = 3) -> bytes:
    """A rendered roof from above as a JPEG, `side` pixels."""
    pixels = render_nadir(sample_scene(seed)[0], capture_on(DAY, seed))[0]
    return encode_jpeg(cv2.resize(pixels[..., ::-1], (side, side), interpolation=cv2.INTER_AREA))


@dataclass
class Darkroom:
    """The service with one house and the pictures that a test gives it."""

    door: RunningService
    db: SessionMaker
    lead_id: UUID

    @property
    def store(self) -> Any:
        return self.door.resources.own.store

    def files(self) -> list[Path]:
        """Everything that lies in the store."""
        return sorted(Path(self.store.url("").removeprefix("file://")).rglob("*"))

    async def keep(
        self,
        body: bytes | None,
        angle: ViewAngle = ViewAngle.OVERHEAD,
        *,
        size: tuple[int, int] = (320, 320),
        gsd_m: float = 0.15,
        source: str = "naip",
        usable: bool = True,
    ) -> UUID:
        """A fetched picture; its object is missing where there is no body."""
        image_type = ImageType.SATELLITE if angle is ViewAngle.OVERHEAD else ImageType.STREET_VIEW
        key = image_key(self.lead_id, Stage.ORIGINAL, image_type, angle)
        if body is not None:
            await self.store.put(key, body)
        values = {
            "image_type": image_type, "view_angle": angle, "original_url": None, "s3_url": self.store.url(key),
            "s3_key": key, "s3_bucket": "objects", "capture_date": DAY, "width": size[0], "height": size[1],
            "bytes": len(body or b""), "format": "jpg", "quality": 90 if usable else 10, "usable": usable,
            "config": {"faults": []}, "source": source, "licence_id": "us_public_domain", "gsd_m": gsd_m,
            "heading": None, "level": ImageLevel.ROOF, "domain": ImageDomain.RENDERED,
            "sha256": hashlib.sha256(body or b"").hexdigest(),
        }  # fmt: skip
        async with self.door.resources.unit_of_work() as uow:
            await ImageRepository(uow.session).store_all(self.lead_id, [values])
            found: UUID = (await uow.session.execute(text(FETCHED), {"angle": angle})).scalar_one()
            return found

    async def run(self, kind: str, step: str, subject: UUID | None = None, **given: Any) -> Any:
        """The row of one step, run in a new workflow."""
        workflow = await begin(self.door.resources, kind, subject or self.lead_id, **given)
        row = await run_step(service, self.door.resources, workflow, step)
        async with self.db.begin() as session:
            await session.execute(text("UPDATE core.workflow SET status = 'done'"))
        return row

    async def made(self) -> Sequence[Any]:
        """The pictures made of others."""
        async with self.db() as session:
            return (await session.execute(text(MADE))).all()


@pytest.fixture
def networks_folder() -> Path:
    """Where set-up put the super-resolution networks; tests that need them skip where it could not fetch them."""
    folder = Path(environment().get("IMAGE_PROCESSOR_NETWORKS") or ROOT / ".ridgeline" / "networks")
    if not (folder / "networks.json").is_file():
        pytest.skip(f"set-up has made no super-resolution networks in {folder}")
    return folder


@pytest.fixture
async def darkroom(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker, tmp_path: Path
) -> AsyncIterator[Darkroom]:
    """A house without pictures."""
    networks = Path(environment().get("IMAGE_PROCESSOR_NETWORKS") or ROOT / ".ridgeline" / "networks")
    settings = settings_with_keys(
        ImageProcessorSettings,
        database_url=database_url,
        redis_url=redis_url,
        object_store_url=(tmp_path / "objects").as_uri(),
        networks=str(networks),
    )
    async with running(service, settings) as door:
        async with committed_db.begin() as session:
            lead_id = await make_lead(session, door.resources.keys, status="processing", sandbox=True)
        yield Darkroom(door, committed_db, lead_id)
