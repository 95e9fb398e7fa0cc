"""The cities' configured sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper.formats.field_map import PermitSource

SOURCES = text(
    "SELECT city, state, time_zone, sources FROM target_cities WHERE lower(city) = lower(:city) AND state = :state"
)


class CityRepository:
    """Reads target_cities."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def permit_source(self, city: str, state: str, key: str) -> PermitSource | None:
        """The configured permit source of that key, ready to read rows with, or None."""
        row = (await self._session.execute(SOURCES, {"city": city, "state": state})).one_or_none()
        if row is None:
            return None
        config = _by_key((row.sources or {}).get("permit_sources") or [], key)
        if config is None:
            return None
        return PermitSource.from_config(key, config, city=row.city, state=row.state, time_zone=row.time_zone)


def _by_key(entries: Sequence[Mapping[str, Any]], key: str) -> Mapping[str, Any] | None:
    return next((entry for entry in entries if entry.get("key") == key and entry.get("field_map")), None)
