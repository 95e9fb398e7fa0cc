"""Routes of the review queue."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.ml_inference.service import labels, reviews
from services.ml_inference.service.maturity import compare_rendered, maturities
from services.ml_inference.service.reviews import Word
from shared.http.auth import require
from shared.http.idempotency import OptionalIdempotencyKey
from shared.runtime import ResourcesDep
from shared.schemas.enums import RoofCondition
from shared.schemas.labels import Label
from shared.schemas.page import Page, PageQuery
from shared.schemas.review import (
    Approval,
    DomainMaturity,
    PendingQuery,
    PendingTask,
    Rejection,
    ReviewAnswer,
    ReviewStats,
    TaskDetail,
)
from shared.schemas.review_enums import ReviewVerdict
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/validation", tags=["validation"])
Reader = Annotated[Actor, require(Action.REVIEW_READ)]
Reviewer = Annotated[Actor, require(Action.REVIEW_DECIDE)]
Operator = Annotated[Actor, require(Action.OPERATIONS_READ)]
Keeper = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


class Truths(BaseModel):
    """The true condition of leads' roofs, as only a sandbox knows it."""

    model_config = ConfigDict(extra="forbid")
    conditions: dict[UUID, RoofCondition] = Field(min_length=1, max_length=5000)


class Held(BaseModel):
    """Until when a task is held."""

    claimed_until: datetime


@router.get("/pending")
async def pending(
    resources: ResourcesDep, actor: Reader, query: Annotated[PendingQuery, Query()]
) -> Page[PendingTask]:
    """Predictions that need this reviewer's word, the most urgent first."""
    chosen = query.model_dump(include={"domain", "reason", "holder"})
    return await reviews.pending(resources, actor, chosen, cursor=query.cursor, limit=query.limit)


@router.get("/stats")
async def stats(
    resources: ResourcesDep, _: Reader, days: Annotated[int, Query(ge=1, le=366)] = 90
) -> ReviewStats:
    """The queue, the reviewers of the last days and how far they agree."""
    return await labels.stats(resources, days)


@router.get("/export")
async def export(resources: ResourcesDep, _: Operator, query: Annotated[PageQuery, Query()]) -> Page[Label]:
    """Reviewed houses as labels for training, the oldest decision first."""
    return await labels.export(resources, cursor=query.cursor, limit=query.limit)


@router.get("/maturity")
async def maturity(resources: ResourcesDep, _: Reader) -> list[DomainMaturity]:
    """How far the models are proven on each domain of pictures."""
    return await maturities(resources)


@router.post("/comparisons")
async def compare(body: Truths, resources: ResourcesDep, _: Keeper) -> DomainMaturity:
    """Keep analyses of rendered pictures beside the truth; those of real ones are compared by their reviews alone."""
    return await compare_rendered(resources, body.conditions)


@router.get("/{task_id}")
async def task(task_id: UUID, resources: ResourcesDep, actor: Reader) -> TaskDetail:
    """One task: pictures, what was seen in them, how the analysis came to its confidence, and the next task's id."""
    return await reviews.detail(resources, actor, task_id)


@router.post("/{task_id}/claim")
async def claim(task_id: UUID, resources: ResourcesDep, actor: Reviewer) -> Held:
    """Hold a task, or hold it longer."""
    return Held(claimed_until=await reviews.claim(resources, actor, task_id))


@router.post("/{task_id}/release", status_code=204)
async def release(task_id: UUID, resources: ResourcesDep, actor: Reviewer) -> None:
    """Let a task go."""
    await reviews.release(resources, actor, task_id)


@router.post("/{task_id}/approve")
async def approve(
    task_id: UUID,
    body: Approval,
    resources: ResourcesDep,
    actor: Reviewer,
    key: OptionalIdempotencyKey = None,
) -> ReviewAnswer:
    """Approve a prediction, or correct it."""
    word = Word(ReviewVerdict.APPROVED, body.condition, body.corrections, body.notes)
    return await reviews.give(resources, actor, task_id, word, key=key)


@router.post("/{task_id}/reject")
async def reject(
    task_id: UUID,
    body: Rejection,
    resources: ResourcesDep,
    actor: Reviewer,
    key: OptionalIdempotencyKey = None,
) -> ReviewAnswer:
    """Reject a prediction; its lead is withdrawn."""
    word = Word(ReviewVerdict.REJECTED, corrections=body.corrections, notes=body.notes)
    return await reviews.give(resources, actor, task_id, word, key=key)


@router.post("/{task_id}/undo")
async def undo(task_id: UUID, resources: ResourcesDep, actor: Reviewer) -> ReviewAnswer:
    """Take one's word back, a short time and while nothing has followed."""
    return await reviews.undo(resources, actor, task_id)
