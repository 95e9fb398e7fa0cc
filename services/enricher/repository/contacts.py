"""Contact columns of leads, where they came from, what they cost, and what the vendors' licences allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.enricher.domain.waterfall import Licence
from shared.schemas.enums import EnrichmentType


class ContactRepository:
    """Contact columns of leads, their provenance and the record of each search."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

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

    async def store_phone(self, lead_id: UUID, *, phone: str, phone_hash: str) -> None:
        """The found number (encrypted, with its blind index); nobody has answered it yet."""
        statement = text(
            """
            UPDATE base_leads SET owner_phone = :phone, owner_phone_hash = :hash, owner_phone_verified = false
             WHERE id = :id
            """
        )
        await self._session.execute(statement, {"id": lead_id, "phone": phone, "hash": phone_hash})

    async def store_cost(self, lead_id: UUID, search_id: UUID, cost: Decimal) -> None:
        """What all searches of this lead's owner have cost together; `search_id` names the one that costs this."""
        statement = text(
            """
            UPDATE base_leads SET email_acquisition_cost = CAST(:cost AS numeric) + (
                       SELECT coalesce(sum(j.cost), 0) FROM enrichment_jobs j
                        WHERE j.base_lead_id = :id AND j.enrichment_type IN ('email', 'all')
                          AND coalesce(j.workflow_id, j.id) <> :search_id)
             WHERE id = :id
            """
        )
        await self._session.execute(statement, {"id": lead_id, "search_id": search_id, "cost": cost})

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

    async def store_job(
        self, lead_id: UUID, workflow_id: UUID, values: Mapping[str, Any], *, kind: EnrichmentType
    ) -> bool:
        """Keep the record of a workflow's search; False where it is there already."""
        statement = text(
            """
            INSERT INTO enrichment_jobs (base_lead_id, workflow_id, enrichment_type, status, error_message, started_at,
                                         completed_at, data_found, confidence_score, cost, api_calls_made, sources_tried,
                                         successful_source, enrichment_data)
            SELECT :lead_id, :workflow_id, CAST(:kind AS text), :status, :error, :started_at, now(), :found, :confidence, :cost,
                   :calls, :tried, :source, CAST(:data AS jsonb)
             WHERE NOT EXISTS (SELECT 1 FROM enrichment_jobs j
                                WHERE j.base_lead_id = :lead_id AND j.workflow_id = :workflow_id
                                  AND j.enrichment_type = CAST(:kind AS text))
            """
        )
        row = {
            **values,
            "lead_id": lead_id,
            "workflow_id": workflow_id,
            "kind": kind.value,
            "data": orjson.dumps(values["data"], default=str).decode(),
        }
        return bool((await self._session.execute(statement, row)).rowcount)  # type: ignore[attr-defined]

    async def known(self, lead_id: UUID) -> Sequence[Row[Any]]:
        """The contact columns that a lead has, sealed, each with where it came from."""
        statement = text(
            """
            SELECT f.field, f.value, p.source, p.licence_id, p.fetched_at, p.confidence, l.owner_email_verified
              FROM base_leads l
             CROSS JOIN LATERAL (VALUES ('owner_email', l.owner_email), ('owner_phone', l.owner_phone)) AS f (field, value)
              JOIN compliance.provenance p
                ON p.entity = 'base_leads' AND p.entity_id = l.id AND p.field = f.field
             WHERE l.id = :id AND f.value IS NOT NULL
            """
        )
        return (await self._session.execute(statement, {"id": lead_id})).all()

    async def licence_ids(self, sources: Sequence[str]) -> dict[str, str]:
        """The licence under which each source's data is held."""
        statement = text(
            "SELECT source_key, licence_id FROM compliance.source_registry"
            " WHERE source_key = ANY (:sources) AND licence_id IS NOT NULL"
        )
        rows = await self._session.execute(statement, {"sources": list(sources)})
        return {row.source_key: row.licence_id for row in rows}

    async def delivery(self, lead_id: UUID) -> str | None:
        """What the post said of a lead's address when it was asked."""
        statement = text(
            """
            SELECT enrichment_data ->> 'delivery' FROM enrichment_jobs
             WHERE base_lead_id = :id AND enrichment_type = 'validation' AND enrichment_data ? 'delivery'
             ORDER BY created_at DESC LIMIT 1
            """
        )
        return (await self._session.execute(statement, {"id": lead_id})).scalar_one_or_none()

    async def in_need(self, *, limit: int, again_after_days: int) -> Sequence[UUID]:
        """Leads whose owner is known and not yet found, the best first; none that a live workflow works on."""
        statement = text(
            """
            SELECT l.id FROM base_leads l LEFT JOIN parcels p ON p.id = l.parcel_id
             WHERE l.status IN ('processing', 'review', 'available') AND l.owner_email IS NULL
               AND l.owner_name IS NOT NULL AND l.subject_id IS NOT NULL AND p.owner_is_company IS NOT TRUE
               AND NOT EXISTS (SELECT 1 FROM enrichment_jobs j
                                WHERE j.base_lead_id = l.id AND j.enrichment_type IN ('email', 'all')
                                  AND (j.enrichment_data @> '{"opted_out": true}'
                                       OR j.completed_at > now() - CASE WHEN j.status = 'failed' THEN interval '1 day'
                                                                        ELSE make_interval(days => :days) END))
               AND NOT EXISTS (SELECT 1 FROM core.workflow w
                                WHERE w.subject_id = l.id AND w.kind IN ('property', 'enrich_lead')
                                  AND (w.input -> 'skip' ? 'contacts'
                                       OR EXISTS (SELECT 1 FROM core.step s
                                                   WHERE s.workflow_id = w.id
                                                     AND s.name IN ('enrich_contact', 'enrich_lead')
                                                     AND s.status IN ('pending', 'ready', 'running', 'waiting'))))
             ORDER BY l.quality_score DESC NULLS LAST, l.pre_score DESC NULLS LAST, l.id LIMIT :limit
            """
        )
        found = await self._session.execute(statement, {"limit": limit, "days": again_after_days})
        return found.scalars().all()

    async def of_properties(self, property_ids: Sequence[UUID]) -> dict[UUID, UUID]:
        """The lead of each of these leads or parcels, by the id that was given."""
        statement = text(
            """
            SELECT given.id, l.id AS lead_id FROM unnest(CAST(:ids AS uuid[])) AS given (id)
              JOIN base_leads l ON l.id = given.id OR l.parcel_id = given.id
            """
        )
        rows = await self._session.execute(statement, {"ids": list(property_ids)})
        return {row.id: row.lead_id for row in rows}

    async def quality(self, days: int) -> Row[Any]:
        """The figures of the last days' searches and validations: found, verified, cost, deliverable addresses."""
        statement = text(
            """
            SELECT count(*) FILTER (WHERE enrichment_type IN ('email', 'all')) AS searched,
                   count(*) FILTER (WHERE enrichment_type IN ('email', 'all') AND data_found) AS found,
                   count(*) FILTER (WHERE enrichment_type IN ('email', 'all') AND data_found
                                      AND enrichment_data ->> 'verification' = 'valid') AS verified,
                   coalesce(sum(cost) FILTER (WHERE enrichment_type IN ('email', 'all')), 0) AS cost,
                   count(*) FILTER (WHERE enrichment_data ? 'delivery') AS validated,
                   count(*) FILTER (WHERE enrichment_data ->> 'delivery' = 'deliverable') AS deliverable
              FROM enrichment_jobs
             WHERE status = 'completed' AND completed_at > now() - make_interval(days => :days)
            """
        )
        return (await self._session.execute(statement, {"days": days})).one()
