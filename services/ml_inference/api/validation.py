"""Routes of the review queue."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.ml_inference.service import reviews
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.enums import RoofCondition
from shared.security.policy import Action, Actor

router = APIRouter(tags=["validation"])
Reader = Annotated[Actor, require(Action.REVIEW_READ)]
Reviewer = Annotated[Actor, require(Action.REVIEW_DECIDE)]


class Approval(BaseModel):
    """The reviewer's word, with another condition where the model was wrong."""

    model_config = ConfigDict(extra="forbid")
    condition: RoofCondition | None = None
    notes: str | None = Field(None, max_length=2000)


class Rejection(BaseModel):
    """Why an analysis is not to be used."""

    model_config = ConfigDict(extra="forbid")
    notes: str = Field(min_length=3, max_length=2000)


@router.get("/validation/pending")
async def pending(
    resources: ResourcesDep, _: Reader, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> list[dict[str, Any]]:
    """Predictions that need a review, the most urgent first."""
    return await reviews.pending(resources, limit)


@router.post("/validation/{task_id}/approve", status_code=204)
async def approve(task_id: UUID, body: Approval, resources: ResourcesDep, actor: Reviewer) -> None:
    """Approve a prediction, or correct its condition."""
    await reviews.decide(resources, actor, task_id, approved=True, condition=body.condition, notes=body.notes)


@router.post("/validation/{task_id}/reject", status_code=204)
async def reject(task_id: UUID, body: Rejection, resources: ResourcesDep, actor: Reviewer) -> None:
    """Reject a prediction; its lead is withdrawn."""
    await reviews.decide(resources, actor, task_id, approved=False, condition=None, notes=body.notes)
