"""What only roof analysis opens: the object store and the processes that run the models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from services.ml_inference import metrics
from services.ml_inference.gathering import Gathering
from services.ml_inference.predicting import Loaded, Looked, Picture, Weights, load_weights, loaded, look
from services.ml_inference.repository import ModelRepository
from services.ml_inference.service.cards import read_cards
from services.ml_inference.settings import MlInferenceSettings
from shared.errors import Conflict
from shared.processes import WorkProcesses
from shared.providers.object_store import ObjectStore, Obstore
from shared.runtime import Resources

log = structlog.get_logger()

STREET_DETAIL_M = 0.03
GPU_BATCH, GPU_WAIT_SECONDS = 32, 0.02
"""Pictures that a GPU is given at once, and how long the first of them waits for the others."""


class WeightsRefused(Conflict):
    """New weights cannot be loaded; those in use stay."""

    code = "weights-refused"


@dataclass
class Models:
    """The three models in their processes; new weights come in while the old ones end what they began."""

    processes: WorkProcesses
    stamp: datetime | None = None
    """Activation of the weights these processes were started for."""
    now: Loaded | None = None
    """The weights in use, once a process has them."""
    _gathering: Gathering = field(init=False)
    _renewing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Be ready to gather pictures of several houses for a GPU."""
        self._gathering = Gathering(self._look, most=GPU_BATCH, wait_seconds=GPU_WAIT_SECONDS)

    async def look(self, pictures: Sequence[Picture]) -> Looked:
        """What the models say of each picture."""
        if (await self.loaded()).on_gpu:
            return await self._gathering.look(pictures)
        return await self._look(list(pictures))

    async def _look(self, pictures: list[Picture]) -> Looked:
        return await self.processes.run(look, pictures)

    async def loaded(self) -> Loaded:
        """The weights in use; the first call starts a process."""
        return self.now or self._take(await self.processes.run(loaded))

    async def reload(self) -> Loaded:
        """Read the weights again; WeightsRefused where they cannot be, and then nothing has changed."""
        async with self._renewing:
            try:
                fresh = await self.processes.renew(loaded)
            except BrokenProcessPool as broken:
                raise WeightsRefused("the weights cannot be loaded; those in use stay") from broken
            return self._take(fresh)

    async def keep_up(self, stamp: datetime | None) -> None:
        """Read the weights again if they were activated after these processes started; bad ones are passed over."""
        if self.stamp == stamp:
            return
        self.stamp = stamp
        try:
            await self.reload()
        except WeightsRefused:
            log.warning("weights_refused")

    def _take(self, fresh: Loaded) -> Loaded:
        self.now = fresh
        for place, provider in enumerate(fresh.providers, start=1):
            metrics.PROVIDERS.labels(provider).set(place)
        return fresh


@dataclass(frozen=True, slots=True)
class MlOwn:
    """Roof analysis' own resources."""

    store: ObjectStore
    models: Models
    street_detail_m: float = STREET_DETAIL_M


@asynccontextmanager
async def open_own(resources: Resources) -> AsyncIterator[MlOwn]:
    """Open the store, make the models' processes, and register the weights in use."""
    settings: MlInferenceSettings = resources.settings
    folder, profile = settings.weights_folder, settings.profile
    weights = Weights(folder, profile, settings.execution_providers, settings.threads)
    async with resources.unit_of_work() as uow:
        registry = ModelRepository(uow.session)
        await registry.register(read_cards(folder, profile))
        stamp = await registry.stamp()
    with WorkProcesses(settings.workers, prepare=load_weights, given=(weights,)) as processes:
        yield MlOwn(Obstore(settings.object_store), Models(processes, stamp))
