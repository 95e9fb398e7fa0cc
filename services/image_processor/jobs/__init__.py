"""The steps of the image processor."""

from __future__ import annotations

from services.image_processor.jobs.imagery import fetch_image_batch, fetch_images, imagery
from services.image_processor.jobs.preprocessing import preprocess
from shared.schemas.workflow_inputs import ImageBatchInput, ImagesInput, PropertyInput
from shared.workflow import Step
from shared.workflow.catalogue import (
    FETCH_IMAGE_BATCH,
    FETCH_IMAGES,
    FETCH_SATELLITE,
    FETCH_STREET_VIEW,
    PROPERTY,
)

STEPS = (
    Step(PROPERTY, "imagery", imagery, PropertyInput),
    Step(PROPERTY, "preprocess", preprocess, PropertyInput),
    Step(FETCH_IMAGES, "fetch_images", fetch_images, ImagesInput),
    Step(FETCH_SATELLITE, "fetch_satellite", fetch_images, ImagesInput),
    Step(FETCH_STREET_VIEW, "fetch_street_view", fetch_images, ImagesInput),
    Step(FETCH_IMAGE_BATCH, "fetch_image_batch", fetch_image_batch, ImageBatchInput),
)
