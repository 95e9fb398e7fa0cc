"""What was read, as it was read: one compressed record per page or file, for replay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal

import zstandard
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

FASTEST_LEVEL: Final = 1
BLOCK_BYTES: Final = 1 << 20
PART_BYTES: Final = 4 << 20

KEEP = text(
    """
    WITH kept AS (
        INSERT INTO raw_records (source, kind, name, encoding, payload, size_bytes, row_count, sha256)
        VALUES (:source, :kind, :name, :encoding, :payload, :size_bytes, :row_count, :sha256)
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


@dataclass(frozen=True, slots=True)
class Packed:
    """Compressed bytes and what they are compressed with."""

    encoding: Literal["gzip", "zstd"]
    payload: bytes

    @classmethod
    def whole(cls, content: bytes) -> Packed:
        """A page, which fits into memory."""
        return cls("zstd", zstandard.compress(content, FASTEST_LEVEL))

    @classmethod
    def parts(cls, content: BinaryIO) -> Iterator[Packed]:
        """A file of any length in parts: joined they are one stream of its bytes."""
        packer, packed = zstandard.ZstdCompressor(FASTEST_LEVEL).compressobj(), bytearray()
        while block := content.read(BLOCK_BYTES):
            packed += packer.compress(block)
            if len(packed) >= PART_BYTES:
                yield cls("zstd", bytes(packed))
                packed.clear()
        yield cls("zstd", bytes(packed + packer.flush()))

    @classmethod
    def parts_as_they_are(cls, gzipped: BinaryIO) -> Iterator[Packed]:
        """A file that came compressed, cut into parts."""
        while part := gzipped.read(PART_BYTES):
            yield cls("gzip", part)


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
        packed: Packed,
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
                "encoding": packed.encoding,
                "payload": packed.payload,
                "size_bytes": size_bytes,
                "row_count": row_count,
                "sha256": sha256,
            },
        )
        return int(result.scalar_one())

    async def keep_further(self, record: int, part: int, payload: bytes) -> None:
        """Keep what follows the payload of a long record; part 1 comes right behind it."""
        await self._session.execute(CONTINUE, {"record": record, "part": part, "payload": payload})
