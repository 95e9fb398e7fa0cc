"""The review console: one roof at a time, by keyboard."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.marketplace.api.review import Queue, Reviewer
from services.marketplace.pages.rendering import render
from services.marketplace.service.review import stats_if_known
from shared.schemas.enums import DamageType, RoofCondition
from shared.schemas.review import TaskDetail
from shared.schemas.roof_evidence import PictureEvidence, RoofEvidence

router = APIRouter(prefix="/review", tags=["pages"], default_response_class=Response)

WHY_NOT: Final = (
    "The outline is on another house",
    "The roof is hidden by trees or shadow",
    "The pictures are too poor to tell",
    "The roof was replaced since the pictures",
)


@router.get("")
async def first(request: Request, queue: Queue, actor: Reviewer) -> Response:
    """The task this reviewer holds, else the most urgent free one, or the good news that there is none."""
    for holder in ("mine", "free"):
        waiting = (await queue.pending({"limit": 1, "holder": holder})).items
        if waiting:
            return await _console(request, queue, actor, await queue.task(waiting[0].id))
    return await _console(request, queue, actor, None)


@router.get("/progress")
async def progress(request: Request, queue: Queue, actor: Reviewer) -> Response:
    """The figures above the console alone."""
    return render(request, "_progress.html", actor, stats=await stats_if_known(queue))


@router.get("/{task_id}")
async def one(request: Request, task_id: UUID, queue: Queue, actor: Reviewer) -> Response:
    """One task in the console."""
    return await _console(request, queue, actor, await queue.task(task_id))


@router.get("/{task_id}/part")
async def part(request: Request, task_id: UUID, queue: Queue, actor: Reviewer) -> Response:
    """One task alone, for the console to show next."""
    return render(request, "_task.html", actor, **_shown(await queue.task(task_id)))


async def _console(request: Request, queue: Queue, actor: Reviewer, detail: TaskDetail | None) -> Response:
    stats = await stats_if_known(queue)
    shown = _shown(detail) if detail else {"task": None}
    return render(request, "review.html", actor, stats=stats, why_not=WHY_NOT, **shown)


def _shown(task: TaskDetail) -> dict[str, Any]:
    """A task with what was seen in each of its pictures, the one from above first."""
    evidence = RoofEvidence.model_validate(task.evidence) if task.evidence else None
    seen: dict[UUID, PictureEvidence] = (
        {each.image_id: each for each in evidence.pictures} if evidence else {}
    )
    damages = [
        damage.model_dump(mode="json", include={"image_id", "damage", "box"})
        for picture in seen.values()
        for damage in picture.damages
    ]
    return {
        "task": task,
        "evidence": evidence,
        "pictures": sorted(
            task.pictures,
            key=lambda each: (each.id not in seen, each.view_angle != "overhead", each.view_angle),
        ),
        "seen": seen,
        "damages": damages,
        "conditions": list(RoofCondition),
        "kinds": list(DamageType),
    }
