"""Feature flags and configuration values as operators set them, seen everywhere within two seconds."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from sqlalchemy import text

from shared.db.unit_of_work import UnitOfWorkFactory

FRESH_SECONDS = 2.0

READ = text(
    """
    SELECT 'flag' AS kind, key, to_jsonb(enabled) AS value FROM core.feature_flag
    UNION ALL SELECT 'config', key, value FROM core.config
    """
)


class Flags:
    """Reads flags and configuration through a cache of two seconds; one per process."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work
        self._read_at = -FRESH_SECONDS
        self._reading = asyncio.Lock()
        self._values: dict[tuple[str, str], Any] = {}

    async def enabled(self, key: str, *, default: bool = False) -> bool:
        """Whether a feature flag is on; `default` for one nobody has set."""
        await self._refresh()
        return bool(self._values.get(("flag", key), default))

    async def value(self, key: str, default: Any) -> Any:
        """A configuration value; `default` for one nobody has set."""
        await self._refresh()
        return self._values.get(("config", key), default)

    async def _refresh(self) -> None:
        if self._fresh():
            return
        async with self._reading:
            if self._fresh():  # somebody else has read while we waited
                return
            async with self._unit_of_work() as uow:
                rows = (await uow.session.execute(READ)).all()
            self._values = {(row.kind, row.key): row.value for row in rows}
            self._read_at = time.monotonic()

    def _fresh(self) -> bool:
        return time.monotonic() - self._read_at < FRESH_SECONDS
