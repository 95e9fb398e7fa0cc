"""What was read, as it was read: one compressed record per page or file, for replay."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal

import zstandard
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

FASTEST_LEVEL: Final = 1
BLOCK_BYTES: Final = 1 << 20
PART_BYTES: Final = 2 << 20

KEEP = text(
    """
    INSERT INTO raw_records (source, kind, name, encoding, payload, size_bytes, row_count, sha256)
    VALUES (:source, :kind, :name, :encoding, :payload, :size_bytes, :row_count, :sha256)
        ON CONFLICT (source, sha256) DO UPDATE SET fetched_at = now()
    RETURNING id
    """
)
PAGES = text(
    """
    SELECT id FROM raw_records WHERE source = :source AND kind = :kind ORDER BY fetched_at DESC, id DESC
    """
)
WHOLE = text(
    """
    SELECT encoding, payload FROM raw_records WHERE id = :id
     UNION ALL
    (SELECT NULL, payload FROM raw_record_parts WHERE raw_record_id = :id ORDER BY part)
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

    def unpacked(self) -> bytes:
        """The bytes as they were."""
        if self.encoding == "gzip":
            return gzip.decompress(self.payload)
        return zstandard.ZstdDecompressor().decompressobj().decompress(self.payload)

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
        """Id of the record of these bytes, which are stored once and carry the time they were last read.

        `sha256` is of the unpacked bytes.
        """
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

    async def pages(self, source: str, kind: str) -> Sequence[int]:
        """Ids of the kept pages of a source, the last read first."""
        return (await self._session.execute(PAGES, {"source": source, "kind": kind})).scalars().all()

    async def payload(self, record: int) -> bytes:
        """What was read, unpacked and whole."""
        parts = (await self._session.execute(WHOLE, {"id": record})).all()
        return Packed(parts[0].encoding, b"".join(part.payload for part in parts)).unpacked()
