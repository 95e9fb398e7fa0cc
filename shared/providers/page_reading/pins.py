"""The pinned method of a source, in the database: every process reads a source the way that last worked."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from shared.db.unit_of_work import UnitOfWorkFactory
from shared.providers.page_reading import Method

RECALL = text("SELECT method FROM page_methods WHERE source_key = :key")
KEEP = text(
    """
    INSERT INTO page_methods (source_key, method, failures, decided_at)
    VALUES (:key, :method, CAST(:failures AS text[]), now())
        ON CONFLICT (source_key) DO UPDATE
       SET method = excluded.method, failures = excluded.failures, decided_at = excluded.decided_at
    """
)
LONGEST_FAILURE = 500


class StoredPins:
    """Reads and writes page_methods."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def recall(self, source_key: str) -> Method | None:
        """The method, None where none is known."""
        async with self._unit_of_work() as uow:
            found = (await uow.session.execute(RECALL, {"key": source_key})).scalar_one_or_none()
        return None if found is None else Method(found)

    async def keep(self, source_key: str, method: Method | None, failures: Sequence[str]) -> None:
        """Remember a method, or that none works, and what the others said."""
        told = [failure[:LONGEST_FAILURE].replace("\x00", "") for failure in failures]
        async with self._unit_of_work() as uow:
            await uow.session.execute(KEEP, {"key": source_key, "method": method, "failures": told})
