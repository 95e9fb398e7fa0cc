"""Who owns a house, what is against looking for them, and what the county itself publishes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_LEAD = """
    SELECT l.id, l.address, l.address_key, l.city, l.state, l.zip, l.city_id, l.subject_id, l.owner_name, l.owner_name_hash,
           l.owner_email_verified,
           p.owner_is_company, p.owner_email AS published_email, p.owner_phone AS published_phone,
           p.subject_id AS published_subject, p.source AS record_source, EXISTS (
               SELECT 1 FROM enrichment_jobs j
                WHERE j.base_lead_id = l.id AND j.enrichment_data @> '{"opted_out": true}') AS opted_out,
           to_char(now(), 'YYYY-MM-DD') AS today, c.daily_budget AS city_budget
      FROM base_leads l
      LEFT JOIN parcels p ON p.id = l.parcel_id
      LEFT JOIN target_cities c ON c.id = l.city_id
"""
LEAD = text(_LEAD + " WHERE l.id = :id")
# The key ends in the ZIP code, which a question may lack; digits sort between 00000 and 99999 in every collation.
LEAD_AT = text(
    _LEAD
    + """
     WHERE l.state = :state AND lower(l.city) = lower(:city)
       AND (l.address_key = :key OR (l.address_key BETWEEN :street || '00000' AND :street || '99999'
                                     AND starts_with(l.address_key, :street)))
     ORDER BY l.address_key = :key DESC, l.id LIMIT 1
    """
)
PARCEL_AT = text(
    """
    SELECT p.id, p.owner_is_company, p.owner_name_hash, p.address_key FROM parcels p
     WHERE p.state = :state AND lower(p.city) = lower(:city)
       AND (p.address_key = :key OR (p.address_key BETWEEN :street || '00000' AND :street || '99999'
                                     AND starts_with(p.address_key, :street)))
     ORDER BY p.address_key = :key DESC, p.id LIMIT 1
    """
)
FILED = text(
    """
    SELECT CASE kind WHEN 'az_statement' THEN 'statement' ELSE kind END AS word
      FROM compliance.registration_in_force WHERE state = :state AND source_key IS NULL
    UNION
    SELECT 'switch' FROM (SELECT sale_enabled FROM compliance.state_policy
                           WHERE state = :state AND effective_from <= current_date
                           ORDER BY version DESC LIMIT 1) AS newest
     WHERE sale_enabled
    """
)
SUPPRESSED = text(
    """
    SELECT reason FROM compliance.suppression
     WHERE value_hash = ANY (CAST(:hashes AS text[])) AND scope IN ('global', 'sale')
       AND (expires_at IS NULL OR expires_at > now())
     ORDER BY reason LIMIT 1
    """
)
LOCK_PERSON = text("SELECT pg_advisory_xact_lock(hashtextextended(CAST(:person AS text), 0))")
PERSON = text(
    """
    SELECT j.subject_id, k.shredded_at IS NOT NULL AS erased,
           EXISTS (SELECT 1 FROM enrichment_jobs o WHERE o.person_hash = :person
                      AND o.enrichment_data @> '{"opted_out": true}') AS opted_out
      FROM enrichment_jobs j JOIN compliance.subject_key k ON k.subject_id = j.subject_id
     WHERE j.person_hash = :person ORDER BY (k.shredded_at IS NOT NULL) DESC, j.created_at DESC LIMIT 1
    """
)
STORE_OWNER = text(
    """
    UPDATE base_leads SET subject_id = :subject_id, owner_name = :name, owner_name_hash = :name_hash,
           mailing_address = :mailing, mailing_address_hash = :mailing_hash
     WHERE id = :id AND owner_name IS NULL
    """
)


class OwnerRepository:
    """Reads leads, parcels and what is filed; writes the owner of a lead that has none."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lead(self, lead_id: UUID) -> Row[Any] | None:
        """What a contact search needs to know of a lead."""
        return (await self._session.execute(LEAD, {"id": lead_id})).one_or_none()

    async def lead_at(self, place: Mapping[str, str]) -> Row[Any] | None:
        """The lead of a house by `state`, `city`, `key` and `street` (the key without its ZIP code)."""
        return (await self._session.execute(LEAD_AT, place)).one_or_none()

    async def parcel_at(self, place: Mapping[str, str]) -> Row[Any] | None:
        """The parcel of a house, by the same."""
        return (await self._session.execute(PARCEL_AT, place)).one_or_none()

    async def filed(self, state: str) -> frozenset[str]:
        """What is on file for a whole state: `statement`, `broker`, and `switch` where its sales are switched on."""
        return frozenset((await self._session.execute(FILED, {"state": state})).scalars())

    async def suppressed(self, hashes: list[str]) -> str | None:
        """Why one of these blind indexes may not be used, or None."""
        return (await self._session.execute(SUPPRESSED, {"hashes": hashes})).scalar_one_or_none()

    async def lock_person(self, person_hash: str) -> None:
        """Nobody else opens a request about this person until the transaction ends."""
        await self._session.execute(LOCK_PERSON, {"person": person_hash})

    async def person(self, person_hash: str) -> Row[Any] | None:
        """The subject under whom an earlier request kept this person; one that was erased goes before others."""
        return (await self._session.execute(PERSON, {"person": person_hash})).one_or_none()

    async def store_owner(self, lead_id: UUID, values: Mapping[str, Any]) -> None:
        """Who owns the house of a lead that named nobody, sealed."""
        await self._session.execute(STORE_OWNER, {**values, "id": lead_id})
