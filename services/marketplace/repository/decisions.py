"""Every statement about the log of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.decision_log import LogPlace


class DecisionRepository:
    """What was allowed and denied, the newest first."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def log(self, wanted: dict[str, Any], after: LogPlace | None, limit: int) -> Sequence[Row[Any]]:
        """Decisions of the wanted days and kinds in the order of the chain, newest first and one too many."""
        statement = text(
            """
            SELECT d.id, d.decided_at, d.kind, d.channel, d.purpose, d.use, d.source_key, d.base_lead_id, d.allow,
                   d.reasons, d.policy_version, d.consumed_at, d.chain_day, d.chain_seq
              FROM compliance.contact_decision d
             WHERE d.chain_day > (now() AT TIME ZONE 'utc')::date - CAST(:days AS int)
               AND (CAST(:after_day AS date) IS NULL
                    OR (d.chain_day, d.chain_seq) < (CAST(:after_day AS date), CAST(:after_number AS bigint)))
               AND (CAST(:kind AS text) IS NULL OR d.kind = :kind)
               AND (CAST(:allow AS boolean) IS NULL OR d.allow = :allow)
               AND (CAST(:reason AS text) IS NULL OR :reason = ANY (d.reasons))
             ORDER BY d.chain_day DESC, d.chain_seq DESC LIMIT :limit
            """
        )
        place = {"after_day": after and after.day, "after_number": after and after.number}
        values = {**wanted, **place, "limit": limit + 1}
        return (await self._session.execute(statement, values)).all()
