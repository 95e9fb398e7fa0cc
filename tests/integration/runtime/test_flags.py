"""Flags are read once for everybody who asks at the same moment."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db.engine import make_session_maker
from shared.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.runtime.flags import Flags


async def test_a_hundred_requests_at_once_read_the_flags_once(engine: AsyncEngine) -> None:
    reads = 0

    class Counted(UnitOfWorkFactory):
        def __call__(self) -> AbstractAsyncContextManager[UnitOfWork]:
            nonlocal reads
            reads += 1
            return super().__call__()

    flags = Flags(Counted(make_session_maker(engine)))
    found = await asyncio.gather(*(flags.enabled("nobody_set_this", default=True) for _ in range(100)))
    assert (all(found), reads) == (True, 1)
