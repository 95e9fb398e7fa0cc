"""The pinned method of a source, in the database: every process reads a source the way that last worked."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from shared.db.unit_of_work import UnitOfWorkFactory
from shared.providers.page_reading import Method, Pin

RECALL = text(
    """
    SELECT method, coalesce(failed_at > now() - interval '1 hour', false) AS resting
      FROM page_methods WHERE source_key = :key
    """
)
PIN = text(
    """
    INSERT INTO page_methods (source_key, method, failures, decided_at)
    VALUES (:key, :method, CAST(:failures AS text[]), now())
        ON CONFLICT (source_key) DO UPDATE
       SET method = excluded.method, failures = excluded.failures, decided_at = excluded.decided_at, failed_at = NULL
    """
)
NOTE_FAILURE = text(
    """
    INSERT INTO page_methods (source_key, failures, failed_at)
    VALUES (:key, CAST(:failures AS text[]), now())
        ON CONFLICT (source_key) DO UPDATE SET failures = excluded.failures, failed_at = excluded.failed_at
    """
)
LONGEST_FAILURE = 500


class StoredPins:
    """Reads and writes page_methods."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def recall(self, source_key: str) -> Pin:
        """What is known of a source."""
        async with self._unit_of_work() as uow:
            row = (await uow.session.execute(RECALL, {"key": source_key})).one_or_none()
        if row is None:
            return Pin()
        return Pin(Method(row.method) if row.method else None, row.resting)

    async def pin(self, source_key: str, method: Method, failures: Sequence[str]) -> None:
        """Remember the method that worked, and what the others said before it."""
        async with self._unit_of_work() as uow:
            values = {"key": source_key, "method": method, "failures": _told(failures)}
            await uow.session.execute(PIN, values)

    async def note_failure(self, source_key: str, failures: Sequence[str]) -> None:
        """Remember that no method worked now; the pinned one stays the first to be tried."""
        async with self._unit_of_work() as uow:
            await uow.session.execute(NOTE_FAILURE, {"key": source_key, "failures": _told(failures)})


def _told(failures: Sequence[str]) -> list[str]:
    return [failure[:LONGEST_FAILURE].replace("\x00", "") for failure in failures]
