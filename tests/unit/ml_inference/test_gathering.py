"""Calls that come together are one run, and each caller gets its own answers."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from services.ml_inference.gathering import Gathering
from services.ml_inference.predicting import Loaded, Looked, Picture, Seen
from shared.schemas.enums import ViewAngle

LOADED = Loaded({}, ("CUDAExecutionProvider", "CPUExecutionProvider"))


def pictures(count: int) -> list[Picture]:
    return [Picture(uuid4(), ViewAngle.OVERHEAD, b"", 0.15, (320, 320)) for _ in range(count)]


class Machine:
    """Answers with the pictures' ids and remembers how many came at once."""

    def __init__(self) -> None:
        self.runs: list[int] = []

    async def run(self, given: list[Picture]) -> Looked:
        self.runs.append(len(given))
        if any(picture.body == b"bad" for picture in given):
            raise RuntimeError("out of memory")
        return Looked([Seen(picture.image_id) for picture in given], LOADED)


def ids(looked: Looked) -> list[UUID]:
    return [seen.image_id for seen in looked.seen]


async def test_calls_of_the_same_moment_run_at_once() -> None:
    machine = Machine()
    gathering = Gathering(machine.run, most=32, wait_seconds=0.01)
    asked = [pictures(5), pictures(1), pictures(3)]

    told = await asyncio.gather(*(gathering.look(one) for one in asked))

    assert machine.runs == [9]
    assert [ids(one) for one in told] == [[picture.image_id for picture in one] for one in asked]


async def test_enough_pictures_wait_for_no_more() -> None:
    machine = Machine()
    gathering = Gathering(machine.run, most=4, wait_seconds=60)

    await asyncio.gather(*(gathering.look(pictures(2)) for _ in range(4)))

    assert machine.runs == [4, 4]


async def test_a_failed_run_fails_those_who_waited_for_it_and_nobody_else() -> None:
    machine = Machine()
    gathering = Gathering(machine.run, most=1, wait_seconds=60)
    bad = [Picture(uuid4(), ViewAngle.OVERHEAD, b"bad", 0.15, (320, 320))]

    with pytest.raises(RuntimeError, match="out of memory"):
        await gathering.look(bad)

    assert len(ids(await gathering.look(pictures(1)))) == 1
