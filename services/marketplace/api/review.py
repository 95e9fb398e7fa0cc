"""The review queue for people; ml_inference owns it and checks each word once more."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from services.marketplace.service.review import queue_for
from shared.http.auth import presented_token, require
from shared.http.clients.reviews import ReviewsClient
from shared.runtime import ResourcesDep
from shared.schemas.page import Page
from shared.schemas.review import (
    Approval,
    PendingQuery,
    PendingTask,
    Rejection,
    ReviewAnswer,
    ReviewStats,
    TaskDetail,
)
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/review", tags=["review"])
Reviewer = Annotated[Actor, require(Action.REVIEW_DECIDE)]


async def _queue(request: Request, resources: ResourcesDep, actor: Reviewer) -> ReviewsClient:
    return await queue_for(resources, actor, presented_token(request))


Queue = Annotated[ReviewsClient, Depends(_queue)]


@router.get("/tasks")
async def tasks(queue: Queue, query: Annotated[PendingQuery, Query()]) -> Page[PendingTask]:
    """Analyses that wait for this reviewer, the most urgent first."""
    return await queue.pending(query.model_dump(mode="json", exclude_none=True))


@router.get("/stats")
async def stats(queue: Queue) -> ReviewStats:
    """The queue and the people at it."""
    return await queue.stats()


@router.get("/tasks/{task_id}")
async def task(task_id: UUID, queue: Queue) -> TaskDetail:
    """One task with all that a reviewer looks at."""
    return await queue.task(task_id)


@router.post("/tasks/{task_id}/claim", status_code=204)
async def claim(task_id: UUID, queue: Queue) -> None:
    """Hold a task while one looks at it."""
    await queue.claim(task_id)


@router.post("/tasks/{task_id}/approve")
async def approve(task_id: UUID, word: Approval, queue: Queue) -> ReviewAnswer:
    """Approve an analysis, or correct it."""
    return await queue.approve(task_id, word.model_dump(mode="json", exclude_none=True))


@router.post("/tasks/{task_id}/reject")
async def reject(task_id: UUID, word: Rejection, queue: Queue) -> ReviewAnswer:
    """Reject an analysis; its lead is withdrawn."""
    return await queue.reject(task_id, word.model_dump(mode="json", exclude_none=True))


@router.post("/tasks/{task_id}/undo")
async def undo(task_id: UUID, queue: Queue) -> ReviewAnswer:
    """Take one's last word back, for a short time."""
    return await queue.undo(task_id)
