"""Every SQL statement of the enricher; it writes contact columns only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession


class ContactRepository:
    """Contact columns of leads, their provenance and the record of each search."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lead(self, lead_id: UUID) -> Row[Any] | None:
        """What a contact search needs to know of a lead."""
        statement = text(
            """
            SELECT l.id, l.address, l.city, l.state, l.city_id, l.subject_id, l.owner_name, l.owner_email IS NOT NULL AS has_email, p.owner_is_company,
                   to_char(now(), 'YYYY-MM-DD') AS today, c.daily_budget AS city_budget
              FROM base_leads l
              LEFT JOIN parcels p ON p.id = l.parcel_id
              LEFT JOIN target_cities c ON c.id = l.city_id
             WHERE l.id = :id
            """
        )
        return (await self._session.execute(statement, {"id": lead_id})).one_or_none()

    async def store_email(self, lead_id: UUID, values: Mapping[str, Any]) -> None:
        """The found address (encrypted, with its blind index), its confidence, source and cost."""
        statement = text(
            """
            UPDATE base_leads SET owner_email = :email, owner_email_hash = :hash, owner_email_confidence = :confidence,
                   owner_email_source = :source, owner_email_verified = :verified, email_acquisition_cost = :cost
             WHERE id = :id
            """
        )
        await self._session.execute(statement, {**values, "id": lead_id})

    async def store_cost(self, lead_id: UUID, cost: Any) -> None:
        """What a fruitless search cost."""
        statement = text("UPDATE base_leads SET email_acquisition_cost = :cost WHERE id = :id")
        await self._session.execute(statement, {"id": lead_id, "cost": cost})

    async def store_provenance(
        self, lead_id: UUID, source: str, licence_id: str | None, confidence: float
    ) -> None:
        """Where the address came from, when, and how sure we are."""
        statement = text(
            """
            INSERT INTO compliance.provenance (entity, entity_id, field, source, licence_id, fetched_at, confidence)
            VALUES ('base_leads', :id, 'owner_email', :source, :licence, now(), :confidence)
            ON CONFLICT (entity, entity_id, field) DO UPDATE SET source = excluded.source, licence_id = excluded.licence_id,
                   fetched_at = excluded.fetched_at, confidence = excluded.confidence
            """
        )
        values = {"id": lead_id, "source": source, "licence": licence_id, "confidence": confidence}
        await self._session.execute(statement, values)

    async def store_job(self, lead_id: UUID, workflow_id: UUID, values: Mapping[str, Any]) -> bool:
        """Keep the record of a workflow's search; False where it is there already."""
        statement = text(
            """
            INSERT INTO enrichment_jobs (base_lead_id, workflow_id, enrichment_type, status, error_message, started_at,
                                         completed_at, data_found, confidence_score, cost, api_calls_made, sources_tried,
                                         successful_source, enrichment_data)
            SELECT :lead_id, :workflow_id, 'email', :status, :error, :started_at, now(), :found, :confidence, :cost,
                   :calls, :tried, :source, CAST(:data AS jsonb)
             WHERE NOT EXISTS (SELECT 1 FROM enrichment_jobs j
                                WHERE j.base_lead_id = :lead_id AND j.workflow_id = :workflow_id)
            """
        )
        row = {
            **values,
            "lead_id": lead_id,
            "workflow_id": workflow_id,
            "data": orjson.dumps(values["data"]).decode(),
        }
        return bool((await self._session.execute(statement, row)).rowcount)  # type: ignore[attr-defined]
