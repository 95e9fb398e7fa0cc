"""A lead with stored pictures of its roof, as image_processor leaves them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.db.engine import SessionMaker
from shared.providers.object_store import ObjectStore
from shared.schemas.enums import RoofCondition, ViewAngle
from shared.security.fields import KeyRing
from tests.factories.leads import make_lead
from tests.factories.tiny_models import painted

PICTURE = text(
    """
    INSERT INTO property_images (base_lead_id, image_type, view_angle, source, licence_id, image_domain, gsd_m, image_width,
                                 image_height, capture_date, sha256, s3_key, quality_score, usable_for_analysis, processed,
                                 processed_at)
    VALUES (:lead, :type, :angle, :source, 'licence', 'rendered', :gsd_m, 320, 320, '2026-08-01', :sha256, 'key', 90, true,
            true, now())
    ON CONFLICT (base_lead_id, image_type, view_angle, source, capture_date, level) WHERE variant IS NULL
        DO UPDATE SET sha256 = excluded.sha256, processed_at = now()
    RETURNING id
    """
)
POOR_HOUSE: Mapping[ViewAngle, bytes] = {
    ViewAngle.OVERHEAD: painted(RoofCondition.POOR, damaged=True),
    ViewAngle.FRONT: painted(RoofCondition.POOR),
    ViewAngle.LEFT: painted(RoofCondition.POOR),
    ViewAngle.RIGHT: painted(RoofCondition.POOR),
    ViewAngle.REAR: painted(RoofCondition.POOR),
}


async def make_photographed_lead(
    db: SessionMaker,
    keys: KeyRing,
    store: ObjectStore,
    pictures: Mapping[ViewAngle, bytes] = POOR_HOUSE,
    **facts: Any,
) -> UUID:
    """A prospect in Harrow whose pictures wait to be looked at."""
    known = {"sqft": 2400, "roof_age_mid": 18, "lat": "32.4", "lng": "-98.9", "sandbox": True}
    async with db.begin() as session:
        lead_id = await make_lead(session, keys, status="processing", **{**known, **facts})
    for angle, body in pictures.items():
        await store_picture(db, store, lead_id, angle, body)
    return lead_id


async def store_picture(  # noqa: PLR0917 - who, where and what
    db: SessionMaker, store: ObjectStore, lead_id: UUID, angle: ViewAngle, body: bytes, source: str = ""
) -> UUID:
    """A view's picture in place of the one before."""
    above = angle is ViewAngle.OVERHEAD
    kind = "satellite" if above else "street_view"
    await store.put(f"images/{lead_id}/preprocessed/{kind}_{angle}.jpg", body)
    values = {
        "lead": lead_id,
        "type": kind,
        "angle": angle,
        "source": source or ("naip" if above else "licensed_street"),
        "gsd_m": 0.15 if above else 0.04,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    async with db.begin() as session:
        image: UUID = (await session.execute(PICTURE, values)).scalar_one()
    return image
