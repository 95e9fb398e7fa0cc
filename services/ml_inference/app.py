"""Roof analysis' declaration."""

from __future__ import annotations

from services.ml_inference import api, jobs
from services.ml_inference.own import open_own
from services.ml_inference.settings import MlInferenceSettings
from shared.runtime import Service
from shared.schemas.workflow_inputs import PropertyInput
from shared.workflow import Step
from shared.workflow.catalogue import PROPERTY

service = Service(
    name="ml_inference",
    summary="Looks at roofs, says how sure it is, and asks a person where it is not.",
    settings=MlInferenceSettings,
    routers=[api.router],
    steps=[
        Step(PROPERTY, "ml", jobs.ml, PropertyInput),
        Step(PROPERTY, "validate", jobs.validate, PropertyInput),
    ],
    concurrency={"cpu": 2},
    own=open_own,
)
