"""Roof analysis' declaration."""

from __future__ import annotations

from services.ml_inference.api import models, validation
from services.ml_inference.jobs import STEPS
from services.ml_inference.own import open_own
from services.ml_inference.settings import MlInferenceSettings
from shared.runtime import Service
from shared.workflow.schedule import daily

service = Service(
    name="ml_inference",
    summary="Looks at roofs, says how sure it is, and asks a person where it is not.",
    settings=MlInferenceSettings,
    routers=[models.router, validation.router],
    steps=STEPS,
    schedule=[
        daily("05:30", "roof_drift", "measure_drift", "Drift of the roof models' input and output."),
    ],
    concurrency={"cpu": 2},
    own=open_own,
)
