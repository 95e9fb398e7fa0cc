"""The steps of roof analysis."""

from services.ml_inference.jobs.analysing import ml
from services.ml_inference.jobs.drifting import measure_drift
from services.ml_inference.jobs.reviewing import settle_review
from services.ml_inference.jobs.validating import validate
from shared.schemas.workflow_inputs import JobInput, PropertyInput, ReviewInput
from shared.workflow import Step
from shared.workflow.catalogue import MEASURE_DRIFT, PROPERTY, SETTLE_REVIEW

STEPS = (
    Step(PROPERTY, "ml", ml, PropertyInput),
    Step(PROPERTY, "validate", validate, PropertyInput),
    Step(SETTLE_REVIEW, "settle_review", settle_review, ReviewInput),
    Step(MEASURE_DRIFT, "measure_drift", measure_drift, JobInput),
)
