"""The image processor's declaration."""

from __future__ import annotations

from services.image_processor.api import images, processing
from services.image_processor.jobs import STEPS
from services.image_processor.own import open_own
from services.image_processor.settings import ImageProcessorSettings
from shared.runtime import Service

service = Service(
    name="image_processor",
    summary="Fetches, stores, grades and standardises pictures of roofs, each under its licence.",
    settings=ImageProcessorSettings,
    routers=[images.router, processing.router],
    steps=STEPS,
    concurrency={"default": 5, "slow": 1},
    own=open_own,
)
