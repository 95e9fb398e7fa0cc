"""Every statement about returned leads; a return is decided once, by one conditional update."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.cases import KEPT
from services.marketplace.repository.locks import lock_contractor
from shared.schemas.page import Cursor

WRONG_NUMBER = "wrong_number"
DISPUTED = f"""EXISTS (
    SELECT 1 FROM buyer_cases c LEFT JOIN plan_periods p ON p.id = s.plan_period_id
     WHERE (c.sale_id = s.id OR c.charge_ref = p.payment_ref) AND c.processor_status NOT IN ({", ".join(map(repr, KEPT))}))
"""  # noqa: S608 - our own constants
"""Whether the bank of a sale's buyer takes its payment back, or has."""
SHOWN = """
    SELECT r.id, r.sale_id, s.base_lead_id AS lead_id, l.address, r.reason, r.explanation, r.evidence, r.status, r.decided_by,
           r.decision_note, r.decided_at, r.credit_cents, r.created_at, r.contractor_id, l.lead_class, s.sold_at,
           s.revealed_at, s.charged_cents
      FROM sale_returns r JOIN sales s ON s.id = r.sale_id JOIN base_leads l ON l.id = s.base_lead_id
"""


class ReturnRepository:
    """Returns, what our data says of them, and what their acceptance moves."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def sold(self, sale_id: UUID, contractor_id: UUID) -> Row[Any] | None:
        """A paid sale of this contractor with its lead; its other returns wait until the caller commits."""
        await lock_contractor(self._session, contractor_id)
        return await self.bought(sale_id, contractor_id)

    async def bought(self, sale_id: UUID, contractor_id: UUID) -> Row[Any] | None:
        """A paid sale of this contractor with its lead, to be looked at."""
        statement = text(
            f"""
            SELECT s.id, s.base_lead_id, s.status, s.sold_at, s.revealed_at, s.charged_cents, l.lead_class, l.state,
                   l.address, l.address_key, now() AS now,
                   l.owner_phone IS NOT NULL AND NOT 'owner_phone' = ANY (s.masked_fields) AS has_phone,
                   {DISPUTED} AS disputed
              FROM sales s JOIN base_leads l ON l.id = s.base_lead_id
             WHERE s.id = :sale AND s.contractor_id = :contractor AND s.status IN ('sold', 'refunded')
            """  # noqa: S608 - our own constant
        )
        values = {"sale": sale_id, "contractor": contractor_id}
        return (await self._session.execute(statement, values)).one_or_none()

    async def known(self, sale_id: UUID, address_hash: str, earlier_sale_id: UUID | None) -> Row[Any]:
        """What our data says of a sold lead: owned before, owner suppressed before the sale, number known wrong."""
        statement = text(
            """
            SELECT EXISTS (
                     SELECT 1 FROM sales e JOIN base_leads b ON b.id = e.base_lead_id
                      WHERE e.id = CAST(:earlier AS uuid) AND e.id <> s.id AND e.contractor_id = s.contractor_id
                        AND e.status = 'sold' AND e.sold_at <= s.sold_at
                        AND b.state = l.state AND b.city_id = l.city_id
                        AND (b.apn = l.apn
                             OR (lower(b.address), b.zip) = (lower(l.address), l.zip)
                                AND lower(b.unit) IS NOT DISTINCT FROM lower(l.unit))) AS bought_before,
                   EXISTS (
                     SELECT 1 FROM compliance.suppression p
                      WHERE p.value_hash IN (l.owner_email_hash, l.owner_phone_hash, l.mailing_address_hash, :address_hash)
                        AND p.scope IN ('global', 'sale') AND p.created_at <= s.sold_at
                        AND (p.expires_at IS NULL OR p.expires_at > s.sold_at)) AS suppressed_before,
                   EXISTS (
                     SELECT 1 FROM compliance.suppression p
                      WHERE p.value_hash = l.owner_phone_hash AND p.kind = 'phone' AND p.reason = :wrong_number
                        AND (p.expires_at IS NULL OR p.expires_at > now())) AS number_known_wrong
              FROM sales s JOIN base_leads l ON l.id = s.base_lead_id WHERE s.id = :sale
            """
        )
        values = {
            "sale": sale_id,
            "address_hash": address_hash,
            "earlier": earlier_sale_id,
            "wrong_number": WRONG_NUMBER,
        }
        return (await self._session.execute(statement, values)).one()

    async def record(self, contractor_id: UUID, days: int, counted: Sequence[str]) -> Row[Any]:
        """How many leads a contractor bought in so many days, and how many of those it gave back for these reasons."""
        statement = text(
            """
            SELECT count(*) AS sales,
                   count(*) FILTER (WHERE EXISTS (
                       SELECT 1 FROM sale_returns r
                        WHERE r.sale_id = s.id AND r.status <> 'refused' AND r.reason = ANY (:counted))) AS returns
              FROM sales s
             WHERE s.contractor_id = :contractor AND s.status IN ('sold', 'refunded')
               AND s.sold_at > now() - make_interval(days => :days)
            """
        )
        values = {"contractor": contractor_id, "days": days, "counted": list(counted)}
        return (await self._session.execute(statement, values)).one()

    async def insert(self, values: dict[str, Any]) -> UUID | None:
        """A new open return; None while another one of the sale lives, or one of this reason was decided."""
        statement = text(
            """
            INSERT INTO sale_returns (sale_id, contractor_id, user_id, reason, explanation, evidence)
            VALUES (:sale_id, :contractor_id, :user_id, :reason, :explanation, CAST(:evidence AS jsonb))
            ON CONFLICT DO NOTHING RETURNING id
            """
        )
        stored = values | {"evidence": orjson.dumps(values["evidence"]).decode()}
        made: UUID | None = (await self._session.execute(statement, stored)).scalar_one_or_none()
        return made

    async def decide(self, return_id: UUID, values: dict[str, Any]) -> Row[Any] | None:
        """Decide an open return, its credit what the sale was charged; None when it is decided already."""
        statement = text(
            """
            UPDATE sale_returns r
               SET status = CAST(:status AS text), decided_by = :decided_by, decided_user_id = CAST(:user_id AS uuid),
                   decision_note = :note, decided_at = now(),
                   credit_cents = CASE WHEN CAST(:status AS text) = 'accepted' THEN s.charged_cents END
              FROM sales s
             WHERE r.id = :id AND r.status = 'open' AND s.id = r.sale_id
            RETURNING r.id, r.sale_id, r.contractor_id, r.reason, r.status, r.credit_cents, s.plan_period_id
            """
        )
        return (await self._session.execute(statement, {"id": return_id, **values})).one_or_none()

    async def note_credit(self, return_id: UUID, cents: int) -> None:
        """Remember that an accepted return brings less than its price: the rest went back as money before."""
        statement = text("UPDATE sale_returns SET credit_cents = :cents WHERE id = :id")
        await self._session.execute(statement, {"id": return_id, "cents": cents})

    async def take_back(self, sale_id: UUID) -> bool:
        """End a sold sale and take its lead off the market for good; False when it is not sold any more."""
        statement = text(
            """
            WITH returned AS (
                UPDATE sales SET status = 'refunded', refunded_at = now()
                 WHERE id = :id AND status = 'sold' RETURNING id, base_lead_id
            ), lead AS (
                UPDATE base_leads l SET status = 'refunded', status_reason = 'returned by its buyer' FROM returned
                 WHERE l.id = returned.base_lead_id AND l.status = 'sold' AND l.sale_id = returned.id RETURNING l.id
            )
            SELECT count(*) FROM returned JOIN lead ON lead.id = returned.base_lead_id
            """
        )
        return bool((await self._session.execute(statement, {"id": sale_id})).scalar_one())

    async def note_wrong_number(self, sale_id: UUID) -> None:
        """Remember that a sold number reaches somebody else: nobody calls it again."""
        statement = text(
            """
            INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source)
            SELECT 'phone', l.owner_phone_hash, 'voice', :reason, 'sale_return'
              FROM sales s JOIN base_leads l ON l.id = s.base_lead_id
             WHERE s.id = :id AND l.owner_phone_hash IS NOT NULL
            ON CONFLICT DO NOTHING
            """
        )
        await self._session.execute(statement, {"id": sale_id, "reason": WRONG_NUMBER})

    async def one(self, return_id: UUID) -> Row[Any] | None:
        """A return, whoever made it."""
        statement = text(SHOWN + " WHERE r.id = :id")
        return (await self._session.execute(statement, {"id": return_id})).one_or_none()

    async def is_disputed(self, sale_id: UUID) -> bool:
        """Whether the bank of the sale's buyer takes its payment back, or has."""
        statement = text(f"SELECT {DISPUTED} FROM sales s WHERE s.id = :id")  # noqa: S608 - our own constant
        return bool((await self._session.execute(statement, {"id": sale_id})).scalar_one())

    async def page(
        self, contractor_id: UUID | None, status: str | None, cursor: Cursor | None, limit: int
    ) -> Sequence[Row[Any]]:
        """Returns of a contractor, or of all, newest first and one too many."""
        statement = text(
            SHOWN
            + """
             WHERE (CAST(:contractor AS uuid) IS NULL OR r.contractor_id = CAST(:contractor AS uuid))
               AND (CAST(:status AS text) IS NULL OR r.status = CAST(:status AS text))
               AND (CAST(:after_id AS uuid) IS NULL
                    OR (r.created_at, r.id) < (CAST(:after AS timestamptz), CAST(:after_id AS uuid)))
             ORDER BY r.created_at DESC, r.id DESC LIMIT :limit
            """
        )
        after: datetime | None = cursor.created_at if cursor else None
        values = {
            "contractor": contractor_id,
            "status": status,
            "after": after,
            "after_id": cursor.id if cursor else None,
            "limit": limit + 1,
        }
        return (await self._session.execute(statement, values)).all()

    async def balance_cents(self, code: str) -> int:
        """What we owe by an account; 0 where nothing was booked on it."""
        statement = text("SELECT -balance_cents FROM ledger_accounts WHERE code = :code")
        return int((await self._session.execute(statement, {"code": code})).scalar_one_or_none() or 0)
