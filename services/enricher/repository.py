"""Every SQL statement of the enricher; it writes contact columns only."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.enricher.domain.waterfall import Licence


class ContactRepository:
    """Contact columns of leads, their provenance and the record of each search."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lead(self, lead_id: UUID) -> Row[Any] | None:
        """What a contact search needs to know of a lead."""
        statement = text(
            """
            SELECT l.id, l.address, l.city, l.state, l.zip, l.city_id, l.subject_id, l.owner_name,
                   p.owner_is_company, EXISTS (
                       SELECT 1 FROM enrichment_jobs j
                        WHERE j.base_lead_id = l.id AND j.enrichment_data @> '{"opted_out": true}') AS opted_out,
                   to_char(now(), 'YYYY-MM-DD') AS today, c.daily_budget AS city_budget
              FROM base_leads l
              LEFT JOIN parcels p ON p.id = l.parcel_id
              LEFT JOIN target_cities c ON c.id = l.city_id
             WHERE l.id = :id
            """
        )
        return (await self._session.execute(statement, {"id": lead_id})).one_or_none()

    async def store_email(self, lead_id: UUID, values: Mapping[str, Any]) -> None:
        """The found address (encrypted, with its blind index), its confidence and source."""
        statement = text(
            """
            UPDATE base_leads SET owner_email = :email, owner_email_hash = :hash, owner_email_confidence = :confidence,
                   owner_email_source = :source, owner_email_verified = :verified
             WHERE id = :id
            """
        )
        await self._session.execute(statement, {**values, "id": lead_id})

    async def store_cost(self, lead_id: UUID, cost: Decimal) -> None:
        """What the search of this lead's owner has cost."""
        statement = text("UPDATE base_leads SET email_acquisition_cost = :cost WHERE id = :id")
        await self._session.execute(statement, {"id": lead_id, "cost": cost})

    async def licences(self, names: list[str]) -> dict[str, Licence]:
        """What the registry allows of each vendor that has a row."""
        statement = text(
            """
            SELECT source_key, enabled, tos = 'allowed' AS terms_allow, may_store,
                   may_sell AND coalesce(licence_expires_on >= current_date, true) AS may_sell, disabled_reason
              FROM compliance.source_registry WHERE source_key = ANY (:names)
            """
        )
        rows = (await self._session.execute(statement, {"names": names})).mappings().all()
        return {row["source_key"]: Licence(**{k: row[k] for k in row if k != "source_key"}) for row in rows}

    async def store_provenance(self, lead_id: UUID, field: str, source: str, *, confidence: float) -> None:
        """Where the value of a contact column came from, under which licence, when, and how sure we are."""
        statement = text(
            """
            INSERT INTO compliance.provenance (entity, entity_id, field, source, licence_id, fetched_at, confidence)
            VALUES ('base_leads', :id, :field, :source,
                    (SELECT s.licence_id FROM compliance.source_registry s WHERE s.source_key = :source), now(), :confidence)
            ON CONFLICT (entity, entity_id, field) DO UPDATE SET source = excluded.source, licence_id = excluded.licence_id,
                   fetched_at = excluded.fetched_at, confidence = excluded.confidence
            """
        )
        values = {"id": lead_id, "field": field, "source": source, "confidence": confidence}
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
