"""What only roof analysis opens: the object store and the process that runs the model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services.ml_inference.models import ClassPrediction
from services.ml_inference.predicting import Picture, load_weights, predict
from services.ml_inference.repository import AnalysisRepository
from shared.processes import WorkProcesses
from shared.providers.object_store import ObjectStore, Obstore
from shared.runtime import Resources

STREET_DETAIL_M = 0.03


@dataclass(frozen=True, slots=True)
class MlOwn:
    """Roof analysis' own resources."""

    store: ObjectStore
    processes: WorkProcesses
    street_detail_m: float = STREET_DETAIL_M

    async def predict(self, pictures: Sequence[Picture]) -> ClassPrediction | None:
        """The answer of the model, computed in its own process; None when no picture shows a roof."""
        return await self.processes.run(predict, list(pictures))


@asynccontextmanager
async def open_own(resources: Resources) -> AsyncIterator[MlOwn]:
    """Open the store, start the model's process, and register the weights in use."""
    settings = resources.settings
    with WorkProcesses(settings.workers, prepare=load_weights, given=(settings.weights_folder,)) as processes:
        own = MlOwn(Obstore(settings.object_store), processes)
        await _register(resources, settings.weights_folder)
        yield own


async def _register(resources: Resources, folder: Path) -> None:
    from services.ml_inference.classifier_onnx import read_card

    async with resources.unit_of_work() as uow:
        await AnalysisRepository(uow.session).register_model(read_card(folder))
