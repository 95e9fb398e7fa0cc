"""Owners' contacts whose keeping time is over, cleared by pages."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.compliance.erasure import ERASED
from shared.compliance.retention import SOLD_CONTACT_MONTHS, UNSOLD_CONTACT_DAYS

CLEARED = next(table.cleared for table in ERASED if table.name == "base_leads")
# A lead that is being bought is left to its sale; nobody waits for a row that another transaction holds.
FORGET_PAGE = text(
    f"""
    WITH page AS (
        SELECT l.id FROM base_leads l
         WHERE coalesce(l.owner_name, l.owner_email, l.owner_phone, l.mailing_address) IS NOT NULL
           AND CASE l.status
               WHEN 'sold' THEN l.sold_at < CAST(:now AS timestamptz) - make_interval(months => :sold_months)
               WHEN 'reserved' THEN false
               ELSE coalesce((SELECT max(p.fetched_at) FROM compliance.provenance p
                               WHERE p.entity = 'base_leads' AND p.entity_id = l.id
                                 AND p.field IN ('owner_name', 'owner_email', 'owner_phone', 'mailing_address')),
                             l.created_at) < CAST(:now AS timestamptz) - make_interval(days => :unsold_days)
               END
         ORDER BY l.id LIMIT :limit FOR UPDATE OF l SKIP LOCKED
    ), gone AS (
        UPDATE base_leads l SET {", ".join(f"{column} = {value}" for column, value in CLEARED.items())}
          FROM page WHERE l.id = page.id RETURNING 1)
    SELECT count(*) FROM gone
    """  # noqa: S608 - names and values of our own map
)


class RetentionRepository:
    """Ends the keeping of contacts."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def forget_contacts(self, now: datetime, limit: int) -> int:
        """Clear the owners of up to `limit` leads whose keeping time is over; how many."""
        values = {
            "now": now,
            "limit": limit,
            "sold_months": SOLD_CONTACT_MONTHS,
            "unsold_days": UNSOLD_CONTACT_DAYS,
        }
        return int((await self._session.execute(FORGET_PAGE, values)).scalar_one())
