"""Every statement about promo codes; a company redeems a code by one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

PROMO = """
    SELECT p.id, p.code, p.credit_cents, p.most, p.new_buyers, p.valid_until, p.ended_at, p.reason, p.created_at,
           (SELECT count(*) FROM promo_redemptions r WHERE r.promo_id = p.id) AS redeemed
      FROM promo_codes p
"""


class PromoRepository:
    """Codes, and what was given for them. The counts are over all companies: the caller sees everybody's rows."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def all(self, limit: int) -> Sequence[Row[Any]]:
        """The codes, the newest first."""
        statement = text(f"{PROMO} ORDER BY p.created_at DESC, p.id LIMIT :limit")
        return (await self._session.execute(statement, {"limit": limit})).all()

    async def add(self, values: dict[str, Any]) -> Row[Any] | None:
        """A new code; None where there is one of that name, or its end is past."""
        statement = text(
            """
            INSERT INTO promo_codes (code, credit_cents, most, new_buyers, valid_until, reason, user_id)
            SELECT :code, :credit_cents, :most, :new_buyers, CAST(:valid_until AS timestamptz), :reason, :user_id
             WHERE CAST(:valid_until AS timestamptz) > now()
            ON CONFLICT DO NOTHING RETURNING id
            """
        )
        made = (await self._session.execute(statement, values)).scalar_one_or_none()
        return await self._one(made) if made else None

    async def _one(self, promo_id: UUID) -> Row[Any]:
        return (await self._session.execute(text(f"{PROMO} WHERE p.id = :id"), {"id": promo_id})).one()

    async def end(self, promo_id: UUID) -> Row[Any] | None:
        """End a code now, once; None where there is none."""
        statement = text(
            "UPDATE promo_codes SET ended_at = coalesce(ended_at, now()) WHERE id = :id RETURNING id"
        )
        found = (await self._session.execute(statement, {"id": promo_id})).scalar_one_or_none()
        return await self._one(found) if found else None

    async def locked(self, code: str, contractor_id: UUID) -> Row[Any] | None:
        """A code as it stands for a company; nobody else redeems it until the caller commits. None where there is none."""
        lock = text("SELECT id FROM promo_codes WHERE code = :code FOR NO KEY UPDATE")
        promo_id = (await self._session.execute(lock, {"code": code})).scalar_one_or_none()
        if promo_id is None:
            return None
        statement = text(
            """
            SELECT p.id, p.credit_cents, p.new_buyers, p.ended_at IS NULL AND p.valid_until > now() AS live,
                   p.most - (SELECT count(*) FROM promo_redemptions r WHERE r.promo_id = p.id) AS left,
                   EXISTS (SELECT 1 FROM promo_redemptions r
                            WHERE r.promo_id = p.id AND r.contractor_id = :contractor) AS redeemed,
                   EXISTS (SELECT 1 FROM sales s
                            WHERE s.contractor_id = :contractor AND s.status IN ('sold', 'refunded')) AS bought
              FROM promo_codes p WHERE p.id = :id
            """
        )
        return (await self._session.execute(statement, {"id": promo_id, "contractor": contractor_id})).one()

    async def redeem(self, values: dict[str, Any]) -> None:
        """What a company is given for a code; a second time is refused by its key."""
        statement = text(
            """
            INSERT INTO promo_redemptions (promo_id, contractor_id, user_id, credit_cents)
            VALUES (:promo_id, :contractor_id, :user_id, :credit_cents)
            """
        )
        await self._session.execute(statement, values)
