"""The image processor's declaration."""

from __future__ import annotations

from services.image_processor import jobs
from services.image_processor.own import open_own
from services.image_processor.settings import ImageProcessorSettings
from shared.runtime import Service
from shared.schemas.workflow_inputs import PropertyInput
from shared.workflow import Step
from shared.workflow.catalogue import PROPERTY

service = Service(
    name="image_processor",
    summary="Fetches, stores, grades and standardises pictures of roofs, each under its licence.",
    settings=ImageProcessorSettings,
    steps=[
        Step(PROPERTY, "imagery", jobs.imagery, PropertyInput),
        Step(PROPERTY, "preprocess", jobs.preprocess, PropertyInput),
    ],
    concurrency={"default": 5},
    own=open_own,
)
