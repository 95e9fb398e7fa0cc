"""Analyses of roofs, the pictures they rest on and the models behind them."""

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
    """Reads houses and their pictures; writes analyses, runs of models and the registry."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def house(self, lead_id: UUID) -> Row[Any] | None:
        """What a cost estimate needs to know of a house."""
        statement = text(
            """
            SELECT l.id, l.sqft, l.roof_material, l.roof_age_mid, l.sandbox, p.stories, c.material_cost_index, c.labour_cost_index
              FROM base_leads l JOIN target_cities c ON c.id = l.city_id LEFT JOIN parcels p ON p.id = l.parcel_id
             WHERE l.id = :id
            """
        )
        return (await self._session.execute(statement, {"id": lead_id})).one_or_none()

    async def pictures(self, lead_id: UUID) -> Sequence[Row[Any]]:
        """Usable standardised pictures, the newest of each view."""
        statement = text(
            """
            SELECT DISTINCT ON (image_type, view_angle) id, image_type, view_angle, source, gsd_m, image_width, image_height,
                   image_domain, capture_date
              FROM property_images
             WHERE base_lead_id = :id AND usable_for_analysis AND processed AND level = 'roof'
               AND image_type IN ('satellite', 'street_view')
             ORDER BY image_type, view_angle, capture_date DESC NULLS LAST
            """
        )
        return (await self._session.execute(statement, {"id": lead_id})).all()

    async def store(self, lead_id: UUID, workflow_id: UUID, values: Mapping[str, Any]) -> UUID:
        """A new current analysis; the one before stays as history. The same workflow's is replaced."""
        retire = text("UPDATE roof_analysis SET is_current = false WHERE base_lead_id = :lead AND is_current")
        insert = text(
            """
            INSERT INTO roof_analysis (base_lead_id, workflow_id, overall_condition, confidence_score, calibrated_confidence,
                class_probabilities, classifier_model, classifier_version, classifier_sha256, image_domain, roof_sqft,
                replacement_cost_low, replacement_cost_high, estimated_age, validation_status, is_current)
            VALUES (:lead, :workflow, :condition, :score, :confidence, CAST(:probabilities AS jsonb), :model, :version, :sha256,
                :domain, :roof_sqft, :cost_low, :cost_high, :age, 'pending', true)
            RETURNING id
            """
        )
        await self._session.execute(retire, {"lead": lead_id})
        row = {
            **values,
            "lead": lead_id,
            "workflow": workflow_id,
            "probabilities": _json(values["probabilities"]),
        }
        analysis: UUID = (await self._session.execute(insert, row)).scalar_one()
        return analysis

    async def store_run(self, lead_id: UUID, run: Mapping[str, Any]) -> None:
        """One run of the model over a house, with every term of the cost estimate in its results."""
        statement = text(
            """
            INSERT INTO ml_inference_jobs (base_lead_id, model_type, model_name, model_version, status, started_at, completed_at,
                duration_seconds, gpu_used, inference_results, confidence_score)
            VALUES (:lead, 'classifier', :name, :version, 'completed', :started_at, now(), :seconds, false,
                CAST(:results AS jsonb), :confidence)
            """
        )
        values = {**run, "lead": lead_id, "results": _json(run["results"])}
        await self._session.execute(statement, values)

    async def register_model(self, values: Mapping[str, Any]) -> None:
        """The registry row of the weights in use."""
        retire = text(
            "UPDATE models SET active = false WHERE name = :name AND version <> :version AND active"
        )
        insert = text(
            """
            INSERT INTO models (name, version, model_type, image_domain, sha256, path, metrics, calibration, active, activated_at)
            VALUES (:name, :version, 'classifier', 'rendered', :sha256, :path, CAST(:metrics AS jsonb),
                    CAST(:calibration AS jsonb), true, now())
            ON CONFLICT DO NOTHING
            """
        )
        await self._session.execute(retire, {"name": values["name"], "version": values["version"]})
        row = {**values, "metrics": _json(values["metrics"]), "calibration": _json(values["calibration"])}
        await self._session.execute(insert, row)

    async def models(self) -> Sequence[Row[Any]]:
        """Every registered model, active ones first."""
        statement = text(
            """
            SELECT id, name, version, model_type, image_domain, sha256, metrics, calibration, active, activated_at, created_at
              FROM models ORDER BY active DESC, created_at DESC
            """
        )
        return (await self._session.execute(statement)).all()

    async def current(self, lead_id: UUID) -> Row[Any] | None:
        """A lead's current analysis."""
        statement = text(
            """
            SELECT id, overall_condition, calibrated_confidence, image_domain, class_probabilities FROM roof_analysis
             WHERE base_lead_id = :lead AND is_current
            """
        )
        return (await self._session.execute(statement, {"lead": lead_id})).one_or_none()
