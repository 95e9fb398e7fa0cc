"""Parcels as a county publishes them: raw rows with their polygons."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from shared.errors import InvalidInput
from shared.providers.base import ProviderDeps
from shared.providers.permit_source import Column, RawRow, RowPage, SourceConfig
from shared.providers.settings import ProviderSettings

__all__ = ["Column", "ParcelSource", "RawRow", "RowPage", "SourceConfig", "build"]


class ParcelSource(Protocol):
    """Reads one parcel layer."""

    name: str

    def pages(self, *, cursor: str | None = None) -> AsyncIterator[RowPage]:
        """Pages of parcels, resuming after the cursor of an earlier page."""

    async def sample(self, rows: int = 5) -> tuple[RawRow, ...]:
        """A few parcels."""

    async def columns(self) -> tuple[Column, ...]:
        """The columns the layer announces today."""

    async def count(self) -> int:
        """How many parcels the layer holds."""


def build(config: SourceConfig, settings: ProviderSettings, deps: ProviderDeps) -> ParcelSource:
    """The reader for a layer's kind."""
    if config.kind == "arcgis":
        from shared.providers.parcel_source.arcgis import ArcgisParcels

        return ArcgisParcels(config, settings, deps)
    if config.kind == "csv_download":
        from shared.providers.parcel_source.download import ParcelFiles

        return ParcelFiles(config, settings, deps)
    raise InvalidInput(f"no parcel reader for sources of kind {config.kind}", source=config.key)
