"""Hostile files in the process that decodes pictures: each refused with its reason, the process as alive as before."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import psutil
import pytest

from services.image_processor.domain.pixels import grade
from services.image_processor.domain.quality import PictureRefused
from services.image_processor.service.looking import begin
from shared.processes import WorkProcesses
from shared.providers.imagery import FetchedImage
from shared.schemas.enums import ViewAngle
from shared.schemas.geo import GeoPoint
from tests.factories.hostile_pictures import hostile_pictures, jpeg_with, photo, tiff
from tests.integration.image_processor.conftest import Darkroom

pytestmark = pytest.mark.fault(19)
MOST_GROWTH = 100_000_000


@pytest.fixture
async def processes() -> AsyncIterator[WorkProcesses]:
    """One process that has looked at a picture."""
    with WorkProcesses(1) as pool:
        await pool.run(grade, photo())
        yield pool


async def test_the_process_refuses_them_all_and_lives(processes: WorkProcesses) -> None:
    pid = await processes.run(os.getpid)
    worker = psutil.Process(pid)
    before, began = worker.memory_info().rss, sum(worker.cpu_times()[:2])
    files = hostile_pictures()
    wrongly_named = {name for name, (*_, reason) in files.items() if reason == "wrong_extension"}
    told = {}
    for name in files.keys() - wrongly_named:
        with pytest.raises(PictureRefused) as refused:
            await processes.run(grade, files[name][0])
        told[name] = refused.value.reason

    assert told == {name: files[name][2] for name in told}
    assert sum(worker.cpu_times()[:2]) - began < 0.2 * len(told)
    assert worker.memory_info().rss - before < MOST_GROWTH
    assert await processes.run(os.getpid) == pid
    assert (await processes.run(grade, photo()))[1] == (320, 320)


async def test_what_a_vendor_sends_is_kept_without_its_metadata_or_passed_over_with_the_reason(
    darkroom: Darkroom,
) -> None:
    camera = b"Exif\0\0" + tiff((0x8825, 4, 1, 26)) + b"GPS 44.49 N"
    house = GeoPoint(lat=32.4, lng=-98.9)
    looking = await begin(darkroom.door.resources, darkroom.lead_id, UUID(int=1), at=house)

    def sent(body: bytes, media_type: str | None) -> FetchedImage:
        return FetchedImage("naip", "one", body, media_type or "", datetime.now(UTC))

    good = await looking.graded(sent(jpeg_with((0xE1, camera)), "image/jpeg"), ViewAngle.OVERHEAD)
    files = hostile_pictures()
    for body, media_type, _ in files.values():
        assert await looking.graded(sent(body, media_type), ViewAngle.OVERHEAD) is None

    assert good is not None
    assert good.size == (64, 64)
    assert b"GPS" not in good.body
    assert looking.passed_over == [f"naip: {reason}" for *_, reason in files.values()]
