"""A service's own step handlers, run one by one on real storage against a served town."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from shared.db.unit_of_work import UnitOfWorkFactory
from shared.runtime.resources import Resources
from shared.runtime.service import Service
from shared.settings import Settings
from shared.workflow import start
from shared.workflow.runner import StepRunner
from tests.factories.core import Core
from tests.factories.services import AnySettings, running, settings_with_keys
from tests.factories.town import ServedTown


@dataclass
class Bench(Core):
    """Short words for driving the workflows of one service."""

    service: Service | None = None
    resources: Resources | None = None

    def runner(self, *, worker: str = "w", lease_seconds: float = 30.0) -> StepRunner[Any]:
        """A runner of the service's declared steps."""
        assert self.service is not None
        return StepRunner(self.at, self.service.steps, worker=worker, lease_seconds=lease_seconds)

    @property
    def at(self) -> Resources:
        """The service's resources."""
        assert self.resources is not None
        return self.resources

    async def begin(self, kind: str, subject: UUID | None, **given: Any) -> UUID:
        """The id of a new workflow of that kind."""
        async with self.unit_of_work() as uow:
            return (await start(uow.session, kind, subject_id=subject, input=given)).workflow_id

    async def events(self, name: str) -> list[dict[str, Any]]:
        """Payloads of the announced events of that name, in order."""
        found = await self.rows("SELECT payload FROM core.outbox WHERE type = :name ORDER BY id", name=name)
        return [row.payload for row in found]


@asynccontextmanager
async def bench(
    service: Service,
    settings: type[AnySettings],
    town: ServedTown,
    unit_of_work: UnitOfWorkFactory,
    **given: Any,
) -> AsyncIterator[Bench]:
    """A bench on which a service works; its vendors are the town's, by SANDBOX_URL."""
    made: Settings = settings_with_keys(settings, port_base=1, sandbox_url=town.url, **given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_URL", town.url)
        async with running(service, made) as started:
            yield Bench(unit_of_work, service=service, resources=started.resources)
