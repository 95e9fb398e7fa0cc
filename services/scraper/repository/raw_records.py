"""What was read, as it was read: one compressed row per page or file, for replay."""

from __future__ import annotations

import gzip
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

KEEP = text(
    """
    INSERT INTO raw_records (source, kind, name, encoding, payload, size_bytes, row_count, sha256)
    VALUES (:source, :kind, :name, 'gzip', :payload, :size_bytes, :row_count, :sha256)
        ON CONFLICT (source, sha256) DO UPDATE SET fetched_at = now()
    RETURNING id
    """
)
PAGES = text(
    """
    SELECT id FROM raw_records WHERE source = :source AND kind = :kind ORDER BY fetched_at DESC, id DESC
    """
)
PAYLOAD = text("SELECT payload FROM raw_records WHERE id = :id")
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
        """Id of the record of these bytes, which are stored once and carry the time they were last read.

        `sha256` is of the unpacked bytes.
        """
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

    async def pages(self, source: str, kind: str) -> Sequence[int]:
        """Ids of the kept pages of a source, the last read first."""
        return (await self._session.execute(PAGES, {"source": source, "kind": kind})).scalars().all()

    async def payload(self, record: int) -> bytes:
        """What was read, unpacked."""
        return gzip.decompress((await self._session.execute(PAYLOAD, {"id": record})).scalar_one())
