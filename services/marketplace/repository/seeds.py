"""Every statement about seeds and the contacts that reached them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.schemas.page import Cursor

_SEEDS = """
    SELECT s.id, s.contractor_id, s.first_name, s.last_name, s.email, s.reason, s.created_at, s.handed_at, s.alarm_at,
           s.settled_at, s.settled_note,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('id', g.id, 'sender_domain', g.sender_domain,
                        'by_buyer', g.by_buyer, 'seen_at', g.seen_at, 'note', g.note) ORDER BY g.seen_at, g.id), '[]')
              FROM seed_sightings g WHERE g.seed_id = s.id) AS sightings
      FROM seeds s
"""


class SeedRepository:
    """Seeds, their files, their sightings."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def buyer(self, contractor_id: UUID) -> Row[Any] | None:
        """The version of the terms that a contractor accepted and how many seeds wait for it; None for nobody."""
        statement = text(
            """
            SELECT (SELECT max(k.about) FROM buyer_checks k
                     WHERE k.contractor_id = c.id AND k.item = 'agreement' AND k.value = 'verified') AS agreed,
                   (SELECT count(*) FROM seeds s WHERE s.contractor_id = c.id AND s.handed_at IS NULL) AS waiting
              FROM contractors c WHERE c.id = :id
            """
        )
        return (await self._session.execute(statement, {"id": contractor_id})).one_or_none()

    async def plant(self, values: dict[str, Any]) -> UUID:
        """A new seed that waits for its buyer's next file."""
        statement = text(
            """
            INSERT INTO seeds (contractor_id, first_name, last_name, email, reason, user_id)
            VALUES (:contractor_id, :first_name, :last_name, :email, :reason, CAST(:user_id AS uuid)) RETURNING id
            """
        )
        made: UUID = (await self._session.execute(statement, values)).scalar_one()
        return made

    async def hand(self, contractor_id: UUID, sale_id: UUID) -> None:
        """Bind the seeds that wait for a buyer to the purchase of a sale; of two files at once one gets them."""
        statement = text(
            """
            UPDATE seeds SET aged_sale_id = :sale, handed_at = now()
             WHERE contractor_id = :contractor AND handed_at IS NULL
            """
        )
        await self._session.execute(statement, {"contractor": contractor_id, "sale": sale_id})

    async def handed(self, contractor_id: UUID, sale_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
        """The seeds in the purchases of these sales, each with what it borrows from the lead it was bound to."""
        statement = text(
            """
            SELECT s.id, s.first_name, s.last_name, s.email, b.sold_at, b.age_bucket, l.classification, l.originated_at,
                   l.city, l.county, l.state, l.zip
              FROM seeds s JOIN aged_sales b ON b.id = s.aged_sale_id JOIN aged_leads l ON l.id = b.aged_lead_id
             WHERE s.contractor_id = :contractor
               AND b.aged_purchase_id IN (SELECT aged_purchase_id FROM aged_sales WHERE id = ANY (CAST(:sales AS uuid[])))
             ORDER BY s.created_at, s.id
            """
        )
        values = {"contractor": contractor_id, "sales": list(sale_ids)}
        return (await self._session.execute(statement, values)).all()

    async def handed_ids(self, contractor_id: UUID) -> set[UUID]:
        """The ids of a buyer's seeds that stand in its files."""
        statement = text("SELECT id FROM seeds WHERE contractor_id = :id AND handed_at IS NOT NULL")
        return set((await self._session.execute(statement, {"id": contractor_id})).scalars())

    async def of_buyer(self, contractor_id: UUID) -> Sequence[Row[Any]]:
        """A buyer's seeds with their sightings, newest first."""
        statement = text(f"{_SEEDS} WHERE s.contractor_id = :id ORDER BY s.created_at DESC, s.id")
        return (await self._session.execute(statement, {"id": contractor_id})).all()

    async def one(self, seed_id: UUID) -> Row[Any] | None:
        """One seed with its sightings."""
        return (
            await self._session.execute(text(f"{_SEEDS} WHERE s.id = :id"), {"id": seed_id})
        ).one_or_none()

    async def own_addresses(self, contractor_id: UUID) -> list[str]:
        """The addresses that are the buyer's own: the company's and its people's."""
        statement = text(
            """
            SELECT email FROM contractors WHERE id = :id AND email IS NOT NULL
            UNION SELECT CAST(email AS text) FROM users WHERE contractor_id = :id
            """
        )
        return list((await self._session.execute(statement, {"id": contractor_id})).scalars())

    async def sight(self, values: dict[str, Any]) -> bool:
        """Note a contact; False where the same one was told before."""
        statement = text(
            """
            INSERT INTO seed_sightings (seed_id, contractor_id, sender_domain, by_buyer, seen_at, note, user_id)
            VALUES (:seed_id, :contractor_id, :sender_domain, :by_buyer, :seen_at, :note, CAST(:user_id AS uuid))
            ON CONFLICT DO NOTHING RETURNING id
            """
        )
        return (await self._session.execute(statement, values)).one_or_none() is not None

    async def alarm(self, seed_id: UUID) -> bool:
        """Raise a seed's alarm, again where it was settled; False where it stands."""
        statement = text(
            """
            UPDATE seeds SET alarm_at = now(), settled_at = NULL, settled_note = NULL
             WHERE id = :id AND (alarm_at IS NULL OR settled_at IS NOT NULL) RETURNING id
            """
        )
        return (await self._session.execute(statement, {"id": seed_id})).one_or_none() is not None

    async def settle(self, seed_id: UUID, note: str) -> UUID | None:
        """End a seed's alarm: the buyer whose seed it is; None where it has none, or none any more."""
        statement = text(
            """
            UPDATE seeds SET settled_at = now(), settled_note = :note
             WHERE id = :id AND alarm_at IS NOT NULL AND settled_at IS NULL RETURNING contractor_id
            """
        )
        found: UUID | None = (
            await self._session.execute(statement, {"id": seed_id, "note": note})
        ).scalar_one_or_none()
        return found

    async def alarms(self, *, settled: bool | None, after: Cursor | None, limit: int) -> Sequence[Row[Any]]:
        """Seeds whose alarm was raised, newest first and one too many; open ones, settled ones or both."""
        statement = text(
            f"""{_SEEDS}
             WHERE s.alarm_at IS NOT NULL
               AND (CAST(:settled AS boolean) IS NULL OR (s.settled_at IS NOT NULL) = CAST(:settled AS boolean))
               AND (CAST(:after_id AS uuid) IS NULL
                    OR (s.created_at, s.id) < (CAST(:after AS timestamptz), CAST(:after_id AS uuid)))
             ORDER BY s.created_at DESC, s.id DESC LIMIT :limit"""
        )
        values = {
            "settled": settled,
            "after": after.created_at if after else None,
            "after_id": after.id if after else None,
            "limit": limit + 1,
        }
        return (await self._session.execute(statement, values)).all()
