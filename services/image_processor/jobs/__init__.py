"""The steps of the image processor."""

from __future__ import annotations

from services.image_processor.jobs.imagery import imagery
from services.image_processor.jobs.preprocessing import preprocess
from shared.schemas.workflow_inputs import PropertyInput
from shared.workflow import Step
from shared.workflow.catalogue import PROPERTY

STEPS = (
    Step(PROPERTY, "imagery", imagery, PropertyInput),
    Step(PROPERTY, "preprocess", preprocess, PropertyInput),
)
