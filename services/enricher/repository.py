"""Every SQL statement of the enricher; of leads it writes contact columns only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.enricher.domain.waterfall import Licence


class DncRepository:
    """What the do-not-call registry's files have told us."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def suppress(self, hashes: Sequence[str], *, source: str) -> int:
        """How many of the numbers, by their blind index, were not listed before; all are from now on."""
        statement = text(
            """
            INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source)
            SELECT 'phone', hash, 'voice', 'national_dnc', :source FROM unnest(CAST(:hashes AS text[])) AS hash
            ON CONFLICT (value_hash, kind, scope, reason) DO NOTHING
            """
        )
        done = await self._session.execute(statement, {"hashes": list(hashes), "source": source})
        return int(done.rowcount)  # type: ignore[attr-defined]

    async def uncovered(self, area_codes: Sequence[str]) -> list[str]:
        """Those of the area codes that no import covers; none given asks for the registry as a whole."""
        statement = text(
            """
            SELECT wanted.code FROM unnest(CAST(:codes AS text[])) AS wanted (code)
             WHERE NOT EXISTS (SELECT 1 FROM compliance.dnc_import d
                                WHERE d.list_name = 'national'
                                  AND (cardinality(d.area_codes) = 0 OR wanted.code = ANY (d.area_codes)))
             ORDER BY 1
            """
        )
        asked = list(area_codes) or ["the whole registry"]
        return list((await self._session.execute(statement, {"codes": asked})).scalars())

    async def record_import(
        self, area_codes: Sequence[str], version: datetime, rows: int, sha256: str
    ) -> None:
        """Keep that the registry as of `version` is known for these area codes, or for all where none is named."""
        statement = text(
            """
            INSERT INTO compliance.dnc_import (list_name, area_codes, registry_version_at, row_count, file_sha256)
            SELECT 'national', :codes, :version, :rows, :sha256
             WHERE NOT EXISTS (SELECT 1 FROM compliance.dnc_import d
                                WHERE d.file_sha256 = :sha256 AND d.registry_version_at = :version)
            """
        )
        values = {"codes": list(area_codes), "version": version, "rows": rows, "sha256": sha256}
        await self._session.execute(statement, values)

    async def check(self, phone_hash: str, area_code: str) -> Row[Any]:
        """Whether a number is listed, as of which registry version its area code is known, and the time."""
        statement = text(
            """
            SELECT EXISTS (SELECT 1 FROM compliance.suppression s
                            WHERE s.value_hash = :hash AND s.kind = 'phone'
                              AND (s.reason IN ('national_dnc', 'state_dnc') OR s.scope IN ('voice', 'global'))
                              AND (s.expires_at IS NULL OR s.expires_at > now())) AS listed,
                   (SELECT max(d.registry_version_at) FROM compliance.dnc_import d
                     WHERE d.list_name = 'national'
                       AND (cardinality(d.area_codes) = 0 OR :area_code = ANY (d.area_codes))) AS registry_version_at,
                   now() AS now
            """
        )
        return (await self._session.execute(statement, {"hash": phone_hash, "area_code": area_code})).one()


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

    async def store_phone(self, lead_id: UUID, *, phone: str, phone_hash: str) -> None:
        """The found number (encrypted, with its blind index); nobody has answered it yet."""
        statement = text(
            """
            UPDATE base_leads SET owner_phone = :phone, owner_phone_hash = :hash, owner_phone_verified = false
             WHERE id = :id
            """
        )
        await self._session.execute(statement, {"id": lead_id, "phone": phone, "hash": phone_hash})

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
            "data": orjson.dumps(values["data"], default=str).decode(),
        }
        return bool((await self._session.execute(statement, row)).rowcount)  # type: ignore[attr-defined]
