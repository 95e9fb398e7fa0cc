"""The scraper's jobs as people look at them: the view over workflows that need no other service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_LISTED = """
    id, job_type, city, state, status, started_at, completed_at, duration_seconds, total_items, processed_items,
    succeeded_items, failed_items, error_message, retry_count, max_retries, next_retry_at, triggered_by, parent_job_id,
    created_at
"""
ONE = text(f"SELECT {_LISTED}, config, results, error_stack FROM scraping_jobs WHERE id = :id")  # noqa: S608 - columns of ours

# The kinds come first, by their index: the view looks at every workflow's steps.
PAGE = text(
    f"""
    SELECT {_LISTED} FROM scraping_jobs
     WHERE id = ANY (ARRAY(SELECT id FROM core.workflow WHERE kind = ANY (:kinds)))
       AND (CAST(:status AS text) IS NULL OR status = :status)
       AND (CAST(:city AS text) IS NULL OR lower(city) = lower(:city))
       AND (CAST(:state AS text) IS NULL OR state = upper(:state))
       AND (CAST(:before AS timestamptz) IS NULL OR created_at < :before)
     ORDER BY created_at DESC, id LIMIT :limit
    """  # noqa: S608 - columns of ours
)


class JobRepository:
    """Reads the scraper's jobs."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def one(self, job_id: UUID) -> Row[Any] | None:
        """A job with its results; None for anything that is no job of the scraper."""
        return (await self._session.execute(ONE, {"id": job_id})).one_or_none()

    async def page(
        self,
        kinds: Sequence[str],
        *,
        status: str | None,
        city: str | None,
        state: str | None,
        before: datetime | None,
        limit: int,
    ) -> Sequence[Row[Any]]:
        """The newest jobs of these kinds."""
        values = {"kinds": list(kinds), "status": status, "city": city, "state": state, "before": before}
        return (await self._session.execute(PAGE, {**values, "limit": limit})).all()
