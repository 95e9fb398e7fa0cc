"""The lead generator's declaration."""

from __future__ import annotations

from services.lead_generator import handlers, jobs
from services.lead_generator.settings import LeadGeneratorSettings
from shared.events.leads import LeadCreated
from shared.runtime import Service
from shared.workflow import Step
from shared.workflow.catalogue import CITY, EXPIRE_LEADS, PROPERTY, PROSPECT_ACTIVE_CITIES
from shared.workflow.schedule import daily, hourly

service = Service(
    name="lead_generator",
    summary="Prospecting, triggers, scores, prices, clusters and publishing.",
    settings=LeadGeneratorSettings,
    steps=[
        Step(CITY, "prospecting", jobs.prospecting, jobs.CityInput),
        Step(PROPERTY, "triggers", jobs.triggers, jobs.PropertyInput),
        Step(PROPERTY, "score", jobs.score, jobs.PropertyInput),
        Step(PROPERTY, "cluster", jobs.cluster, jobs.PropertyInput),
        Step(PROPERTY, "publish", jobs.publish, jobs.PropertyInput),
        Step(PROSPECT_ACTIVE_CITIES, "prospect_active_cities", jobs.prospect_active_cities, jobs.JobInput),
        Step(EXPIRE_LEADS, "expire_leads", jobs.expire_leads, jobs.JobInput),
    ],
    handlers={LeadCreated: handlers.take_up_lead},
    schedule=[
        daily("04:00", "prospecting", "prospect_active_cities", "New prospects of all active cities."),
        hourly("lead_expiry", "expire_leads", "Triggers and offers past their date.", minute=20),
    ],
    concurrency={"default": 6, "slow": 2},
)
