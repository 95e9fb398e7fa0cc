"""CPU work runs in processes of its own, and a process that dies is replaced."""

from __future__ import annotations

import asyncio
import os
import time
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


_read: list[str] = []


def read_file(path: str) -> None:
    """What a process of models does at its start."""
    _read[:] = [Path(path).read_text()]


def what_was_read() -> str:
    return _read[0]


def what_was_read_once(mark: str) -> str:
    while not Path(mark).exists():
        time.sleep(0.01)
    return _read[0]


async def test_work_is_done_elsewhere_and_its_errors_come_back() -> None:
    with WorkProcesses(1) as processes:
        assert await processes.run(os.getpid) != os.getpid()
        with pytest.raises(PictureRefused, match="text"):
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


async def test_renewed_processes_have_read_anew_and_the_old_ones_end_what_they_began(tmp_path: Path) -> None:
    file, mark = tmp_path / "weights", tmp_path / "mark"
    file.write_text("first")
    with WorkProcesses(1, prepare=read_file, given=(str(file),)) as processes:
        assert await processes.run(what_was_read) == "first"
        begun = [asyncio.create_task(processes.run(what_was_read_once, str(mark))) for _ in range(5)]
        await asyncio.sleep(0)
        file.write_text("second")

        assert await processes.renew(what_was_read) == "second"

        assert await processes.run(what_was_read) == "second"
        mark.touch()
        assert await asyncio.gather(*begun) == ["first"] * 5


async def test_processes_that_cannot_be_prepared_do_not_replace_those_at_work(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_text("first")
    with WorkProcesses(1, prepare=read_file, given=(str(file),)) as processes:
        assert await processes.run(what_was_read) == "first"
        file.unlink()

        with pytest.raises(BrokenProcessPool):
            await processes.renew(what_was_read)

        assert await processes.run(what_was_read) == "first"
