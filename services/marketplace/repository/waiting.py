"""Every statement about what waits for an operator in the marketplace's own tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.schemas.page import Cursor

BUYERS = """
      FROM contractors c
      LEFT JOIN LATERAL (
           SELECT count(*) AS papers, min(e.created_at) AS filed_at
             FROM buyer_evidence e LEFT JOIN buyer_checks k ON (k.contractor_id, k.item) = (e.contractor_id, e.item)
            WHERE e.contractor_id = c.id AND (k.decided_at IS NULL OR k.decided_at < e.created_at)) AS p ON true
     WHERE EXISTS (SELECT 1 FROM users u WHERE u.contractor_id = c.id)
       AND (NOT CAST(:waiting AS boolean) OR p.papers > 0)
"""


class WaitingRepository:
    """Counts of open work, and the companies that signed up."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def counts(self) -> Row[Any]:
        """Open returns, cases, alarms, conflicts and privacy requests, how many of these are late, their first deadline."""
        statement = text(
            """
            SELECT (SELECT count(*) FROM sale_returns WHERE status = 'open') AS returns,
                   (SELECT count(*) FROM buyer_cases WHERE outcome IS NULL) AS cases,
                   (SELECT count(*) FROM seeds WHERE alarm_at IS NOT NULL AND settled_at IS NULL) AS alarms,
                   (SELECT count(*) FROM crm_conflicts WHERE resolved_at IS NULL) AS conflicts,
                   p.requests, p.late, p.due_at
              FROM (SELECT count(*) AS requests, count(*) FILTER (WHERE due_at < now()) AS late, min(due_at) AS due_at
                      FROM privacy_requests WHERE closed_at IS NULL) AS p
            """
        )
        return (await self._session.execute(statement)).one()

    async def buyers_waiting(self) -> int:
        """How many companies have a paper that nobody has decided on."""
        statement = text(f"SELECT count(*) {BUYERS}")
        return int((await self._session.execute(statement, {"waiting": True})).scalar_one())

    async def buyers(self, *, waiting: bool, after: Cursor | None, limit: int) -> Sequence[Row[Any]]:
        """Companies that signed up, newest first and one too many; `waiting` leaves those with a paper to decide."""
        statement = text(
            f"""
            SELECT c.id, c.company_name, c.city, c.state, c.credential_status, p.papers, p.filed_at, c.created_at,
                   EXISTS (SELECT 1 FROM buyer_cases b WHERE b.contractor_id = c.id AND b.outcome IS NULL) AS frozen,
                   EXISTS (SELECT 1 FROM seeds s WHERE s.contractor_id = c.id AND s.alarm_at IS NOT NULL
                              AND s.settled_at IS NULL) AS seed_alarm
            {BUYERS}
               AND (CAST(:after_id AS uuid) IS NULL
                    OR (c.created_at, c.id) < (CAST(:after AS timestamptz), CAST(:after_id AS uuid)))
             ORDER BY c.created_at DESC, c.id DESC LIMIT :limit
            """  # noqa: S608 - a list of ours
        )
        values = {
            "waiting": waiting,
            "after": after.created_at if after else None,
            "after_id": after.id if after else None,
            "limit": limit + 1,
        }
        return (await self._session.execute(statement, values)).all()

    async def company_names(self, ids: Sequence[UUID]) -> dict[UUID, str]:
        """What these contractors are called."""
        statement = text("SELECT id, company_name FROM contractors WHERE id = ANY (:ids)")
        found = await self._session.execute(statement, {"ids": list(ids)})
        return {row.id: row.company_name for row in found}
