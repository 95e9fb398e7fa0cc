"""Every statement about the audit log and the chains of the logs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.decision_log import LogPlace

CHAINS: Final = ("public.audit_log", "compliance.contact_decision")


class AuditRepository:
    """What people and services did, the newest first."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def log(self, wanted: dict[str, Any], after: LogPlace | None, limit: int) -> Sequence[Row[Any]]:
        """Rows of the wanted days in the order of the chain, newest first and one too many."""
        statement = text(
            """
            SELECT CAST(a.id AS text) AS id, a.occurred_at, a.service, a.actor, CAST(u.email AS text) AS email, a.action,
                   a.object_type, CAST(a.object_id AS text) AS object_id, coalesce(a.fields, '{}') AS fields, a.reason,
                   a.chain_day, a.chain_seq
              FROM audit_log a LEFT JOIN users u ON a.actor = 'user' || chr(58) || u.id
             WHERE a.chain_day > (now() AT TIME ZONE 'utc')::date - CAST(:days AS int)
               AND (CAST(:after_day AS date) IS NULL
                    OR (a.chain_day, a.chain_seq) < (CAST(:after_day AS date), CAST(:after_number AS bigint)))
               AND (CAST(:who AS text) IS NULL OR a.actor = :who OR u.email = CAST(:who AS citext))
               AND (CAST(:action AS text) IS NULL OR starts_with(a.action, :action))
               AND (CAST(:object_id AS text) IS NULL OR CAST(a.object_id AS text) = :object_id)
             ORDER BY a.chain_day DESC, a.chain_seq DESC LIMIT :limit
            """
        )
        place = {"after_day": after and after.day, "after_number": after and after.number}
        return (await self._session.execute(statement, {**wanted, **place, "limit": limit + 1})).all()

    async def broken_links(self, day: date) -> Sequence[Row[Any]]:
        """Each log with how many of its links of a day are broken."""
        statement = text(
            "SELECT chain AS log, core.broken_links(chain, :day) AS broken FROM unnest(CAST(:chains AS text[])) chain"
        )
        return (await self._session.execute(statement, {"day": day, "chains": list(CHAINS)})).all()
