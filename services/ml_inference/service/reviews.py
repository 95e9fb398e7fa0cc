"""What a reviewer does: see what waits, approve or reject; the workflow goes on in the same transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.ml_inference import metrics
from services.ml_inference.repository import ReviewRepository
from shared.errors import Conflict, NotFound
from shared.runtime import Resources
from shared.schemas.enums import RoofCondition
from shared.security import audit
from shared.security.policy import Actor
from shared.workflow import resolve_waiting

SERVICE = "ml_inference"


class TaskClosed(Conflict):
    """A review task that somebody has decided, or whose workflow has ended."""

    code = "review-task-closed"


async def pending(resources: Resources, limit: int) -> list[dict[str, Any]]:
    """Analyses that wait for a person."""
    async with resources.unit_of_work() as uow:
        return [row._asdict() for row in await ReviewRepository(uow.session).open_tasks(limit)]


async def decide(
    resources: Resources,
    actor: Actor,
    task_id: UUID,
    *,
    approved: bool,
    condition: RoofCondition | None,
    notes: str | None,
) -> None:
    """Close a task; an approved lead goes on to its triggers, a rejected one is withdrawn at publishing."""
    word = "approved" if approved else "rejected"
    async with resources.unit_of_work() as uow:
        repository = ReviewRepository(uow.session)
        task = await repository.decide_task(
            task_id, {"review": word, "condition": condition, "notes": notes}, actor.name
        )
        if task is None:
            if await repository.task_exists(task_id):
                raise TaskClosed("this task is decided or cancelled", task_id=str(task_id))
            raise NotFound(f"there is no review task {task_id}", task_id=str(task_id))
        if task.workflow_id is None:
            raise Conflict("this task belongs to no workflow")
        await repository.store_review(
            task.roof_analysis_id,
            {"user": actor.user_id, "notes": notes, "status": word, "condition": condition},
        )
        await resolve_waiting(uow.session, task.workflow_id, "validate", {"gate": "review", "review": word})
        await audit.record(
            uow.session,
            actor,
            f"review.{word}",
            service=SERVICE,
            object_type="validation_task",
            object_id=task_id,
        )
    metrics.REVIEWS.labels(word).inc()
