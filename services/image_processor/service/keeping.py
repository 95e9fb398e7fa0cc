"""Keeping pictures: the file with its sidecar in the store, the row of what was only noted."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from services.image_processor import metrics
from services.image_processor.domain.keys import original_key
from services.image_processor.domain.levels import at_level
from services.image_processor.repository import ImageRepository
from services.image_processor.service.looking import Looking, Shot, Shown
from shared.providers.object_store import put_json
from shared.schemas.enums import ImageDomain

UNKNOWN_LICENCE = "unknown"
PNG_MAGIC = b"\x89PNG"


async def keep(looking: Looking) -> list[dict[str, Any]]:
    """The rows of all pictures found; the files of those that came as files are stored."""
    sources = {shot.graded.image.source for shot in looking.shots} | {
        shown.view.source for shown in looking.shown
    }
    async with looking.resources.unit_of_work() as uow:
        repository = ImageRepository(uow.session)
        licences = {source: await repository.licence(source) or UNKNOWN_LICENCE for source in sources}
    domain = ImageDomain.RENDERED if looking.place.sandbox else ImageDomain.REAL
    rows = [_shown_row(shown, licences[shown.view.source], domain) for shown in looking.shown]
    return rows + [
        await _kept_row(looking, shot, licences[shot.graded.image.source], domain) for shot in looking.shots
    ]


async def _kept_row(looking: Looking, shot: Shot, licence_id: str, domain: ImageDomain) -> dict[str, Any]:
    """Store one picture with its sidecar."""
    lead_id: UUID = looking.place.id
    own, settings, graded = looking.resources.own, looking.resources.settings, shot.graded
    extension = "png" if graded.body.startswith(PNG_MAGIC) else "jpg"
    sha256 = hashlib.sha256(graded.body).hexdigest()
    key = at_level(original_key(lead_id, shot.image_type, shot.angle, sha256, extension), shot.level)
    await own.store.put(key, graded.body)
    usable = graded.quality.score >= settings.usable_quality
    row = {
        **_row(graded.image.source, shot),
        "original_url": None,
        "s3_url": own.store.url(key),
        "s3_key": key,
        "s3_bucket": own.store.bucket[:100],
        "capture_date": shot.captured_on,
        "width": graded.size[0],
        "height": graded.size[1],
        "bytes": len(graded.body),
        "format": extension,
        "quality": graded.quality.score,
        "usable": usable,
        "config": {"faults": list(graded.quality.faults), "image_id": graded.image.image_id},
        "sha256": sha256,
        "licence_id": licence_id,
        "domain": domain,
    }
    sidecar = {name: None if value is None else str(value) for name, value in row.items() if name != "config"}
    beside = original_key(lead_id, shot.image_type, shot.angle, sha256, "json")
    await put_json(own.store, at_level(beside, shot.level), sidecar)
    metrics.IMAGES.labels(shot.image_type, "usable" if usable else "unusable").inc()
    return row


def _shown_row(shown: Shown, licence_id: str, domain: ImageDomain) -> dict[str, Any]:
    """The row of a picture that only its vendor shows: where, never what."""
    view = shown.view
    metrics.IMAGES.labels(shown.image_type, "shown").inc()
    return {
        **_row(view.source, shown),
        "original_url": view.address,
        "s3_url": None,
        "s3_key": None,
        "s3_bucket": None,
        "capture_date": view.captured_on,
        "width": view.width,
        "height": view.height,
        "bytes": None,
        "format": None,
        "quality": None,
        "usable": False,
        "config": {"image_id": view.view_id},
        "sha256": None,
        "licence_id": licence_id,
        "domain": domain,
    }


def _row(source: str, taken: Shot | Shown) -> dict[str, Any]:
    return {
        "source": source,
        "image_type": taken.image_type,
        "view_angle": taken.angle,
        "gsd_m": taken.gsd_m,
        "heading": taken.heading,
        "level": taken.level,
    }
