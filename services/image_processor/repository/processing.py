"""What is made of stored pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession


class ProcessingRepository:
    """Stored pictures of leads and their processing."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def originals(self, lead_id: UUID) -> Sequence[Row[Any]]:
        """A lead's pictures as they were fetched, the newest of each view; of those from above the roof's."""
        statement = text(
            """
            SELECT DISTINCT ON (image_type, view_angle) id, image_type, view_angle, s3_key, source, quality_score,
                   usable_for_analysis, gsd_m, capture_date
              FROM property_images
             WHERE base_lead_id = :id AND image_type IN ('satellite', 'street_view') AND s3_key IS NOT NULL AND level = 'roof'
             ORDER BY image_type, view_angle, capture_date DESC NULLS LAST
            """
        )
        return (await self._session.execute(statement, {"id": lead_id})).all()

    async def mark_processed(self, image_ids: Sequence[UUID], config: Mapping[str, Any]) -> None:
        """Note that the standard form of pictures is stored."""
        statement = text(
            """
            UPDATE property_images SET processed = true, processed_at = now(),
                   processing_config = coalesce(processing_config, '{}') || CAST(:config AS jsonb)
             WHERE id = ANY (:ids)
            """
        )
        values = {"ids": list(image_ids), "config": orjson.dumps(dict(config)).decode()}
        await self._session.execute(statement, values)
