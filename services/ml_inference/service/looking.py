"""Pictures shown to the models: as far as their licences allow, and each to the same weights once."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.ml_inference import metrics
from services.ml_inference.domain.projection import outline_in_picture
from services.ml_inference.predicting import Answer, Loaded, Looked, Picture
from services.ml_inference.repository import AnalysisRepository, ModelRepository
from shared.compliance.images import ImageUse
from shared.compliance.loader import decide_image_uses
from shared.runtime import Resources
from shared.schemas.enums import ImageType, JobStatus, ModelType, ViewAngle
from shared.schemas.geo import GeoPoint

STANDARD_SIDE = 1024
GONE = "its file is gone from the store"


@dataclass(slots=True)
class LookedAt:
    """One picture, where the house lies in it, and what each model said of it."""

    row: Row[Any]
    outline: list[tuple[float, float]] | None = None
    answers: dict[ModelType, Answer] = field(default_factory=dict)
    refused: str | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as it was fetched."""
        return self.row.image_width or STANDARD_SIDE, self.row.image_height or STANDARD_SIDE


async def allowed_pictures(
    session: AsyncSession,
    rows: Sequence[Row[Any]],
    uses: Sequence[ImageUse] = ("ml",),
    *,
    workflow_id: UUID | None = None,
) -> list[Row[Any]]:
    """The pictures whose licence lets a model look at them, for all of these uses; each denial is stored."""
    denied = set()
    for source in sorted({row.source for row in rows}):
        decisions = await decide_image_uses(session, source, uses, workflow_id=workflow_id)
        if not all(decision.allow for decision in decisions):
            denied.add(source)
    return [row for row in rows if row.source not in denied]


async def look_at(
    resources: Resources,
    rows: Sequence[Row[Any]],
    house: Row[Any] | None,
    *,
    roles: Collection[ModelType] = tuple(ModelType),
) -> tuple[list[LookedAt], Loaded]:
    """What the weights in use say of each picture; what they said before is not asked again."""
    own = resources.own
    async with resources.unit_of_work() as uow:
        stamp = await ModelRepository(uow.session).stamp()
    await own.models.keep_up(stamp)
    loaded: Loaded = await own.models.loaded()
    found = {row.id: LookedAt(row, _outline(row, house)) for row in rows}
    await _recall(resources, found, loaded, roles)
    asked = [picture for one in found.values() if (picture := await _to_show(resources, one, roles))]
    if asked:
        began, started_at = time.perf_counter(), resources.clock()
        looked: Looked = await own.models.look(asked)
        seconds = time.perf_counter() - began
        metrics.INFERENCE_SECONDS.observe(seconds)
        await _keep(resources, found, asked, looked, started_at=started_at, seconds=seconds)
        loaded = looked.loaded
    for one in found.values():
        metrics.PICTURES.labels("refused" if one.refused else "seen").inc()
    return list(found.values()), loaded


async def _recall(
    resources: Resources,
    found: Mapping[UUID, LookedAt],
    loaded: Loaded,
    roles: Collection[ModelType],
) -> None:
    versions = {role.value: loaded.identities[role].version for role in roles}
    async with resources.unit_of_work() as uow:
        rows = await AnalysisRepository(uow.session).answers(list(found), versions)
    for row in rows:
        one = found[row.property_image_id]
        if row.status == JobStatus.FAILED:
            one.refused = row.error_message
        else:
            one.answers[ModelType(row.model_type)] = row.inference_results


async def _to_show(resources: Resources, one: LookedAt, roles: Collection[ModelType]) -> Picture | None:
    """The picture for those models that have not seen it; None where nothing is left to ask."""
    left = frozenset(roles) - one.answers.keys()
    if not left or one.refused:
        return None
    row, own = one.row, resources.own
    body = await own.store.get(
        f"images/{row.base_lead_id}/preprocessed/{row.image_type}_{row.view_angle}.jpg"
    )
    if body is None:
        one.refused = GONE
        return None
    detail = float(row.gsd_m) if row.gsd_m is not None else own.street_detail_m
    return Picture(row.id, ViewAngle(row.view_angle), body, detail, one.size, one.outline, left)


async def _keep(
    resources: Resources,
    found: Mapping[UUID, LookedAt],
    asked: Sequence[Picture],
    looked: Looked,
    *,
    started_at: datetime,
    seconds: float,
) -> None:
    rows = []
    for picture, seen in zip(asked, looked.seen, strict=True):
        one = found[seen.image_id]
        one.answers.update(seen.answers)
        one.refused = seen.refused
        rows += [
            {
                "lead_id": one.row.base_lead_id,
                "image_id": seen.image_id,
                "role": role.value,
                "name": looked.loaded.identities[role].name,
                "version": looked.loaded.identities[role].version,
                "status": JobStatus.FAILED if seen.refused else JobStatus.COMPLETED,
                "started_at": started_at,
                "seconds": round(seconds),
                "on_gpu": looked.loaded.on_gpu,
                "results": seen.answers.get(role),
                "confidence": _sureness(seen.answers.get(role) or {}),
                "error": seen.refused,
                "sha256": one.row.sha256,
            }
            for role in sorted(picture.roles)
        ]
    async with resources.unit_of_work() as uow:
        await AnalysisRepository(uow.session).keep_answers(rows)


def _sureness(answer: Answer) -> float | None:
    """How sure a model is of its answer, 0 to 100; None without evidence."""
    if "probabilities" in answer:
        return round(100 * float(max(answer["probabilities"].values())), 2)
    if answer.get("damages"):
        return round(100 * float(max(one["confidence"] for one in answer["damages"])), 2)
    sure = answer.get("confidence")
    return None if sure is None else round(100 * float(sure), 2)


def _outline(row: Row[Any], house: Row[Any] | None) -> list[tuple[float, float]] | None:
    """The lot in a picture from above; None for one from the street, or where no lot is known."""
    if house is None or house.lot is None or house.lat is None or row.gsd_m is None:
        return None
    if row.image_type != ImageType.SATELLITE or not row.image_width or not row.image_height:
        return None
    return outline_in_picture(
        orjson.loads(house.lot)["coordinates"],
        GeoPoint(lat=float(house.lat), lng=float(house.lng)),
        gsd_m=float(row.gsd_m),
        width_px=row.image_width,
        height_px=row.image_height,
    )
