"""Houses, their pictures, what each model said of each picture, and the analyses made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value, default=str).decode()


class AnalysisRepository:
    """Reads houses and their pictures; writes what models said of them, and analyses."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def house(self, lead_id: UUID) -> Row[Any] | None:
        """What an analysis needs to know of a house: size, age, lot, prices, and the storm that speaks most for it."""
        statement = text(
            """
            SELECT l.id, l.lat, l.lng, l.state, l.county, l.sqft, l.roof_material, l.roof_age_mid, l.sandbox, p.stories,
                   c.material_cost_index, c.labour_cost_index, s.strength AS storm_strength, w.event_type AS storm_kind,
                   w.event_date AS storm_on,
                   (SELECT ST_AsGeoJSON(ST_ExteriorRing(part.geom), 7) FROM ST_Dump(p.boundary::geometry) AS part
                     ORDER BY ST_Area(part.geom) DESC LIMIT 1) AS lot
              FROM base_leads l
              JOIN target_cities c ON c.id = l.city_id
              LEFT JOIN parcels p ON p.id = l.parcel_id
              LEFT JOIN parcel_storms s ON s.city_id = l.city_id AND s.parcel_id = l.parcel_id
              LEFT JOIN weather_events w ON w.id = s.weather_event_id
             WHERE l.id = :id
            """
        )
        return (await self._session.execute(statement, {"id": lead_id})).one_or_none()

    async def lead_of(self, property_id: UUID) -> UUID | None:
        """The lead of this id, or the one of this parcel."""
        statement = text(
            "SELECT id FROM base_leads WHERE id = :id OR parcel_id = :id ORDER BY (id = :id) DESC LIMIT 1"
        )
        lead: UUID | None = (await self._session.execute(statement, {"id": property_id})).scalar_one_or_none()
        return lead

    async def pictures(self, lead_id: UUID) -> Sequence[Row[Any]]:
        """Usable standardised pictures, the newest of each view."""
        statement = text(
            """
            SELECT DISTINCT ON (image_type, view_angle) id, base_lead_id, image_type, view_angle, source, gsd_m, image_width,
                   image_height, image_domain, capture_date, sha256
              FROM property_images
             WHERE base_lead_id = :id AND usable_for_analysis AND processed AND level = 'roof'
               AND image_type IN ('satellite', 'street_view')
             ORDER BY image_type, view_angle, capture_date DESC NULLS LAST
            """
        )
        return (await self._session.execute(statement, {"id": lead_id})).all()

    async def lead_of_picture(self, image_id: UUID) -> UUID | None:
        """The lead whose picture this is."""
        statement = text("SELECT base_lead_id FROM property_images WHERE id = :id")
        lead: UUID | None = (await self._session.execute(statement, {"id": image_id})).scalar_one_or_none()
        return lead

    async def answers(self, image_ids: Sequence[UUID], versions: Mapping[str, str]) -> Sequence[Row[Any]]:
        """What the weights in use (version by role) have said of these pictures as they are now."""
        statement = text(
            """
            SELECT j.property_image_id, j.model_type, j.status, j.inference_results, j.error_message
              FROM ml_inference_jobs j JOIN property_images i ON i.id = j.property_image_id
             WHERE j.property_image_id = ANY (:images) AND j.status IN ('completed', 'failed')
               AND (j.model_type, j.model_version) IN (SELECT * FROM unnest(CAST(:roles AS text[]), CAST(:versions AS text[])))
               AND j.image_sha256 IS NOT DISTINCT FROM i.sha256 AND j.completed_at >= i.processed_at
            """
        )
        values = {"images": list(image_ids), "roles": list(versions), "versions": list(versions.values())}
        return (await self._session.execute(statement, values)).all()

    async def keep_answers(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """One row a picture, role and version; an answer about other pixels replaces the one before."""
        statement = text(
            """
            INSERT INTO ml_inference_jobs AS known (base_lead_id, property_image_id, model_type, model_name, model_version,
                status, started_at, completed_at, duration_seconds, gpu_used, inference_results, confidence_score,
                error_message, image_sha256)
            SELECT lead_id, image_id, role, name, version, status, started_at, now(), seconds, on_gpu, results, confidence,
                   error, sha256
              FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row(lead_id uuid, image_id uuid, role text, name text,
                   version text, status text, started_at timestamptz, seconds int, on_gpu boolean, results jsonb,
                   confidence numeric, error text, sha256 text)
            ON CONFLICT (property_image_id, model_type, model_version) DO UPDATE
               SET status = excluded.status, started_at = excluded.started_at, completed_at = excluded.completed_at,
                   duration_seconds = excluded.duration_seconds, gpu_used = excluded.gpu_used,
                   inference_results = excluded.inference_results, confidence_score = excluded.confidence_score,
                   error_message = excluded.error_message, image_sha256 = excluded.image_sha256
            """
        )
        await self._session.execute(statement, {"rows": _json([dict(row) for row in rows])})

    async def store(self, lead_id: UUID, workflow_id: UUID, values: Mapping[str, Any]) -> UUID:
        """A new current analysis; the one before stays as history."""
        retire = text("UPDATE roof_analysis SET is_current = false WHERE base_lead_id = :lead AND is_current")
        insert = text(
            """
            INSERT INTO roof_analysis (base_lead_id, workflow_id, overall_condition, condition_index, confidence_score,
                calibrated_confidence, class_probabilities, damage_detected, damage_types, damage_severity,
                damage_locations, damage_areas_sqft, roof_sqft, roof_pitch, estimated_age, estimated_remaining_life,
                repair_cost_low, repair_cost_high, replacement_cost_low, replacement_cost_high, roi_for_replacement,
                urgency, classifier_model, classifier_version, classifier_sha256, detector_model, detector_version,
                segmentor_model, segmentor_version, image_domain, evidence, validation_status, is_current)
            VALUES (:lead, :workflow, :condition, :condition_index, :score, :confidence, CAST(:probabilities AS jsonb),
                :damage_detected, :damage_types, CAST(:damage_severity AS jsonb), CAST(:damage_locations AS jsonb),
                CAST(:damage_areas_sqft AS jsonb), :roof_sqft, :roof_pitch, :age, :years_left, :repair_low, :repair_high,
                :replace_low, :replace_high, :roi, :urgency, :classifier_model, :classifier_version, :classifier_sha256,
                :detector_model, :detector_version, :segmentor_model, :segmentor_version, :domain,
                CAST(:evidence AS jsonb), 'pending', true)
            RETURNING id
            """
        )
        await self._session.execute(retire, {"lead": lead_id})
        documents = (
            "probabilities",
            "damage_severity",
            "damage_locations",
            "damage_areas_sqft",
            "evidence",
        )
        row = {**values, **{name: _json(values[name]) for name in documents}}
        analysis: UUID = (
            await self._session.execute(insert, {**row, "lead": lead_id, "workflow": workflow_id})
        ).scalar_one()
        return analysis

    async def current(self, lead_id: UUID) -> Row[Any] | None:
        """A lead's current analysis."""
        statement = text(
            """
            SELECT id, overall_condition, calibrated_confidence, image_domain, class_probabilities, evidence
              FROM roof_analysis WHERE base_lead_id = :lead AND is_current
            """
        )
        return (await self._session.execute(statement, {"lead": lead_id})).one_or_none()

    async def in_need(self, versions: Mapping[str, str], limit: int) -> list[UUID]:
        """Leads with pictures that these weights (version by role) have not seen, those never analysed first.

        What is on sale is analysed once; a lead is not tried twice a day, since some pictures may not be looked at.
        """
        statement = text(
            """
            SELECT l.id
              FROM base_leads l LEFT JOIN roof_analysis a ON a.base_lead_id = l.id AND a.is_current
             WHERE (a.id IS NULL AND l.status IN ('processing', 'review', 'available')
                    OR l.status IN ('processing', 'review') AND NOT a.human_validated)
               AND EXISTS (
                   SELECT 1
                     FROM (SELECT DISTINCT ON (image_type, view_angle) id, sha256, processed_at FROM property_images
                            WHERE base_lead_id = l.id AND usable_for_analysis AND processed
                              AND image_type IN ('satellite', 'street_view') AND level = 'roof'
                            ORDER BY image_type, view_angle, capture_date DESC NULLS LAST) i
                    WHERE (SELECT count(*) FROM ml_inference_jobs j
                            WHERE j.property_image_id = i.id AND j.completed_at >= i.processed_at
                              AND (j.model_type, j.model_version) IN (
                                  SELECT * FROM unnest(CAST(:roles AS text[]), CAST(:versions AS text[])))
                              AND j.image_sha256 IS NOT DISTINCT FROM i.sha256) < cardinality(CAST(:roles AS text[])))
               AND NOT EXISTS (SELECT 1 FROM core.workflow w
                                WHERE w.subject_id = l.id
                                  AND (w.kind IN ('property', 'analyze_lead') AND w.status IN ('pending', 'running', 'waiting')
                                       OR w.kind = 'analyze_lead' AND w.created_at > now() - interval '1 day'))
             ORDER BY a.id IS NOT NULL, l.created_at LIMIT :limit
            """
        )
        values = {"roles": list(versions), "versions": list(versions.values()), "limit": limit}
        return list((await self._session.execute(statement, values)).scalars())
