"""Pictures made of stored ones: each once per original, variant and version, kept with a sidecar, ready to be recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.image_processor import metrics
from services.image_processor.domain.keys import (
    STANDARD,
    VERSIONS,
    DamageView,
    Enlargement,
    Stage,
    enlarged_key,
    image_key,
    transformed_key,
)
from services.image_processor.domain.pixels import standard_form
from services.image_processor.domain.quality import PictureRefused
from services.image_processor.repository import ProcessingRepository
from shared.providers.object_store import put_json
from shared.runtime import Resources
from shared.schemas.enums import ImageType, ViewAngle

GONE = "gone_from_the_store"


class PictureGone(Exception):
    """A row's object is not in the store."""


@dataclass(frozen=True, slots=True)
class Made:
    """A picture made of an original, kept in the store."""

    original_id: UUID
    variant: str
    values: Mapping[str, Any]


@dataclass(slots=True)
class Outcome:
    """What became of each picture: made now, known from before, or skipped with a reason."""

    made: list[Made] = field(default_factory=list)
    known: list[UUID] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def counts(self) -> dict[str, Any]:
        """For a step's output."""
        return {"made": len(self.made), "known": len(self.known), "skipped": self.skipped}


@dataclass(frozen=True, slots=True)
class Variant:
    """What is to be made: its name, stage, key, version, and what the database calls it."""

    name: str
    stage: Stage
    key: str
    version: str
    image_type: ImageType = ImageType.PROCESSED
    for_analysis: bool = False


def standard_variant(original: Row[Any]) -> Variant:
    """The standard form, the one that models read."""
    image_type, angle = ImageType(original.image_type), ViewAngle(original.view_angle)
    key = image_key(original.base_lead_id, Stage.PREPROCESSED, image_type, angle)
    return Variant(STANDARD, Stage.PREPROCESSED, key, VERSIONS[Stage.PREPROCESSED], for_analysis=True)


def damage_variant(original: Row[Any], view: DamageView) -> Variant:
    """A damage view, for human eyes."""
    key = transformed_key(original.base_lead_id, original.id, view)
    return Variant(view.value, Stage.TRANSFORMED, key, VERSIONS[Stage.TRANSFORMED])


def enlarged_variant(original: Row[Any], size: Enlargement, network_sha256: str) -> Variant:
    """An enlargement by one network, for human eyes."""
    key = enlarged_key(original.base_lead_id, original.id, size)
    version = f"{VERSIONS[Stage.SUPER_RES]}-{network_sha256[:12]}"
    return Variant(size.value, Stage.SUPER_RES, key, version, image_type=ImageType.SUPER_RES)


async def missing(
    resources: Resources, wanted: Sequence[tuple[Row[Any], Variant]]
) -> tuple[list[tuple[Row[Any], Variant]], list[tuple[Row[Any], Variant]]]:
    """Which of these are to be made, and which were made of the same bytes by the same version."""
    async with resources.unit_of_work() as uow:
        known = await ProcessingRepository(uow.session).made([original.id for original, _ in wanted])
    todo: list[tuple[Row[Any], Variant]] = []
    done: list[tuple[Row[Any], Variant]] = []
    for original, variant in wanted:
        row = known.get((original.id, variant.name))
        same = row is not None and (row.version, row.of_sha256) == (variant.version, original.sha256)
        (done if same else todo).append((original, variant))
    return todo, done


async def body_of(resources: Resources, original: Row[Any]) -> bytes:
    """The bytes of a stored picture; PictureGone where the store has lost them."""
    body: bytes | None = await resources.own.store.get(original.s3_key)
    if body is None:
        raise PictureGone
    return body


async def keep(
    resources: Resources,
    original: Row[Any],
    variant: Variant,
    body: bytes,
    *,
    size: tuple[int, int],
    gsd_m: float | None,
    details: Mapping[str, Any],
) -> Made:
    """Put a made picture and its sidecar into the store; the caller records it."""
    store = resources.own.store
    config = {"stage": variant.stage, "version": variant.version, "of_sha256": original.sha256, **details}
    values = {
        "image_type": variant.image_type,
        "variant": variant.name,
        "s3_key": variant.key,
        "s3_url": store.url(variant.key),
        "s3_bucket": store.bucket[:100],
        "width": size[0],
        "height": size[1],
        "bytes": len(body),
        "gsd_m": gsd_m,
        "sha256": hashlib.sha256(body).hexdigest(),
        "for_analysis": variant.for_analysis,
        "config": config,
    }
    await store.put(variant.key, body)
    sidecar = {"original": str(original.id), "source": original.source, **values}
    await put_json(store, variant.key.removesuffix(".jpg") + ".json", sidecar)
    metrics.IMAGES.labels(variant.stage, "made").inc()
    return Made(original.id, variant.name, values)


async def standard_forms(resources: Resources, originals: Sequence[Row[Any]]) -> Outcome:
    """The standard forms of pictures; one that cannot be made is told with its reason and stops no other."""
    todo, done = await missing(resources, [(original, standard_variant(original)) for original in originals])
    outcome = Outcome(known=[original.id for original, _ in done])
    for original, variant in todo:
        try:
            outcome.made.append(await _standard_form(resources, original, variant))
        except PictureGone:
            outcome.skipped[str(original.id)] = GONE
        except PictureRefused as refused:
            outcome.skipped[str(original.id)] = refused.reason
    for reason in outcome.skipped.values():
        metrics.IMAGES.labels(Stage.PREPROCESSED, reason).inc()
    return outcome


async def _standard_form(resources: Resources, original: Row[Any], variant: Variant) -> Made:
    body, pixels = await body_of(resources, original), resources.settings.standard_pixels
    form = await resources.own.processes.run(standard_form, body, pixels)
    gsd = float(original.gsd_m) / form.details["scale"] if original.gsd_m is not None else None
    return await keep(
        resources,
        original,
        variant,
        form.body,
        size=(form.width, form.height),
        gsd_m=gsd,
        details=form.details,
    )
