"""Aged leads on sale and sold: what is available now, what a purchase takes, what a buyer owns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.schemas.aged_enums import AgeBucket, AgedClass

_WINDOWS: Final = """
    unnest(CAST(:buckets AS text[]), CAST(:afters AS timestamptz[]), CAST(:untils AS timestamptz[]))
        AS w (bucket, after, until)
"""
# Neither sold nor outgrown, and nothing forbids the sale of this person's data; can_sell decides again.
_OPEN: Final = """
    i.sold_at IS NULL AND i.withdrawn_at IS NULL AND l.state = ANY (CAST(:states AS text[]))
    AND NOT EXISTS (SELECT 1 FROM compliance.suppression s
                     WHERE s.value_hash = ANY (l.suppression_keys) AND s.scope IN ('global', 'sale')
                       AND s.reason NOT IN ('national_dnc', 'state_dnc')
                       AND (s.expires_at IS NULL OR s.expires_at > now()))
    AND NOT EXISTS (SELECT 1 FROM compliance.subject_key k
                     WHERE k.subject_id = l.subject_id AND k.shredded_at IS NOT NULL)
    AND (CAST(:classification AS text) IS NULL OR l.classification = :classification)
    AND (CAST(:state AS text) IS NULL OR l.state = :state)
    AND (CAST(:county AS text) IS NULL OR lower(l.county) = lower(:county))
    AND NOT i.id = ANY (CAST(:taken AS uuid[]))
"""
_STOCK: Final = f"""
      FROM aged_inventory i JOIN {_WINDOWS} ON w.bucket = i.age_bucket
      JOIN aged_leads l ON l.id = i.aged_lead_id
"""
_PRICES: Final = """
      JOIN aged_prices p ON p.classification = l.classification AND p.age_bucket = i.age_bucket
                        AND p.effective_until IS NULL
"""
_AGE: Final = "l.originated_at > w.after AND l.originated_at <= w.until"
_LABELLED: Final = f"{_STOCK} WHERE {_OPEN}"
_IN_BUCKET: Final = f"{_LABELLED} AND {_AGE}"
_PRICED: Final = f"{_STOCK} {_PRICES} WHERE {_OPEN} AND {_AGE}"
_PICKED: Final = """
    SELECT i.id AS inventory_id, l.id AS lead_id, l.classification, i.age_bucket, l.originated_at
"""
_ORDER: Final = "ORDER BY i.created_at, i.id LIMIT :quantity FOR UPDATE OF i"
PICK_LABELLED: Final = text(f"{_PICKED} {_LABELLED} {_ORDER} SKIP LOCKED")
PICK_FREE: Final = text(f"{_PICKED} {_IN_BUCKET} {_ORDER} SKIP LOCKED")
# What another purchase holds is waited for: it may be given back.
PICK_WAITING: Final = text(f"{_PICKED} {_IN_BUCKET} {_ORDER}")

_FACTS: Final = """
    l.phone_hash IS NOT NULL AS has_phone,
    EXISTS (SELECT 1 FROM compliance.subject_key k
             WHERE k.subject_id = l.subject_id AND k.shredded_at IS NOT NULL) AS erased,
    ARRAY(SELECT DISTINCT s.reason FROM compliance.suppression s
           WHERE s.value_hash = ANY (l.suppression_keys) AND s.scope IN ('global', 'sale')
             AND (s.expires_at IS NULL OR s.expires_at > now())) AS suppressed,
    EXISTS (SELECT 1 FROM compliance.suppression s
             WHERE s.value_hash = l.phone_hash AND s.kind = 'phone'
               AND (s.reason IN ('national_dnc', 'state_dnc') OR s.scope = 'voice')
               AND (s.expires_at IS NULL OR s.expires_at > now())) AS dnc_listed
"""


@dataclass(frozen=True, slots=True)
class Windows:
    """Buckets and the moments between which their leads originated."""

    buckets: Sequence[AgeBucket]
    afters: Sequence[datetime]
    untils: Sequence[datetime]

    def values(self) -> dict[str, Any]:
        """As parameters."""
        return {
            "buckets": [bucket.value for bucket in self.buckets],
            "afters": list(self.afters),
            "untils": list(self.untils),
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the stock is looked at; None means all of it, `taken` is left out."""

    windows: Windows
    states: Sequence[str]
    classification: AgedClass | None = None
    state: str | None = None
    county: str | None = None
    taken: Sequence[UUID] = ()

    def values(self) -> dict[str, Any]:
        """As parameters."""
        return {
            **self.windows.values(),
            "states": list(self.states),
            "classification": self.classification.value if self.classification else None,
            "state": self.state,
            "county": self.county,
            "taken": list(self.taken),
        }


@dataclass(frozen=True, slots=True)
class NewSale:
    """One sale of a purchase."""

    inventory_id: UUID
    lead_id: UUID
    price_cents: int
    age_bucket: AgeBucket
    decision_id: UUID


class AgedRepository:
    """The stock of aged leads and its sales."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def active_prices(self) -> dict[tuple[AgedClass, AgeBucket], int]:
        """Cents a lead, by class and bucket."""
        statement = text(
            "SELECT classification, age_bucket, price_cents FROM aged_prices WHERE effective_until IS NULL"
        )
        rows = (await self._session.execute(statement)).all()
        return {(AgedClass(row.classification), AgeBucket(row.age_bucket)): row.price_cents for row in rows}

    async def available(self, wanted: Wanted, limit: int) -> Sequence[Row[Any]]:
        """Items on sale that have a price, oldest in stock first."""
        statement = text(
            f"""
            SELECT i.id AS inventory_id, l.id AS lead_id, i.age_bucket, l.state, l.county, l.city, l.classification,
                   l.subject_id, l.person, p.price_cents
            {_PRICED}
             ORDER BY i.created_at, i.id LIMIT :limit
            """
        )
        return (await self._session.execute(statement, {**wanted.values(), "limit": limit})).all()

    async def count(self, wanted: Wanted) -> int:
        """How many items are on sale and have a price."""
        statement = text(f"SELECT count(*) {_PRICED}")
        return int((await self._session.execute(statement, wanted.values())).scalar_one())

    async def count_by_bucket(self, wanted: Wanted) -> dict[AgeBucket, int]:
        """How many items are on sale in each bucket."""
        statement = text(f"SELECT i.age_bucket, count(*) AS items {_IN_BUCKET} GROUP BY 1")
        rows = (await self._session.execute(statement, wanted.values())).all()
        return {AgeBucket(row.age_bucket): row.items for row in rows}

    async def counties(self, wanted: Wanted) -> Sequence[Row[Any]]:
        """States and counties that have something on sale, in order."""
        statement = text(f"SELECT DISTINCT l.state, l.county {_IN_BUCKET} ORDER BY 1, 2")
        return (await self._session.execute(statement, wanted.values())).all()

    async def pick_labelled(self, wanted: Wanted, quantity: int) -> Sequence[Row[Any]]:
        """Items the stock lists under the bucket, outgrown ones included, locked; those others hold are passed over."""
        return await self._pick(PICK_LABELLED, wanted, quantity)

    async def pick_free(self, wanted: Wanted, quantity: int) -> Sequence[Row[Any]]:
        """Items whose leads are in the bucket now, locked; those others hold are passed over."""
        return await self._pick(PICK_FREE, wanted, quantity)

    async def pick_waiting(self, wanted: Wanted, quantity: int) -> Sequence[Row[Any]]:
        """The same, waiting for items others hold until they are sold or given back."""
        return await self._pick(PICK_WAITING, wanted, quantity)

    async def _pick(self, statement: Any, wanted: Wanted, quantity: int) -> Sequence[Row[Any]]:
        return (await self._session.execute(statement, {**wanted.values(), "quantity": quantity})).all()

    async def withdraw(self, inventory_ids: Sequence[UUID]) -> None:
        """Take items off sale whose leads have outgrown them."""
        statement = text(
            "UPDATE aged_inventory SET withdrawn_at = now() WHERE id = ANY (CAST(:ids AS uuid[])) AND sold_at IS NULL"
        )
        await self._session.execute(statement, {"ids": list(inventory_ids)})

    async def facts(self, lead_ids: Sequence[UUID]) -> dict[UUID, Row[Any]]:
        """What the law asks about leads, by id."""
        statement = text(
            f"""
            SELECT l.id, l.state, l.source, {_FACTS}
              FROM aged_leads l WHERE l.id = ANY (CAST(:ids AS uuid[]))
            """  # noqa: S608 - our own constant
        )
        rows = (await self._session.execute(statement, {"ids": list(lead_ids)})).all()
        return {row.id: row for row in rows}

    async def insert_purchase(
        self,
        contractor_id: UUID,
        user_id: UUID | None,
        *,
        criteria: list[dict[str, Any]],
        total_cents: int,
        items_replaced: int,
    ) -> UUID:
        """A purchase; its id."""
        statement = text(
            """
            INSERT INTO aged_purchases (contractor_id, user_id, criteria, total_cents, items_replaced)
            VALUES (:contractor, :user, CAST(:criteria AS jsonb), :cents, :replaced) RETURNING id
            """
        )
        values = {
            "contractor": contractor_id,
            "user": user_id,
            "criteria": orjson.dumps(criteria).decode(),
            "cents": total_cents,
            "replaced": items_replaced,
        }
        purchase_id: UUID = (await self._session.execute(statement, values)).scalar_one()
        return purchase_id

    async def sell(
        self, purchase_id: UUID, contractor_id: UUID, sales: Sequence[NewSale]
    ) -> dict[UUID, UUID]:
        """Mark the items sold and write their sales; sale ids by item, fewer than asked where one was sold before."""
        statement = text(
            """
            WITH wanted AS (
                SELECT * FROM unnest(CAST(:items AS uuid[]), CAST(:leads AS uuid[]), CAST(:cents AS bigint[]),
                                     CAST(:labels AS text[]), CAST(:decisions AS uuid[]))
                              AS row (item, lead, cents, label, decision)
            ), sold AS (
                UPDATE aged_inventory i SET sold_at = now() FROM wanted
                 WHERE i.id = wanted.item AND i.sold_at IS NULL AND i.withdrawn_at IS NULL
                RETURNING i.id
            )
            INSERT INTO aged_sales (aged_purchase_id, aged_inventory_id, aged_lead_id, contractor_id, price_cents,
                                    age_bucket, decision_id)
            SELECT :purchase, w.item, w.lead, :contractor, w.cents, w.label, w.decision
              FROM wanted w JOIN sold ON sold.id = w.item
            RETURNING id, aged_inventory_id
            """
        )
        values = {
            "items": [sale.inventory_id for sale in sales],
            "leads": [sale.lead_id for sale in sales],
            "cents": [sale.price_cents for sale in sales],
            "labels": [sale.age_bucket.value for sale in sales],
            "decisions": [sale.decision_id for sale in sales],
            "purchase": purchase_id,
            "contractor": contractor_id,
        }
        rows = (await self._session.execute(statement, values)).all()
        return {row.aged_inventory_id: row.id for row in rows}

    async def sales(self, sale_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
        """Sales with their leads, whoever bought them, in the order they were sold."""
        return await self._sold("s.id = ANY (CAST(:ids AS uuid[]))", {"ids": list(sale_ids)})

    async def sales_of(self, purchase_id: UUID) -> Sequence[Row[Any]]:
        """The sales of a purchase with their leads."""
        return await self._sold("s.aged_purchase_id = :purchase", {"purchase": purchase_id})

    async def _sold(self, which: str, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
        statement = text(
            f"""
            SELECT s.id AS sale_id, s.contractor_id, s.price_cents, s.age_bucket, s.sold_at, l.id AS lead_id, l.source,
                   l.classification, l.originated_at, l.city, l.county, l.state, l.zip, l.subject_id, l.person, {_FACTS}
              FROM aged_sales s JOIN aged_leads l ON l.id = s.aged_lead_id
             WHERE {which} ORDER BY s.sold_at, s.id
            """  # noqa: S608 - our own constants
        )
        return (await self._session.execute(statement, dict(values))).all()

    async def quoted_items(self, wanted: Wanted, inventory_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
        """Those of the items that are on sale, with what they cost."""
        statement = text(
            f"""
            SELECT i.id AS inventory_id, i.age_bucket, l.classification, p.price_cents
            {_PRICED} AND i.id = ANY (CAST(:items AS uuid[]))
            """
        )
        return (
            await self._session.execute(statement, {**wanted.values(), "items": list(inventory_ids)})
        ).all()

    async def insert_quote(
        self, contractor_id: UUID | None, items: list[dict[str, Any]], *, total_cents: int, minutes: int
    ) -> Row[Any]:
        """A quote that holds for so many minutes."""
        statement = text(
            """
            INSERT INTO aged_quotes (contractor_id, items, total_cents, expires_at)
            VALUES (:contractor, CAST(:items AS jsonb), :cents, now() + make_interval(mins => :minutes))
            RETURNING *
            """
        )
        values = {
            "contractor": contractor_id,
            "items": orjson.dumps(items).decode(),
            "cents": total_cents,
            "minutes": minutes,
        }
        return (await self._session.execute(statement, values)).one()

    async def quote(self, quote_id: UUID) -> Row[Any] | None:
        """A quote and whether it has expired."""
        statement = text("SELECT q.*, q.expires_at <= now() AS expired FROM aged_quotes q WHERE q.id = :id")
        return (await self._session.execute(statement, {"id": quote_id})).one_or_none()

    async def is_contractor(self, contractor_id: UUID) -> bool:
        """Whether there is such a client."""
        statement = text("SELECT EXISTS (SELECT 1 FROM contractors WHERE id = :id)")
        return bool((await self._session.execute(statement, {"id": contractor_id})).scalar_one())
