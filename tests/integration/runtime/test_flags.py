"""Flags are read once for everybody who asks at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db.engine import make_session_maker
from shared.db.unit_of_work import UnitOfWork, unit_of_work_factory
from shared.runtime.flags import Flags


async def test_a_hundred_requests_at_once_read_the_flags_once(engine: AsyncEngine) -> None:
    unit_of_work = unit_of_work_factory(make_session_maker(engine))
    reads = 0

    @asynccontextmanager
    async def counted() -> AsyncIterator[UnitOfWork]:
        nonlocal reads
        reads += 1
        async with unit_of_work() as uow:
            yield uow

    flags = Flags(counted)
    found = await asyncio.gather(*(flags.enabled("nobody_set_this", default=True) for _ in range(100)))
    assert (all(found), reads) == (True, 1)
