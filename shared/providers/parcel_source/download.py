"""Parcel files that a county puts up for download: tables, shapefiles in a ZIP, GeoJSON, at a fixed address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from shared.providers.parcel_source.layers import open_layer
from shared.providers.permit_source import Column, ColumnKind
from shared.providers.permit_source.csv_download import FileSource, OpenTable

LARGEST_UNPACKED_BYTES: Final = 120_000_000
"""Of one part of a shapefile: it lies beside its archive on a disk of 256 MiB. Larger ones are imported by command."""


class ParcelFiles(FileSource):
    """The permit reader's downloads, whose files hold shapes too."""

    async def count(self) -> int:
        """How many parcels the file holds."""
        async with self._table() as table:
            return await self._in_thread(lambda: sum(1 for _ in table.rows()))

    @contextmanager
    def _opened(self, content: BinaryIO) -> Iterator[OpenTable]:
        most, config = LARGEST_UNPACKED_BYTES, self._config
        with open_layer(content, member=config.member, sheet=config.sheet, most_bytes=most) as layer:
            kind = ColumnKind.TEXT if layer.kind == "table" else ColumnKind.OTHER
            columns = tuple(Column(name, kind) for name in layer.columns)
            yield OpenTable(layer.version, lambda: columns, layer.rows)
