"""The steps of the image processor."""

from __future__ import annotations

from services.image_processor.jobs.enhancing import enhance_image
from services.image_processor.jobs.imagery import imagery
from services.image_processor.jobs.preprocessing import preprocess, preprocess_images, process_images
from shared.schemas.workflow_inputs import ImageInput, ProcessImagesInput, PropertyInput
from shared.workflow import Step
from shared.workflow.catalogue import ENHANCE_IMAGE, PREPROCESS_IMAGES, PROCESS_IMAGES, PROPERTY

STEPS = (
    Step(PROPERTY, "imagery", imagery, PropertyInput),
    Step(PROPERTY, "preprocess", preprocess, PropertyInput),
    Step(PREPROCESS_IMAGES, "preprocess_images", preprocess_images, PropertyInput),
    Step(PROCESS_IMAGES, "process_images", process_images, ProcessImagesInput),
    Step(ENHANCE_IMAGE, "enhance_image", enhance_image, ImageInput),
)
