"""CPU work runs in processes of its own, and a process that dies is replaced."""

from __future__ import annotations

import os
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from services.image_processor.domain.pixels import grade
from services.image_processor.domain.quality import PictureRefused
from shared.processes import WorkProcesses


def die() -> None:
    os._exit(1)


def die_once(mark: str) -> int:
    """The process that does it, after one that died."""
    if not Path(mark).exists():
        Path(mark).touch()
        os._exit(1)
    return os.getpid()


async def test_work_is_done_elsewhere_and_its_errors_come_back() -> None:
    with WorkProcesses(1) as processes:
        assert await processes.run(os.getpid) != os.getpid()
        with pytest.raises(PictureRefused, match="not_a_whole_picture"):
            await processes.run(grade, b"no picture")


async def test_a_process_that_died_is_replaced_under_the_same_work(tmp_path: Path) -> None:
    with WorkProcesses(1) as processes:
        before = await processes.run(os.getpid)
        after = await processes.run(die_once, str(tmp_path / "mark"))

    assert after not in (before, os.getpid())


async def test_work_that_kills_every_process_is_given_up_and_other_work_goes_on() -> None:
    with WorkProcesses(1) as processes:
        with pytest.raises(BrokenProcessPool):
            await processes.run(die)
        assert await processes.run(os.getpid) != os.getpid()
