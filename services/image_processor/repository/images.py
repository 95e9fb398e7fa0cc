"""Pictures as they were fetched, with the licence each is held under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        """Where the house is, what its city may spend today, and whose orthophotos it has."""
        statement = text(
            """
            SELECT l.id, l.lat, l.lng, l.sandbox, l.city_id, c.daily_budget AS city_budget,
                   to_char(now(), 'YYYY-MM-DD') AS today, c.sources -> 'image_sources' AS image_sources
              FROM base_leads l LEFT JOIN target_cities c ON c.id = l.city_id WHERE l.id = :id
            """
        )
        return (await self._session.execute(statement, {"id": lead_id})).one_or_none()

    async def store_all(self, lead_id: UUID, rows: Sequence[Mapping[str, Any]]) -> None:
        """Pictures by their natural key; the same view at the same level again replaces the one before."""
        statement = text(
            """
            INSERT INTO property_images (base_lead_id, image_type, view_angle, level, original_url, s3_url, s3_key, s3_bucket,
                capture_date, image_width, image_height, file_size_bytes, format, quality_score, usable_for_analysis,
                processing_config, source, licence_id, gsd_m, heading, image_domain, sha256)
            VALUES (:lead_id, :image_type, :view_angle, :level, :original_url, :s3_url, :s3_key, :s3_bucket, :capture_date,
                :width, :height, :bytes, :format, :quality, :usable, CAST(:config AS jsonb), :source, :licence_id, :gsd_m,
                :heading, :domain, :sha256)
            ON CONFLICT (base_lead_id, image_type, view_angle, source, capture_date, level) WHERE variant IS NULL DO UPDATE
               SET s3_key = excluded.s3_key, s3_url = excluded.s3_url, quality_score = excluded.quality_score,
                   usable_for_analysis = excluded.usable_for_analysis, sha256 = excluded.sha256,
                   file_size_bytes = excluded.file_size_bytes, original_url = excluded.original_url,
                   image_width = excluded.image_width, image_height = excluded.image_height, format = excluded.format,
                   licence_id = excluded.licence_id, gsd_m = excluded.gsd_m, heading = excluded.heading,
                   processing_config = coalesce(property_images.processing_config, '{}') || excluded.processing_config
            """
        )
        if rows:
            values = [
                {**row, "lead_id": lead_id, "config": orjson.dumps(row["config"]).decode()} for row in rows
            ]
            await self._session.execute(statement, values)

    async def licence(self, source: str) -> str | None:
        """The licence under which a source's pictures are held."""
        statement = text("SELECT licence_id FROM compliance.source_registry WHERE source_key = :key")
        licence: str | None = (await self._session.execute(statement, {"key": source})).scalar_one_or_none()
        return licence

    async def image(self, image_id: UUID) -> Row[Any] | None:
        """One picture with its licence and what must be said beside it."""
        statement = text(
            """
            SELECT i.id, i.base_lead_id, i.image_type, i.view_angle, i.level, i.source, i.licence_id, r.attribution,
                   i.capture_date AS captured_on, i.gsd_m, i.heading, i.image_width, i.image_height, i.file_size_bytes, i.format,
                   i.quality_score, i.usable_for_analysis, i.processed, i.processing_config, i.image_domain, i.parent_image_id,
                   i.created_at, i.s3_key, i.original_url
              FROM property_images i LEFT JOIN compliance.source_registry r ON r.source_key = i.source WHERE i.id = :id
            """
        )
        return (await self._session.execute(statement, {"id": image_id})).one_or_none()

    async def leads_of(self, property_ids: Sequence[UUID]) -> dict[UUID, UUID]:
        """The lead of each of these leads or parcels, by the id that was given."""
        statement = text(
            """
            SELECT given.id, l.id AS lead_id FROM unnest(CAST(:ids AS uuid[])) AS given (id)
              JOIN base_leads l ON l.id = given.id OR l.parcel_id = given.id
            """
        )
        rows = await self._session.execute(statement, {"ids": list(property_ids)})
        return {row.id: row.lead_id for row in rows}
