"""What the do-not-call registry's files have told us."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession


class DncRepository:
    """Reads and writes the registry's numbers and how old they are."""

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
