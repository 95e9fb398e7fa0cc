"""What is made of stored pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

ORIGINAL = """
    id, base_lead_id, image_type, view_angle, s3_key, source, usable_for_analysis, gsd_m, image_width, image_height,
    coalesce(sha256, '') AS sha256
"""


class ProcessingRepository:
    """Stored pictures of leads and their processing."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def originals(self, lead_id: UUID) -> Sequence[Row[Any]]:
        """A lead's pictures as they were fetched, the newest of each view; of those from above the roof's."""
        statement = text(
            f"""
            SELECT DISTINCT ON (image_type, view_angle) {ORIGINAL}
              FROM property_images WHERE base_lead_id = :id AND variant IS NULL AND s3_key IS NOT NULL AND level = 'roof'
             ORDER BY image_type, view_angle, capture_date DESC NULLS LAST
            """  # noqa: S608 - the columns above
        )
        return (await self._session.execute(statement, {"id": lead_id})).all()

    async def original(self, image_id: UUID) -> Row[Any] | None:
        """One picture as it was fetched; None for one that is unknown, made here, or not kept."""
        statement = text(
            f"SELECT {ORIGINAL} FROM property_images WHERE id = :id AND variant IS NULL AND s3_key IS NOT NULL"  # noqa: S608
        )
        return (await self._session.execute(statement, {"id": image_id})).one_or_none()

    async def made(self, image_ids: Sequence[UUID]) -> Mapping[tuple[UUID, str], Row[Any]]:
        """What was made of these pictures before, by picture and variant."""
        statement = text(
            """
            SELECT id, parent_image_id, variant, s3_key, image_width, image_height,
                   processing_config ->> 'version' AS version, processing_config ->> 'of_sha256' AS of_sha256
              FROM property_images WHERE parent_image_id = ANY (:ids)
            """
        )
        rows = (await self._session.execute(statement, {"ids": list(image_ids)})).all()
        return {(row.parent_image_id, row.variant): row for row in rows}

    async def store(self, parent_id: UUID, values: Mapping[str, Any]) -> UUID:
        """A picture made of another, under its place, date and licence; the same variant again replaces it."""
        statement = text(
            """
            INSERT INTO property_images (base_lead_id, image_type, view_angle, level, s3_url, s3_key, s3_bucket, capture_date,
                image_width, image_height, file_size_bytes, format, quality_score, usable_for_analysis, processed,
                processed_at, processing_config, source, licence_id, gsd_m, heading, image_domain, sha256,
                parent_image_id, variant)
            SELECT base_lead_id, :image_type, view_angle, level, :s3_url, :s3_key, :s3_bucket, capture_date, :width, :height,
                   :bytes, 'jpg', quality_score, usable_for_analysis AND :for_analysis, true, now(),
                   CAST(:config AS jsonb), source, licence_id, CAST(:gsd_m AS numeric), heading, image_domain, :sha256,
                   id, :variant
              FROM property_images WHERE id = :parent
            ON CONFLICT (parent_image_id, variant) WHERE parent_image_id IS NOT NULL DO UPDATE
               SET s3_key = excluded.s3_key, s3_url = excluded.s3_url, image_width = excluded.image_width,
                   image_height = excluded.image_height, file_size_bytes = excluded.file_size_bytes,
                   quality_score = excluded.quality_score, usable_for_analysis = excluded.usable_for_analysis,
                   processed_at = excluded.processed_at, processing_config = excluded.processing_config,
                   gsd_m = excluded.gsd_m, sha256 = excluded.sha256
            RETURNING id
            """
        )
        row = {**values, "parent": parent_id, "config": orjson.dumps(values["config"]).decode()}
        image_id: UUID = (await self._session.execute(statement, row)).scalar_one()
        return image_id

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
