"""The lead generator's declaration."""

from __future__ import annotations

from services.lead_generator import handlers, jobs
from services.lead_generator.api import clusters, leads
from services.lead_generator.settings import LeadGeneratorSettings
from shared.events.leads import LeadCreated, TerritoryChanged
from shared.events.permits import PermitScraped
from shared.events.storms import StormReported
from shared.runtime import Service
from shared.schemas.workflow_inputs import (
    CityInput,
    ClustersInput,
    HvacInput,
    JobInput,
    PropertyInput,
    ProspectInput,
)
from shared.workflow import Step
from shared.workflow.catalogue import (
    ANALYZE_LEAD,
    CITY,
    EXPIRE_LEADS,
    HVAC_PROPERTIES,
    OPTIMIZE_CLUSTERS,
    PROPERTY,
    PROSPECT_ACTIVE_CITIES,
    PUBLISH_LEAD,
    REFRESH_ROOFS,
    RESCORE_LEADS,
)
from shared.workflow.schedule import daily, hourly, weekly

service = Service(
    name="lead_generator",
    summary="Prospecting, triggers, scores, prices, clusters and publishing.",
    settings=LeadGeneratorSettings,
    routers=[clusters.router, leads.router],
    steps=[
        Step(CITY, "prospecting", jobs.prospecting, CityInput),
        Step(PROPERTY, "triggers", jobs.triggers, PropertyInput),
        Step(PROPERTY, "score", jobs.score, PropertyInput),
        Step(PROPERTY, "cluster", jobs.cluster, PropertyInput),
        Step(PROPERTY, "publish", jobs.publish, PropertyInput),
        Step(PROSPECT_ACTIVE_CITIES, "prospect_active_cities", jobs.prospect_active_cities, ProspectInput),
        Step(HVAC_PROPERTIES, "hvac_properties", jobs.hvac_properties, HvacInput),
        Step(RESCORE_LEADS, "rescore_leads", jobs.rescore_leads, ProspectInput),
        Step(REFRESH_ROOFS, "refresh_roofs", jobs.refresh_roofs, ProspectInput),
        Step(ANALYZE_LEAD, "publish", jobs.publish_lead, PropertyInput),
        Step(PUBLISH_LEAD, "publish_lead", jobs.publish_lead, PropertyInput),
        Step(OPTIMIZE_CLUSTERS, "optimize_clusters", jobs.optimize_clusters, ClustersInput),
        Step(EXPIRE_LEADS, "expire_leads", jobs.expire_leads, JobInput),
    ],
    handlers={
        LeadCreated: handlers.take_up_lead,
        PermitScraped: handlers.look_at_permits,
        StormReported: handlers.look_after_storm,
        TerritoryChanged: handlers.price_territory,
    },
    schedule=[
        daily("04:00", "prospecting", "prospect_active_cities", "New prospects of all active cities."),
        daily(
            "04:30", "hvac_birthdays", "hvac_properties", "HVAC systems a year older, their tiers and leads."
        ),
        daily(
            "03:30", "roof_birthdays", "refresh_roofs", "Roofs a year older or laid anew, and their leads."
        ),
        weekly("sun", "05:00", "clusters", "optimize_clusters", "Clusters of all cities drawn anew."),
        hourly("lead_expiry", "expire_leads", "Triggers and offers past their date.", minute=20),
    ],
    concurrency={"default": 6, "slow": 2},
)
