"""The test's own workflow kind, known only while a test runs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db.unit_of_work import UnitOfWorkFactory
from shared.workflow import specs
from tests.factories.core import SPEC, Core, core_unit_of_work


@pytest_asyncio.fixture
async def unit_of_work(engine: AsyncEngine) -> AsyncIterator[UnitOfWorkFactory]:
    async with core_unit_of_work(engine) as factory:
        yield factory


@pytest.fixture
def core(unit_of_work: UnitOfWorkFactory, monkeypatch: pytest.MonkeyPatch) -> Core:
    monkeypatch.setitem(specs._kinds, SPEC.kind, SPEC)
    return Core(unit_of_work)
