"""The steps of roof analysis."""

from services.ml_inference.jobs.analysing import analyze_leads, ml
from services.ml_inference.jobs.drifting import measure_drift
from services.ml_inference.jobs.reviewing import settle_review
from services.ml_inference.jobs.validating import validate
from shared.schemas.workflow_inputs import AnalyzeInput, JobInput, PropertyInput, ReviewInput
from shared.workflow import Step
from shared.workflow.catalogue import ANALYZE_LEAD, ANALYZE_LEADS, MEASURE_DRIFT, PROPERTY, SETTLE_REVIEW

STEPS = (
    Step(PROPERTY, "ml", ml, PropertyInput),
    Step(PROPERTY, "validate", validate, PropertyInput),
    Step(ANALYZE_LEAD, "ml", ml, PropertyInput),
    Step(ANALYZE_LEAD, "validate", validate, PropertyInput),
    Step(ANALYZE_LEADS, "analyze_leads", analyze_leads, AnalyzeInput),
    Step(SETTLE_REVIEW, "settle_review", settle_review, ReviewInput),
    Step(MEASURE_DRIFT, "measure_drift", measure_drift, JobInput),
)
