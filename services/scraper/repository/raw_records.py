"""What was read, as it was read: one compressed record per page or file, for replay."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

KEEP = text(
    """
    WITH kept AS (
        INSERT INTO raw_records (source, kind, name, encoding, payload, size_bytes, row_count, sha256)
        VALUES (:source, :kind, :name, 'gzip', :payload, :size_bytes, :row_count, :sha256)
            ON CONFLICT (source, sha256) DO NOTHING
        RETURNING id
    )
    SELECT id FROM kept UNION ALL SELECT id FROM raw_records WHERE source = :source AND sha256 = :sha256 LIMIT 1
    """
)
CONTINUE = text(
    """
    INSERT INTO raw_record_parts (raw_record_id, part, payload) VALUES (:record, :part, :payload)
        ON CONFLICT (raw_record_id, part) DO NOTHING
    """
)
KNOWN = text("SELECT id FROM raw_records WHERE source = :source AND sha256 = :sha256")


class RawRecordRepository:
    """Writes raw_records."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, source: str, sha256: str) -> int | None:
        """Id of the record that holds these very bytes, or None."""
        found = (
            await self._session.execute(KNOWN, {"source": source, "sha256": sha256})
        ).scalar_one_or_none()
        return None if found is None else int(found)

    async def keep(
        self,
        source: str,
        kind: str,
        *,
        name: str | None,
        gzipped: bytes,
        size_bytes: int,
        sha256: str,
        row_count: int | None = None,
    ) -> int:
        """Id of the record of these bytes, stored unless they already are; `sha256` is of the unpacked bytes."""
        result = await self._session.execute(
            KEEP,
            {
                "source": source,
                "kind": kind,
                "name": name,
                "payload": gzipped,
                "size_bytes": size_bytes,
                "row_count": row_count,
                "sha256": sha256,
            },
        )
        return int(result.scalar_one())

    async def keep_further(self, record: int, part: int, gzipped: bytes) -> None:
        """Keep what follows the payload of a long record; part 1 comes right behind it."""
        await self._session.execute(CONTINUE, {"record": record, "part": part, "payload": gzipped})
