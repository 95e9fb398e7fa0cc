"""Routes that have leads made, looked at again and published."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self, TypeVar
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.lead_generator.service import leads
from shared.errors import NotFound
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.enums import Grade, TriggerType
from shared.security.policy import Action, Actor
from shared.workflow.start import Started

router = APIRouter(tags=["leads"])
Found = TypeVar("Found")
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


class Property(BaseModel):
    """A lead, or a parcel that is one."""

    model_config = ConfigDict(extra="forbid")
    property_id: UUID


class Properties(BaseModel):
    """Leads, or parcels that are."""

    model_config = ConfigDict(extra="forbid")
    property_ids: list[UUID] = Field(min_length=1, max_length=500)


class CityToProspect(BaseModel):
    """The city whose best parcels become leads."""

    model_config = ConfigDict(extra="forbid")
    city_id: UUID


class LeadScore(BaseModel):
    """Points with their explanation; no grade and no price below sixty."""

    property_id: UUID
    lead_id: UUID
    score: int
    grade: Grade | None
    price_usd: float | None
    breakdown: dict[str, Any]
    changed: bool
    """False where it was so before, or the lead is reserved, sold or off the market."""


class FoundTrigger(BaseModel):
    """A reason to visit now."""

    type: TriggerType
    strength: int
    occurred_at: datetime
    expires_at: datetime
    details: dict[str, Any]


class LeadTriggers(BaseModel):
    """A lead's reasons."""

    property_id: UUID
    lead_id: UUID
    triggers: list[FoundTrigger]


class ParcelTrigger(BaseModel):
    """A reason to visit a parcel, as the last prospecting stored it; of its storms the strongest."""

    type: TriggerType
    strength: int
    occurred_at: datetime
    expires_at: datetime
    measure: int | None
    """Permits nearby or years of the roof."""


class ParcelTriggers(BaseModel):
    """The reasons of a parcel that is no lead."""

    property_id: UUID
    triggers: list[ParcelTrigger]


class LeadScores(BaseModel):
    """Scores in the order asked for, and the properties that are no leads."""

    scores: list[LeadScore]
    unknown: list[UUID]


class TriggersOfLeads(BaseModel):
    """Triggers in the order asked for, and the properties that are no leads; `parcels` those of them that have reasons."""

    leads: list[LeadTriggers]
    parcels: list[ParcelTriggers]
    unknown: list[UUID]


class OrderedJob(BaseModel):
    """The job that does it; `new` is false where one was under way."""

    job_id: UUID
    new: bool

    @classmethod
    def of(cls, run: Started) -> Self:
        """The job of a workflow that was started, or ran already."""
        return cls(job_id=run.workflow_id, new=run.new)


@router.post("/score/property")
async def score_property(body: Property, resources: ResourcesDep, actor: Operator) -> LeadScore:
    """Score a lead by today's facts; 404 where the property is no lead."""
    looked = await leads.score_properties(resources, actor, [body.property_id])
    return _only([LeadScore(**row) for row in _rows(looked, [body.property_id])], body.property_id)


@router.post("/score/batch")
async def score_batch(body: Properties, resources: ResourcesDep, actor: Operator) -> LeadScores:
    """Score up to five hundred leads at once."""
    looked = await leads.score_properties(resources, actor, body.property_ids)
    rows = [LeadScore(**row) for row in _rows(looked, body.property_ids)]
    return LeadScores(scores=rows, unknown=looked.unknown(body.property_ids))


@router.post("/triggers/detect")
async def detect_triggers(body: Property, resources: ResourcesDep, actor: Operator) -> LeadTriggers:
    """Find and store a lead's reasons; 404 where the property is no lead."""
    looked = await leads.detect_triggers(resources, actor, [body.property_id])
    return _only([LeadTriggers(**row) for row in _rows(looked, [body.property_id])], body.property_id)


@router.post("/triggers/batch")
async def detect_triggers_batch(
    body: Properties, resources: ResourcesDep, actor: Operator
) -> TriggersOfLeads:
    """The same for up to five hundred leads; of parcels that are none, what prospecting stored."""
    looked = await leads.detect_triggers(resources, actor, body.property_ids)
    rows = [LeadTriggers(**row) for row in _rows(looked, body.property_ids)]
    parcels = [
        ParcelTriggers(
            property_id=parcel_id,
            triggers=[
                ParcelTrigger(
                    type=each.trigger_type,
                    strength=each.strength,
                    occurred_at=each.occurred_at,
                    expires_at=each.expires_at,
                    measure=each.measure,
                )
                for each in reasons
            ],
        )
        for parcel_id, reasons in looked.parcels.items()
    ]
    return TriggersOfLeads(leads=rows, parcels=parcels, unknown=looked.unknown(body.property_ids))


@router.post("/generate/leads", status_code=202)
async def generate_leads(body: CityToProspect, resources: ResourcesDep, actor: Operator) -> OrderedJob:
    """Make leads of an active city's best parcels, as many as its day allows."""
    return OrderedJob.of(await leads.order_generation(resources, actor, body.city_id))


@router.post("/leads/{lead_id}/publish", status_code=202)
async def publish_lead(lead_id: UUID, resources: ResourcesDep, actor: Operator) -> OrderedJob:
    """Ask law and gate again for a lead that is in processing or review."""
    return OrderedJob.of(await leads.order_publication(resources, actor, lead_id))


def _rows(looked: leads.Looked, property_ids: list[UUID]) -> list[dict[str, Any]]:
    return [
        {"property_id": each, "lead_id": looked.leads[each], **looked.found[looked.leads[each]]}
        for each in dict.fromkeys(property_ids)
        if each in looked.leads
    ]


def _only(rows: list[Found], property_id: UUID) -> Found:
    if not rows:
        raise NotFound(f"there is no lead of property {property_id}", property_id=str(property_id))
    return rows[0]
