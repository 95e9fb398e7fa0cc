"""What only the marketplace opens: a runner, so that the API can run a charge at once, and the verbs of log-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.marketplace.jobs import STEPS
from services.marketplace.service.auth import Auth, open_auth
from shared.runtime import Resources
from shared.workflow.runner import StepRunner


@dataclass(frozen=True, slots=True)
class MarketplaceOwn:
    """The marketplace's own resources."""

    runner: StepRunner[Resources]
    auth: Auth


@asynccontextmanager
async def open_own(resources: Resources) -> AsyncIterator[MarketplaceOwn]:
    """Open both; steps left behind by a dying API are taken over by a worker."""
    settings = resources.settings
    yield MarketplaceOwn(
        runner=StepRunner(
            resources, STEPS, worker=f"{resources.worker}:api", lease_seconds=settings.lease_seconds
        ),
        auth=open_auth(resources),
    )
