"""The steps of roof analysis."""

from services.ml_inference.jobs.analysing import ml
from services.ml_inference.jobs.validating import validate
from shared.schemas.workflow_inputs import PropertyInput
from shared.workflow import Step
from shared.workflow.catalogue import PROPERTY

STEPS = (Step(PROPERTY, "ml", ml, PropertyInput), Step(PROPERTY, "validate", validate, PropertyInput))
