"""Permits as they are stored, to hold a reading of kept rows against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

COMPARED = (
    "address", "address_key", "unit", "city", "state", "zip", "lat", "lng", "permit_type", "roof_work", "reroof",
    "work_description", "estimated_value", "contractor_name", "contractor_license", "issue_date", "completion_date",
    "permit_status", "apn",
)  # fmt: skip
STORED = text(
    f"""
    SELECT p.jurisdiction, p.permit_number, p.content_hash, {", ".join(f"p.{name}" for name in COMPARED)}
      FROM unnest(CAST(:jurisdictions AS text[]), CAST(:numbers AS text[])) AS asked (jurisdiction, permit_number)
      JOIN roofing_permits p ON p.jurisdiction = asked.jurisdiction AND p.permit_number = asked.permit_number
    """  # noqa: S608 - column names of ours
)
HELD = text("SELECT count(*) FROM roofing_permits WHERE source = :source")


class StoredPermits:
    """Reads roofing_permits by their keys."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row[Any]]:
        """The stored permits of these jurisdictions and numbers."""
        values = {"jurisdictions": [key[0] for key in keys], "numbers": [key[1] for key in keys]}
        rows = await self._session.execute(STORED, values)
        return {(row.jurisdiction, row.permit_number): row for row in rows}

    async def held(self, source: str) -> int:
        """How many permits of a source are stored."""
        return int((await self._session.execute(HELD, {"source": source})).scalar_one())
