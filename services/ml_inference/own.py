"""What only roof analysis opens: the object store and the process that runs the model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from services.ml_inference.models import Classifier, ClassPrediction, RoofImage
from services.ml_inference.repository import AnalysisRepository
from shared.providers.object_store import ObjectStore, Obstore
from shared.runtime import Resources
from shared.schemas.enums import ViewAngle

STREET_DETAIL_M = 0.03

_classifier: list[Classifier] = []


@dataclass(frozen=True, slots=True)
class Picture:
    """A standardised picture as bytes, with how fine the camera saw (metres a pixel) over `original_side` pixels."""

    angle: ViewAngle
    body: bytes
    detail_m: float
    original_side: int


@dataclass(frozen=True, slots=True)
class MlOwn:
    """Roof analysis' own resources."""

    store: ObjectStore
    processes: ProcessPoolExecutor
    street_detail_m: float = STREET_DETAIL_M

    async def predict(self, pictures: Sequence[Picture]) -> ClassPrediction | None:
        """The answer of the model, computed in its own process; None when no picture shows a roof."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.processes, _predict, list(pictures))


@asynccontextmanager
async def open_own(resources: Resources) -> AsyncIterator[MlOwn]:
    """Open the store, start the model's process, and register the weights in use."""
    settings = resources.settings
    with ProcessPoolExecutor(
        settings.workers,
        mp_context=get_context("spawn"),
        initializer=_load_weights,
        initargs=(settings.weights_folder,),
    ) as processes:
        own = MlOwn(Obstore(settings.object_store), processes)
        await _register(resources, settings.weights_folder)
        yield own


async def _register(resources: Resources, folder: Path) -> None:
    from services.ml_inference.classifier_onnx import read_card

    async with resources.unit_of_work() as uow:
        await AnalysisRepository(uow.session).register_model(read_card(folder))


def _load_weights(folder: Path) -> None:
    from services.ml_inference.classifier_onnx import load_classifier

    _classifier[:] = [load_classifier(folder)]


def _predict(pictures: list[Picture]) -> ClassPrediction | None:
    from services.ml_inference.classifier_onnx import NoUsableImage

    try:
        return _classifier[0].predict([_decode(picture) for picture in pictures])
    except NoUsableImage:
        return None


def _decode(picture: Picture) -> RoofImage:
    import cv2
    import numpy as np

    bgr: Any = cv2.imdecode(np.frombuffer(picture.body, np.uint8), cv2.IMREAD_COLOR)
    pixels = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    enlarged = picture.detail_m * picture.original_side / pixels.shape[0]
    return RoofImage(picture.angle, pixels, enlarged, picture.detail_m)
