"""What comes of closed reviews: labels for training, and figures of reviewers and models."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.ml_inference.domain.reviewers import Given, agreement_of, models_right, pairs_of, reviewers_of
from services.ml_inference.repository import LabelRepository
from shared.compliance.images import ImageUse
from shared.compliance.loader import decide_image
from shared.runtime import Resources
from shared.schemas.enums import ImageDomain
from shared.schemas.labels import Label
from shared.schemas.page import Cursor, Page
from shared.schemas.review import ReviewStats

# The licence table's column of that name is "run and train models" (domain/compliance.md 10).
TRAINING: Final[ImageUse] = "ml"


async def stats(resources: Resources, days: int) -> ReviewStats:
    """The queue, the reviewers of the last days, how far they agree, and how often they bore the models out."""
    async with resources.unit_of_work() as uow:
        repository = LabelRepository(uow.session)
        queue, rows = await repository.queue(), await repository.opinions(days)
    opinions = [_given(row) for row in rows]
    return ReviewStats(
        **queue._asdict(),
        agreement=agreement_of(opinions),
        pairs=pairs_of(opinions),
        reviewers=reviewers_of(opinions),
        models_right=models_right(opinions),
    )


async def export(resources: Resources, *, cursor: str | None, limit: int) -> Page[Label]:
    """Reviewed houses, the oldest decision first, with those pictures alone whose licence lets them train models."""
    async with resources.unit_of_work() as uow:
        rows = await LabelRepository(uow.session).approved(Cursor.decode(cursor), limit)
        kept = rows[:limit]
        allowed = await _may_train(uow.session, {p["source"] for row in kept for p in row.pictures})
    more = Cursor(kept[-1].decided_at, kept[-1].id).encode() if len(rows) > limit else None
    return Page(items=[_label(row, allowed) for row in kept], next_cursor=more)


async def _may_train(session: AsyncSession, sources: set[str]) -> set[str]:
    return {source for source in sources if (await decide_image(session, source, TRAINING)).allow}


def _label(row: Row[Any], allowed: set[str]) -> Label:
    refused = Counter(picture["source"] for picture in row.pictures if picture["source"] not in allowed)
    pictures = [p for p in row.pictures if p["source"] in allowed and _looked_at(p["image_id"], row)]
    return Label.model_validate(
        {
            "task_id": row.id,
            "base_lead_id": row.base_lead_id,
            "condition": row.overall_condition,
            "models_said": row.models_said,
            "weights": row.weights,
            "opinions": row.decision.get("opinions", 1),
            "agreeing": row.decision.get("agreeing", 1),
            "decided_at": row.decided_at,
            "pictures": [{**picture, **_marks(picture["image_id"], row)} for picture in pictures],
            "refused": dict(refused),
        }
    )


def _looked_at(image_id: str, row: Row[Any]) -> bool:
    """Whether models or a reviewer marked a picture: that nobody looked at one says nothing of what is to be seen in it."""
    seen, corrections = _seen(row, image_id), row.decision.get("corrections") or {}
    drawn = [*(corrections.get("damages") or []), *corrections.get("roofs", [])]
    return bool(seen and not seen.get("refused")) or any(mark["image_id"] == image_id for mark in drawn)


def _marks(image_id: str, row: Row[Any]) -> dict[str, Any]:
    """What is to be seen in a picture: as reviewers drew it, else as the models saw it and nobody objected."""
    corrections = row.decision.get("corrections") or {}
    drawn, damages = corrections.get("damages"), {"damages_by": "reviewer"}
    if drawn is None:
        drawn, damages = _seen(row, image_id).get("damages", []), {"damages_by": "models"}
    roofs = [roof["roof"] for roof in corrections.get("roofs", []) if roof["image_id"] == image_id]
    return {
        **damages,
        "damages": [
            {"damage": found["damage"], "box": found["box"]}
            for found in drawn
            if found["image_id"] == image_id
        ],
        "roof": roofs[0] if roofs else _seen(row, image_id).get("roof", []),
        "roof_by": "reviewer" if roofs else "models",
    }


def _seen(row: Row[Any], image_id: str) -> dict[str, Any]:
    pictures = row.evidence["pictures"] if row.evidence else []
    return next((picture for picture in pictures if picture["image_id"] == image_id), {})


def _given(row: Row[Any]) -> Given:
    return Given(
        task_id=row.task_id,
        reviewer_id=row.reviewer_id,
        label=row.label,
        seconds=row.seconds_spent,
        given_at=row.created_at,
        domain=ImageDomain(row.image_domain) if row.image_domain else None,
        said=row.said,
        final=row.final,
    )
