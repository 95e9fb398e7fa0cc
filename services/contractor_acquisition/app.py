"""Contractor acquisition: the declaration of the service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.contractor_acquisition import api
from services.contractor_acquisition.settings import Settings
from shared.runtime.resources import Resources
from shared.runtime.service import Service
from shared.security.fields import KeyRing


@asynccontextmanager
async def open_key_ring(resources: Resources) -> AsyncIterator[KeyRing]:
    """The keys that open a contractor's personal fields."""
    yield KeyRing.from_settings(resources.settings)


service = Service(
    name="contractor_acquisition",
    summary="The companies that may buy leads.",
    settings=Settings,
    routers=[api.router],
    own=open_key_ring,
)
