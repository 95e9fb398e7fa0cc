"""Permits of counties: what their records tell beyond the row, sealed, and the lists people look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

# Only records that are new or say something else are sealed again; a known one keeps its subject.
TO_SEAL = text(
    """
    SELECT p.id AS permit_id, i.permit_number, d.subject_id
      FROM jsonb_to_recordset(CAST(:incoming AS jsonb)) AS i(permit_number text, content_hash text)
      JOIN roofing_permits p ON p.jurisdiction = :jurisdiction AND p.permit_number = i.permit_number
      LEFT JOIN permit_details d ON d.permit_id = p.id
     WHERE d.content_hash IS DISTINCT FROM i.content_hash
     ORDER BY p.id
    """
)
COLUMNS = (
    "permit_id", "record_id", "subject_id", "raw_data", "owner_name", "owner_name_hash", "owner_phone",
    "owner_phone_hash", "owner_email", "owner_email_hash", "mailing_address", "mailing_address_hash", "year_built",
    "property_value", "content_hash",
)  # fmt: skip
STORE = text(
    f"""
    INSERT INTO permit_details ({", ".join(COLUMNS)})
    SELECT {", ".join(COLUMNS)} FROM jsonb_populate_recordset(NULL::permit_details, CAST(:rows AS jsonb))
        ON CONFLICT (permit_id) DO UPDATE
       SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])}
    """  # noqa: S608 - column names of ours
)
PAGE = text(
    """
    SELECT p.id, p.county_id, p.permit_number, d.record_id, p.permit_type, p.permit_status AS status,
           p.issue_date AS opened_date, p.completion_date AS closed_date, p.work_description AS description,
           p.estimated_value AS job_value, p.address, p.unit, p.city, p.state, p.zip, p.apn AS parcel_number,
           d.year_built, d.property_value, p.created_at, p.updated_at, count(*) OVER () AS found
      FROM roofing_permits p JOIN permit_details d ON d.permit_id = p.id
     WHERE p.vertical <> 'roofing'
       AND (CAST(:county_id AS uuid) IS NULL OR p.county_id = CAST(:county_id AS uuid))
       AND (CAST(:date_from AS date) IS NULL OR p.issue_date >= CAST(:date_from AS date))
       AND (CAST(:date_to AS date) IS NULL OR p.issue_date <= CAST(:date_to AS date))
     ORDER BY p.issue_date DESC, p.id
     LIMIT :limit OFFSET :offset
    """
)
ONE = text(
    """
    SELECT p.id, p.county_id, p.permit_number, d.record_id, p.permit_type, p.permit_status AS status,
           p.issue_date AS opened_date, p.completion_date AS closed_date, p.work_description AS description,
           p.estimated_value AS job_value, p.address, p.unit, p.city, p.state, p.zip, p.apn AS parcel_number,
           d.year_built, d.property_value, p.created_at, p.updated_at, p.lat, p.lng, p.source, d.subject_id,
           d.raw_data, d.owner_name, d.owner_phone, d.owner_email, d.mailing_address
      FROM roofing_permits p JOIN permit_details d ON d.permit_id = p.id
     WHERE p.vertical <> 'roofing' AND p.id = :id
    """
)


class CountyPermitRepository:
    """Writes permit_details; reads the permits of counties."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def to_seal(self, jurisdiction: str, hashes: Mapping[str, str]) -> Sequence[Row[Any]]:
        """Which of these permits (number -> hash of the record) have to be sealed, and the subject they had."""
        incoming = [{"permit_number": number, "content_hash": digest} for number, digest in hashes.items()]
        values = {"jurisdiction": jurisdiction, "incoming": orjson.dumps(incoming).decode()}
        return (await self._session.execute(TO_SEAL, values)).all()

    async def store(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store sealed details by one statement."""
        if rows:
            await self._session.execute(STORE, {"rows": orjson.dumps(list(rows), default=str).decode()})

    async def page(self, wanted: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """Permits by county and days, newest first; each row names how many there are in all."""
        return (await self._session.execute(PAGE, wanted)).all()

    async def one(self, permit_id: UUID) -> Row[Any] | None:
        """A permit with its sealed details."""
        return (await self._session.execute(ONE, {"id": permit_id})).one_or_none()
