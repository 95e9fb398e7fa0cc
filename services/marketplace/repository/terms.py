"""What a buyer has set for itself, what it bought of late, and who is ahead of it."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.buying_terms import HEAD_START_MINUTES


def _minutes(tier: str) -> str:
    """The head start of a tier."""
    whens = " ".join(f"WHEN '{each}' THEN {minutes}" for each, minutes in HEAD_START_MINUTES.items())
    return f"CASE {tier} {whens} ELSE 0 END"


WAIT_MINUTES: Final = f"""
    greatest(0, coalesce((SELECT max({_minutes("other.subscription_tier")}) FROM contractors other
                           WHERE other.subscription_tier = ANY ('{{{",".join(HEAD_START_MINUTES)}}}') AND other.id <> c.id
                             AND other.credential_status = 'credentialed' AND NOT other.sandbox
                             AND other.acquisition_status <> 'churned'), 0) - {_minutes("coalesce(c.subscription_tier, '')")})
"""  # noqa: S608 - our own constants
"""How old a lead must be for the buyer `c`: nobody waits where no other buyer is ahead, nor for one of the sandbox (G-10)."""


class TermsRepository:
    """A buyer's preferences and their use."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def terms(self, contractor_id: UUID) -> Row[Any]:
        """Preferences, leads bought or being paid today and this week by the buyer's clock, minutes that it waits.

        A returned lead takes no room.
        """
        statement = text(
            f"""
            SELECT c.preferred_score_min, c.preferred_score_max, c.daily_cap, c.weekly_cap,
                   zone.name AS time_zone,
                   (SELECT count(*) FROM sales s WHERE s.contractor_id = c.id
                       AND s.status IN ('reserved', 'charging', 'payment_unknown', 'sold')
                       AND s.reserved_at >= date_trunc('day', now(), zone.name)) AS today,
                   (SELECT count(*) FROM sales s WHERE s.contractor_id = c.id
                       AND s.status IN ('reserved', 'charging', 'payment_unknown', 'sold')
                       AND s.reserved_at >= date_trunc('week', now(), zone.name)) AS this_week,
                   {WAIT_MINUTES} AS wait_minutes
              FROM contractors c
             CROSS JOIN LATERAL (SELECT coalesce(c.time_zone, 'UTC') AS name) zone
             WHERE c.id = :id
            """  # noqa: S608 - our own constants
        )
        return (await self._session.execute(statement, {"id": contractor_id})).one()

    async def prefer(self, contractor_id: UUID, values: dict[str, Any]) -> None:
        """Set a buyer's preferences, all of them."""
        statement = text(
            """
            UPDATE contractors
               SET preferred_score_min = CAST(:preferred_score_min AS int),
                   preferred_score_max = CAST(:preferred_score_max AS int), daily_cap = CAST(:daily_cap AS int),
                   weekly_cap = CAST(:weekly_cap AS int)
             WHERE id = :id
            """
        )
        await self._session.execute(statement, values | {"id": contractor_id})
