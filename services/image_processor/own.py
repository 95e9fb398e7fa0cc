"""What only the image processor opens: the object store and the processes that touch pixels."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.processes import WorkProcesses
from shared.providers.object_store import ObjectStore, Obstore
from shared.runtime import Resources


@dataclass(frozen=True, slots=True)
class ImageOwn:
    """The image processor's own resources."""

    store: ObjectStore
    processes: WorkProcesses
    networks: WorkProcesses
    """Apart, since an enlargement takes seconds to minutes."""


@asynccontextmanager
async def open_own(resources: Resources) -> AsyncIterator[ImageOwn]:
    """Open the store and the processes."""
    settings = resources.settings
    with WorkProcesses(settings.workers) as processes, WorkProcesses(1) as networks:
        yield ImageOwn(Obstore(settings.object_store), processes, networks)
