"""The enricher's declaration."""

from __future__ import annotations

from services.enricher import api, jobs
from services.enricher.settings import EnricherSettings
from shared.runtime import Service
from shared.schemas.workflow_inputs import CityInput, EnrichInput, ErasureInput, JobInput, PropertyInput
from shared.workflow import Step
from shared.workflow.catalogue import (
    CITY,
    ENRICH_LEAD,
    ENRICH_LEADS,
    FORGET_CONTACTS,
    PRIVACY_ERASURE,
    PROPERTY,
    REFRESH_CITY,
)
from shared.workflow.schedule import daily, hourly

service = Service(
    name="enricher",
    summary="Finds and verifies how an owner can be reached and where a house lies, at a known cost.",
    settings=EnricherSettings,
    routers=[api.router],
    steps=[
        Step(PROPERTY, "enrich_contact", jobs.enrich_contact, PropertyInput),
        Step(ENRICH_LEAD, "enrich_lead", jobs.enrich_contact, PropertyInput),
        Step(ENRICH_LEADS, "enrich_leads", jobs.enrich_leads, EnrichInput),
        Step(FORGET_CONTACTS, "forget_contacts", jobs.forget_contacts, JobInput),
        Step(PRIVACY_ERASURE, "erase_contacts", jobs.erase_contacts, ErasureInput),
        Step(CITY, "geocode", jobs.geocode, CityInput),
        Step(REFRESH_CITY, "geocode", jobs.geocode, CityInput),
    ],
    schedule=[
        hourly("enrichment", "enrich_leads", "Contacts of a hundred leads that have none.", minute=30),
        daily("04:10", "contact_retention", "forget_contacts", "Owners kept for too long are cleared."),
    ],
    concurrency={"default": 10, "slow": 2},
)
