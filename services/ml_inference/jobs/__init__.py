"""The steps of roof analysis."""

from services.ml_inference.jobs.analysing import ml
from services.ml_inference.jobs.reviewing import settle_review
from services.ml_inference.jobs.validating import validate
from shared.schemas.workflow_inputs import PropertyInput, ReviewInput
from shared.workflow import Step
from shared.workflow.catalogue import PROPERTY, SETTLE_REVIEW

STEPS = (
    Step(PROPERTY, "ml", ml, PropertyInput),
    Step(PROPERTY, "validate", validate, PropertyInput),
    Step(SETTLE_REVIEW, "settle_review", settle_review, ReviewInput),
)
