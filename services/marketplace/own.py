"""What only the marketplace opens: a runner, so that the API itself can run a charge at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.marketplace.steps import SALE_STEPS
from shared.runtime import Resources
from shared.workflow.runner import StepRunner


@dataclass(frozen=True, slots=True)
class MarketplaceOwn:
    """The marketplace's own resources."""

    runner: StepRunner[Resources]


@asynccontextmanager
async def open_own(resources: Resources) -> AsyncIterator[MarketplaceOwn]:
    """Open the runner; steps left behind by a dying API are taken over by a worker."""
    settings = resources.settings
    yield MarketplaceOwn(
        StepRunner(
            resources, SALE_STEPS, worker=f"{resources.worker}:api", lease_seconds=settings.lease_seconds
        )
    )
