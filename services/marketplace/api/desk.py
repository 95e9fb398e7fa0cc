"""Leads for the people who run the platform."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from services.marketplace.api.queries import FormQuery
from services.marketplace.domain.desk_lead import DeskLead, DeskPage
from services.marketplace.repository.desk import DeskFilter
from services.marketplace.service import desk
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.enums import Grade, LeadStatus
from shared.schemas.page import DEFAULT_ITEMS, MAX_ITEMS
from shared.schemas.text import ShortLine
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/ops", tags=["operations"])
Operator = Annotated[Actor, require(Action.OPERATIONS_READ)]


class DeskQuery(FormQuery):
    """Which leads are wanted."""

    model_config = ConfigDict(extra="forbid")

    city: ShortLine | None = None
    state: Annotated[str | None, Field(pattern="^[A-Za-z]{2}$")] = None
    status: LeadStatus | None = None
    grade: Grade | None = None
    min_score: Annotated[int | None, Field(ge=0, le=100)] = None
    after: Annotated[str | None, Field(pattern=r"^-?\d{1,3}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")] = (
        None
    )
    limit: Annotated[int, Field(ge=1, le=MAX_ITEMS)] = DEFAULT_ITEMS

    def filter(self) -> DeskFilter:
        """The wish as the desk reads it."""
        score, _, lead_id = (self.after or "").partition(".")
        return DeskFilter(
            **self.model_dump(exclude={"after"}),
            after_score=int(score) if score else None,
            after_id=UUID(lead_id) if lead_id else None,
        )


@router.get("/leads")
async def leads(query: Annotated[DeskQuery, Query()], resources: ResourcesDep, actor: Operator) -> DeskPage:
    """Leads, best first."""
    return await desk.leads(resources, actor, query.filter())


@router.get("/leads/{lead_id}")
async def lead(lead_id: UUID, resources: ResourcesDep, actor: Operator) -> DeskLead:
    """One lead with why it is one and what its roof looks like; no person in it."""
    return await desk.lead(resources, actor, lead_id)
