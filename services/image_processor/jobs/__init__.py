"""The steps of the image processor."""

from __future__ import annotations

from services.image_processor.jobs.enhancing import enhance_image
from services.image_processor.jobs.imagery import fetch_image_batch, fetch_images, imagery
from services.image_processor.jobs.preprocessing import preprocess, preprocess_images, process_images
from shared.schemas.workflow_inputs import (
    ImageBatchInput,
    ImageInput,
    ImagesInput,
    ProcessImagesInput,
    PropertyInput,
)
from shared.workflow import Step
from shared.workflow.catalogue import (
    ENHANCE_IMAGE,
    FETCH_IMAGE_BATCH,
    FETCH_IMAGES,
    FETCH_SATELLITE,
    FETCH_STREET_VIEW,
    PREPROCESS_IMAGES,
    PROCESS_IMAGES,
    PROPERTY,
)

STEPS = (
    Step(PROPERTY, "imagery", imagery, PropertyInput),
    Step(PROPERTY, "preprocess", preprocess, PropertyInput),
    Step(FETCH_IMAGES, "fetch_images", fetch_images, ImagesInput),
    Step(FETCH_SATELLITE, "fetch_satellite", fetch_images, ImagesInput),
    Step(FETCH_STREET_VIEW, "fetch_street_view", fetch_images, ImagesInput),
    Step(FETCH_IMAGE_BATCH, "fetch_image_batch", fetch_image_batch, ImageBatchInput),
    Step(PREPROCESS_IMAGES, "preprocess_images", preprocess_images, PropertyInput),
    Step(PROCESS_IMAGES, "process_images", process_images, ProcessImagesInput),
    Step(ENHANCE_IMAGE, "enhance_image", enhance_image, ImageInput),
)
