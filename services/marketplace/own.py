"""What only the marketplace opens: a runner for charges at once, log-in, the counts of requests, papers of buyers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.marketplace.jobs import STEPS
from services.marketplace.service.auth import Auth, open_auth
from shared.providers.object_store import ObjectStore, Obstore
from shared.runtime import Resources
from shared.security.attempts import AttemptLimiter
from shared.security.web_push import Vapid
from shared.workflow.runner import StepRunner


@dataclass(frozen=True, slots=True)
class MarketplaceOwn:
    """The marketplace's own resources."""

    runner: StepRunner[Resources]
    auth: Auth
    vapid: Vapid | None
    rates: AttemptLimiter
    store: ObjectStore


@asynccontextmanager
async def open_own(resources: Resources) -> AsyncIterator[MarketplaceOwn]:
    """Open them; steps left behind by a dying API are taken over by a worker."""
    settings = resources.settings
    yield MarketplaceOwn(
        runner=StepRunner(
            resources, STEPS, worker=f"{resources.worker}:api", lease_seconds=settings.lease_seconds
        ),
        auth=open_auth(resources),
        vapid=settings.vapid,
        # Apart from the counts of log-in, which a reader of many leads must not push out.
        rates=AttemptLimiter(resources.redis),
        store=Obstore(settings.object_store),
    )
