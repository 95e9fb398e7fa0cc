"""The enricher's declaration."""

from __future__ import annotations

from services.enricher import jobs
from services.enricher.settings import EnricherSettings
from shared.runtime import Service
from shared.schemas.workflow_inputs import PropertyInput
from shared.workflow import Step
from shared.workflow.catalogue import PROPERTY

service = Service(
    name="enricher",
    summary="Finds and verifies how an owner can be reached, at a known cost.",
    settings=EnricherSettings,
    steps=[Step(PROPERTY, "enrich_contact", jobs.enrich_contact, PropertyInput)],
    concurrency={"default": 10},
)
