"""Roof analysis' declaration."""

from __future__ import annotations

from services.ml_inference.api import analysis, models, shown, validation
from services.ml_inference.jobs import STEPS
from services.ml_inference.own import open_own
from services.ml_inference.settings import MlInferenceSettings
from shared.runtime import Service
from shared.workflow.schedule import daily, hourly

service = Service(
    name="ml_inference",
    summary="Looks at roofs, says how sure it is, and asks a person where it is not.",
    settings=MlInferenceSettings,
    routers=[analysis.router, models.router, shown.router, validation.router],
    steps=STEPS,
    schedule=[
        hourly("ml", "analyze_leads", "Roofs that the models in use have not seen.", minute=40),
        daily("05:30", "roof_drift", "measure_drift", "Drift of the roof models' input and output."),
    ],
    concurrency={"cpu": 2, "default": 2},
    own=open_own,
)
