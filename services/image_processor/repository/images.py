"""Pictures as they were fetched, with the licence each is held under."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession


class ImageRepository:
    """Fetched pictures of leads."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def place(self, lead_id: UUID) -> Row[Any] | None:
        """Where the house is, and what its city may spend today."""
        statement = text(
            """
            SELECT l.id, l.lat, l.lng, l.sandbox, l.city_id, c.daily_budget AS city_budget,
                   to_char(now(), 'YYYY-MM-DD') AS today
              FROM base_leads l LEFT JOIN target_cities c ON c.id = l.city_id WHERE l.id = :id
            """
        )
        return (await self._session.execute(statement, {"id": lead_id})).one_or_none()

    async def store(self, lead_id: UUID, values: Mapping[str, Any]) -> UUID:
        """One picture by its natural key; the same view again replaces it."""
        statement = text(
            """
            INSERT INTO property_images (base_lead_id, image_type, view_angle, original_url, s3_url, s3_key, s3_bucket,
                capture_date, image_width, image_height, file_size_bytes, format, quality_score, usable_for_analysis,
                processing_config, source, licence_id, gsd_m, heading, image_domain, sha256)
            VALUES (:lead_id, :image_type, :view_angle, :original_url, :s3_url, :s3_key, :s3_bucket, :capture_date, :width,
                :height, :bytes, :format, :quality, :usable, CAST(:config AS jsonb), :source, :licence_id, :gsd_m, :heading,
                :domain, :sha256)
            ON CONFLICT (base_lead_id, image_type, view_angle, source, capture_date) WHERE variant IS NULL DO UPDATE
               SET s3_key = excluded.s3_key, s3_url = excluded.s3_url, quality_score = excluded.quality_score,
                   usable_for_analysis = excluded.usable_for_analysis, sha256 = excluded.sha256,
                   file_size_bytes = excluded.file_size_bytes
            RETURNING id
            """
        )
        row = {**values, "lead_id": lead_id, "config": orjson.dumps(values["config"]).decode()}
        image_id: UUID = (await self._session.execute(statement, row)).scalar_one()
        return image_id

    async def licence(self, source: str) -> str | None:
        """The licence under which a source's pictures are held."""
        statement = text("SELECT licence_id FROM compliance.source_registry WHERE source_key = :key")
        licence: str | None = (await self._session.execute(statement, {"key": source})).scalar_one_or_none()
        return licence
