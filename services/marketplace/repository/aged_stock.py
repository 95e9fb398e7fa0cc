"""How aged leads get into the stock, move from bucket to bucket, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.repository.aged import Windows
from shared.db.models.aged import AgedPurchase, AgedQuote, AgedSale
from shared.schemas.aged_enums import AgeBucket, AgedClass


class AgedStockRepository:
    """The stock of aged leads for the people and jobs that fill it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def known(self, identities: Sequence[str]) -> set[str]:
        """Those of the identities that are stored already."""
        statement = text("SELECT identity FROM aged_leads WHERE identity = ANY (CAST(:identities AS text[]))")
        rows = await self._session.execute(statement, {"identities": list(identities)})
        return set(rows.scalars())

    async def insert(self, leads: Sequence[Mapping[str, Any]]) -> None:
        """Store leads; one that is stored already stays as it is."""
        statement = text(
            """
            INSERT INTO aged_leads (identity, classification, originated_at, state, county, city, zip, subject_id,
                                    person, phone_hash, suppression_keys, source)
            VALUES (:identity, :classification, :originated_at, :state, :county, :city, :zip, :subject_id,
                    :person, :phone_hash, :suppression_keys, :source)
            ON CONFLICT (identity) DO NOTHING
            """
        )
        if leads:
            await self._session.execute(statement, [dict(lead) for lead in leads])

    async def assign(self, windows: Windows) -> int:
        """Put every lead on sale in the bucket it is in; how many items are new."""
        statement = text(
            """
            WITH made AS (
                INSERT INTO aged_inventory (aged_lead_id, age_bucket)
                SELECT l.id, w.bucket
                  FROM unnest(CAST(:buckets AS text[]), CAST(:afters AS timestamptz[]), CAST(:untils AS timestamptz[]))
                       AS w (bucket, after, until)
                  JOIN aged_leads l ON l.originated_at > w.after AND l.originated_at <= w.until
                 WHERE NOT EXISTS (SELECT 1 FROM aged_inventory i
                                    WHERE i.aged_lead_id = l.id AND i.age_bucket = w.bucket)
                ON CONFLICT (aged_lead_id, age_bucket) DO NOTHING RETURNING 1)
            SELECT count(*) FROM made
            """
        )
        return int((await self._session.execute(statement, windows.values())).scalar_one())

    async def withdraw_outgrown(self, windows: Windows) -> int:
        """Take unsold items off sale whose leads are past their bucket; how many."""
        statement = text(
            """
            WITH gone AS (
                UPDATE aged_inventory SET withdrawn_at = now()
                 WHERE id IN (
                    SELECT i.id
                      FROM aged_inventory i
                      JOIN unnest(CAST(:buckets AS text[]), CAST(:afters AS timestamptz[])) AS w (bucket, after)
                        ON w.bucket = i.age_bucket
                      JOIN aged_leads l ON l.id = i.aged_lead_id AND l.originated_at <= w.after
                     WHERE i.sold_at IS NULL AND i.withdrawn_at IS NULL FOR UPDATE OF i SKIP LOCKED)
                RETURNING 1)
            SELECT count(*) FROM gone
            """
        )
        return int((await self._session.execute(statement, windows.values())).scalar_one())

    async def status(self) -> Sequence[Row[Any]]:
        """Items by class and bucket: on the shelf, sold, withdrawn, with the active price."""
        statement = text(
            """
            SELECT p.classification, p.age_bucket, p.price_cents,
                   count(i.id) FILTER (WHERE i.sold_at IS NULL AND i.withdrawn_at IS NULL) AS unsold,
                   count(i.id) FILTER (WHERE i.sold_at IS NOT NULL) AS sold,
                   count(i.id) FILTER (WHERE i.withdrawn_at IS NOT NULL) AS withdrawn
              FROM aged_prices p
              LEFT JOIN (aged_inventory i JOIN aged_leads l ON l.id = i.aged_lead_id)
                     ON i.age_bucket = p.age_bucket AND l.classification = p.classification
             WHERE p.effective_until IS NULL
             GROUP BY 1, 2, 3 ORDER BY 1, length(p.age_bucket), p.age_bucket
            """
        )
        return (await self._session.execute(statement)).all()

    async def forget_sales(self) -> int:
        """Put everything sold back on sale and drop purchases and quotes; how many items. For test data only.

        It needs the owner's rights, which the command has: no service may delete a sale.
        """
        for forgotten in (AgedSale, AgedPurchase, AgedQuote):
            await self._session.execute(delete(forgotten))
        statement = text(
            """
            WITH freed AS (UPDATE aged_inventory SET sold_at = NULL WHERE sold_at IS NOT NULL RETURNING 1)
            SELECT count(*) FROM freed
            """
        )
        return int((await self._session.execute(statement)).scalar_one())

    async def set_price(self, classification: AgedClass, bucket: AgeBucket, cents: int) -> UUID:
        """End the active price now and start another; its id."""
        kind = {"classification": classification.value, "bucket": bucket.value}
        await self._session.execute(
            text(
                """
                UPDATE aged_prices SET effective_until = now()
                 WHERE classification = :classification AND age_bucket = :bucket AND effective_until IS NULL
                """
            ),
            kind,
        )
        statement = text(
            """
            INSERT INTO aged_prices (classification, age_bucket, price_cents)
            VALUES (:classification, :bucket, :cents) RETURNING id
            """
        )
        price_id: UUID = (await self._session.execute(statement, {**kind, "cents": cents})).scalar_one()
        return price_id
