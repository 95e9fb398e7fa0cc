"""Hostile files in the process that decodes pictures: each refused with its reason, the process as alive as before."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import psutil
import pytest

from services.image_processor.domain.pixels import grade
from services.image_processor.domain.quality import PictureRefused
from shared.processes import WorkProcesses
from tests.factories.hostile_pictures import hostile_pictures, photo

pytestmark = pytest.mark.fault
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
