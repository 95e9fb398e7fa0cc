"""Every statement about plans: prices, subscriptions, and the leads that paid invoices include."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.cases import KEPT
from services.marketplace.domain.plans import PAYING

PLAN = "l.id, l.code, l.monthly_cents, l.included_leads, l.monthly_cents / l.included_leads AS unit_cents, l.grace_days, l.valid_from"
LIVE = "s.status NOT IN ('expired', 'incomplete_expired', 'canceled')"
TAKEN_BACK = f"""EXISTS (SELECT 1 FROM buyer_cases k WHERE k.charge_ref = p.payment_ref
    AND k.processor_status NOT IN ({", ".join(map(repr, KEPT))}))"""  # noqa: S608 - our own constants
"""Whether the buyer's bank takes the payment of a period back, or has."""
USABLE = f"""(p.closed_at IS NULL AND NOT {TAKEN_BACK} AND CASE
    WHEN s.status IN ('active', 'trialing', 'canceled') THEN p.ends_at > now()
    WHEN s.status = 'past_due' THEN s.past_due_since + make_interval(days => l.grace_days) > now()
    ELSE false END)"""
"""Whether leads of a period can be bought: paid and not ended, or not paid again for no longer than the plan's grace."""
BOUGHT = "(SELECT count(*) FROM sales x WHERE x.plan_period_id = p.id AND x.status = 'sold')"
HELD = """(SELECT count(*) FROM sales x WHERE x.plan_period_id = p.id
            AND x.status IN ('reserved', 'charging', 'payment_unknown'))"""
JOINED = """plan_periods p JOIN plan_subscriptions s ON s.id = p.subscription_id JOIN plans l ON l.id = s.plan_id"""
SUBSCRIPTION = f"""
    SELECT s.id AS subscription_id, s.contractor_id, s.status, s.checkout_ref, s.checkout_until, s.subscription_ref,
           s.current_period_end, s.cancel_at_period_end, s.past_due_since, now() AS now, {PLAN}
      FROM plan_subscriptions s JOIN plans l ON l.id = s.plan_id
"""  # noqa: S608 - our own constants


class PlanRepository:
    """Plans, who has one, and what was paid ahead."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def on_sale(self) -> Sequence[Row[Any]]:
        """The price of each plan today, the cheapest plan first."""
        statement = text(
            f"""
            SELECT * FROM (SELECT DISTINCT ON (l.code) {PLAN} FROM plans l
                            WHERE l.valid_from <= now() ORDER BY l.code, l.valid_from DESC) t ORDER BY monthly_cents
            """  # noqa: S608 - our own constant
        )
        return (await self._session.execute(statement)).all()

    async def prices(self) -> Sequence[Row[Any]]:
        """Every price of every plan, past and to come, the newest first."""
        statement = text(
            f"SELECT {PLAN}, l.reason, l.valid_from > now() AS to_come FROM plans l ORDER BY l.valid_from DESC, l.code"  # noqa: S608 - our own constant
        )
        return (await self._session.execute(statement)).all()

    async def plan(self, plan_id: UUID) -> Row[Any] | None:
        """One price of a plan."""
        statement = text(f"SELECT {PLAN} FROM plans l WHERE l.id = :id")  # noqa: S608 - our own constant
        return (await self._session.execute(statement, {"id": plan_id})).one_or_none()

    async def add_price(self, values: dict[str, Any]) -> Row[Any] | None:
        """A new price of a plan; None where one begins at that time already, or it would begin in the past."""
        statement = text(
            f"""
            INSERT INTO plans AS l (code, monthly_cents, included_leads, grace_days, valid_from, reason)
            SELECT :code, :monthly_cents, :included_leads, :grace_days, t.at, :reason
              FROM (SELECT coalesce(CAST(:valid_from AS timestamptz), now()) AS at) t WHERE t.at >= now()
            ON CONFLICT DO NOTHING RETURNING {PLAN}
            """  # noqa: S608 - our own constant
        )
        return (await self._session.execute(statement, values)).one_or_none()

    async def live(self, contractor_id: UUID) -> Row[Any] | None:
        """The subscription of a contractor that has not ended, or its open checkout."""
        statement = text(f"{SUBSCRIPTION} WHERE s.contractor_id = :id AND {LIVE}")
        return (await self._session.execute(statement, {"id": contractor_id})).one_or_none()

    async def latest(self, contractor_id: UUID) -> Row[Any] | None:
        """The newest subscription of a contractor that was ever paid or can still be."""
        statement = text(
            f"""
            {SUBSCRIPTION} WHERE s.contractor_id = :id AND s.status NOT IN ('expired', 'incomplete_expired')
             ORDER BY s.created_at DESC LIMIT 1
            """
        )
        return (await self._session.execute(statement, {"id": contractor_id})).one_or_none()

    async def one(self, subscription_id: UUID) -> Row[Any] | None:
        """A subscription by our own id."""
        statement = text(f"{SUBSCRIPTION} WHERE s.id = :id")
        return (await self._session.execute(statement, {"id": subscription_id})).one_or_none()

    async def begin(self, contractor_id: UUID, plan_id: UUID, minutes: int) -> UUID | None:
        """A new checkout; None while the contractor has a plan or a checkout."""
        statement = text(
            """
            INSERT INTO plan_subscriptions (contractor_id, plan_id, checkout_until)
            VALUES (:contractor, :plan, date_trunc('second', now()) + make_interval(mins => :minutes))
            ON CONFLICT DO NOTHING RETURNING id
            """
        )
        values = {"contractor": contractor_id, "plan": plan_id, "minutes": minutes}
        made: UUID | None = (await self._session.execute(statement, values)).scalar_one_or_none()
        return made

    async def note_checkout(self, subscription_id: UUID, checkout_ref: str) -> None:
        """Remember the processor's page of a checkout."""
        statement = text(
            "UPDATE plan_subscriptions SET checkout_ref = :ref WHERE id = :id AND checkout_ref IS NULL"
        )
        await self._session.execute(statement, {"id": subscription_id, "ref": checkout_ref})

    async def expire_checkout(self, subscription_id: UUID) -> None:
        """End a checkout that nobody paid."""
        statement = text(
            "UPDATE plan_subscriptions SET status = 'expired' WHERE id = :id AND status = 'checkout'"
        )
        await self._session.execute(statement, {"id": subscription_id})

    async def apply(self, subscription_id: UUID, values: dict[str, Any]) -> bool:
        """Take over the processor's state; False where a newer answer stands here, or another subscription."""
        statement = text(
            """
            UPDATE plan_subscriptions s
               SET status = CAST(:status AS text), subscription_ref = :subscription_ref,
                   plan_id = coalesce((SELECT id FROM plans WHERE id = CAST(:plan_id AS uuid)), s.plan_id),
                   current_period_end = :period_end, cancel_at_period_end = :cancel,
                   past_due_since = CASE WHEN CAST(:status AS text) = 'past_due'
                                         THEN coalesce(s.past_due_since, now()) END,
                   asked_at = :asked_at
             WHERE s.id = :id AND (s.asked_at IS NULL OR s.asked_at <= :asked_at)
               AND (s.subscription_ref IS NULL OR s.subscription_ref = :subscription_ref)
            """
        )
        result = await self._session.execute(statement, {"id": subscription_id, **values})
        return bool(result.rowcount)  # type: ignore[attr-defined]

    async def note_tier(self, contractor_id: UUID) -> None:
        """Let a contractor have the tier of the plan it pays: territories and head starts ask for it."""
        statement = text(
            """
            UPDATE contractors SET subscription_tier = (
                SELECT l.code FROM plan_subscriptions s JOIN plans l ON l.id = s.plan_id
                 WHERE s.contractor_id = :id AND s.status = ANY (:paying) ORDER BY s.created_at DESC LIMIT 1)
             WHERE id = :id
            """
        )
        await self._session.execute(statement, {"id": contractor_id, "paying": sorted(PAYING)})

    async def add_period(self, values: dict[str, Any]) -> UUID | None:
        """The leads of a paid invoice; None when this invoice is here already."""
        statement = text(
            """
            INSERT INTO plan_periods (subscription_id, contractor_id, plan_id, invoice_ref, payment_ref, starts_at,
                                      ends_at, amount_cents, leads, unit_cents)
            VALUES (:subscription_id, :contractor_id, :plan_id, :invoice_ref, :payment_ref, :starts_at, :ends_at,
                    :amount_cents, :leads, :unit_cents)
            ON CONFLICT DO NOTHING RETURNING id
            """
        )
        made: UUID | None = (await self._session.execute(statement, values)).scalar_one_or_none()
        return made

    async def note_payment(self, invoice_ref: str, payment_ref: str | None) -> bool:
        """Remember which payment paid an invoice that is here already; False where that was known, or is not."""
        statement = text(
            "UPDATE plan_periods SET payment_ref = CAST(:payment AS text) "
            "WHERE invoice_ref = :invoice AND payment_ref IS NULL AND CAST(:payment AS text) IS NOT NULL"
        )
        result = await self._session.execute(statement, {"invoice": invoice_ref, "payment": payment_ref})
        return bool(result.rowcount)  # type: ignore[attr-defined]

    async def included(self, contractor_id: UUID, price_cents: int) -> Row[Any] | None:
        """The period that pays for a lead of this price, the one that ends first; the caller holds the lock.

        A lead cheaper than an included one is not worth one: it is bought at its own price.
        """
        statement = text(
            f"""
            SELECT p.id, p.unit_cents FROM {JOINED}
             WHERE p.contractor_id = :contractor AND {USABLE} AND p.unit_cents <= :price
               AND p.leads > {BOUGHT} + {HELD}
             ORDER BY p.ends_at, p.id LIMIT 1
            """  # noqa: S608 - our own constants
        )
        values = {"contractor": contractor_id, "price": price_cents}
        return (await self._session.execute(statement, values)).one_or_none()

    async def periods(self, contractor_id: UUID, limit: int) -> Sequence[Row[Any]]:
        """The paid periods of a contractor, the newest first."""
        statement = text(
            f"""
            SELECT p.id, p.starts_at, p.ends_at, p.amount_cents, p.leads, p.unit_cents, p.closed_at,
                   {BOUGHT} AS bought, {HELD} AS held, {USABLE} AS usable
              FROM {JOINED} WHERE p.contractor_id = :contractor ORDER BY p.starts_at DESC, p.id LIMIT :limit
            """  # noqa: S608 - our own constants
        )
        return (await self._session.execute(statement, {"contractor": contractor_id, "limit": limit})).all()

    async def ended(self, limit: int) -> Sequence[Row[Any]]:
        """Periods whose leads can be bought no more, which no open purchase holds, and whose payment no bank takes back."""
        statement = text(
            f"""
            SELECT p.id, p.contractor_id FROM {JOINED}
             WHERE p.closed_at IS NULL AND p.ends_at <= now() AND NOT {TAKEN_BACK} AND NOT {USABLE} AND {HELD} = 0
             ORDER BY p.ends_at LIMIT :limit
            """  # noqa: S608 - our own constants
        )
        return (await self._session.execute(statement, {"limit": limit})).all()

    async def close(self, period_id: UUID) -> Row[Any] | None:
        """End such a period and say what it leaves; None where it is closed, usable, held or disputed by now."""
        statement = text(
            f"""
            UPDATE plan_periods c SET closed_at = now() FROM {JOINED}
             WHERE c.id = :id AND p.id = c.id AND p.closed_at IS NULL AND p.ends_at <= now() AND NOT {TAKEN_BACK} AND NOT {USABLE}
               AND {HELD} = 0
            RETURNING c.contractor_id, c.invoice_ref, c.leads, c.unit_cents, c.amount_cents - c.taken_back_cents AS amount_cents,
                      {BOUGHT} AS bought
            """  # noqa: S608 - our own constants
        )
        return (await self._session.execute(statement, {"id": period_id})).one_or_none()

    async def paid_by(self, payment_ref: str) -> UUID | None:
        """The contractor whose period this payment paid; None for a payment of none."""
        statement = text("SELECT contractor_id FROM plan_periods WHERE payment_ref = :payment LIMIT 1")
        found: UUID | None = (
            await self._session.execute(statement, {"payment": payment_ref})
        ).scalar_one_or_none()
        return found

    async def period(self, *, payment_ref: str | None = None, sale_id: UUID | None = None) -> Row[Any] | None:
        """The period that a payment paid, or whose lead a sale is, with how much of it is used; None for none.

        The caller holds the contractor's lock.
        """
        statement = text(
            f"""
            SELECT p.id, p.contractor_id, p.invoice_ref, p.amount_cents AS amount, p.refunded_cents, p.lost_cents,
                   p.refunded_cents + p.lost_cents AS gone, p.taken_back_cents AS taken_back, p.leads, p.unit_cents AS unit, p.closed_at IS NULL AS is_open,
                   {BOUGHT} + {HELD} AS used
              FROM plan_periods p
             WHERE p.payment_ref = CAST(:payment AS text)
                OR p.id = (SELECT plan_period_id FROM sales WHERE id = CAST(:sale AS uuid))
            """  # noqa: S608 - our own constants
        )
        values = {"payment": payment_ref, "sale": sale_id}
        return (await self._session.execute(statement, values)).one_or_none()

    async def note_gone(
        self, period_id: UUID, *, refunded: int, lost: int, taken_back: int, leads: int
    ) -> None:
        """Remember what has gone back of a period's payment, by us and by the bank, and the leads that are left of it."""
        statement = text(
            """
            UPDATE plan_periods
               SET refunded_cents = :refunded, lost_cents = :lost, taken_back_cents = :taken_back, leads = :leads
             WHERE id = :id
            """
        )
        values = {
            "id": period_id,
            "refunded": refunded,
            "lost": lost,
            "taken_back": taken_back,
            "leads": leads,
        }
        await self._session.execute(statement, values)

    async def doubtful(self, limit: int) -> Sequence[Row[Any]]:
        """Subscriptions to ask the processor about: open checkouts, months that should have been renewed, dunned ones."""
        statement = text(
            f"""
            {SUBSCRIPTION}
             WHERE (s.status = 'checkout' AND s.created_at < now() - interval '2 minutes')
                OR (s.status IN ('incomplete', 'past_due', 'unpaid', 'paused'))
                OR (s.status IN ('active', 'trialing') AND (s.current_period_end < now()
                    OR NOT EXISTS (SELECT 1 FROM plan_periods p
                                    WHERE p.subscription_id = s.id AND p.ends_at > now())))
             ORDER BY s.asked_at NULLS FIRST, s.created_at LIMIT :limit
            """  # noqa: S608 - our own constant
        )
        return (await self._session.execute(statement, {"limit": limit})).all()

    async def lines(self, codes: Sequence[str], limit: int) -> Sequence[Row[Any]]:
        """What was booked on accounts of ours with a buyer, the newest first."""
        statement = text(
            """
            SELECT e.created_at AS at, split_part(a.code, ':', 1) AS account, e.description AS words,
                   e.credit_cents - e.debit_cents AS cents
              FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id
             WHERE a.code = ANY (:codes) ORDER BY e.created_at DESC, e.id LIMIT :limit
            """
        )
        return (await self._session.execute(statement, {"codes": list(codes), "limit": limit})).all()

    async def owed(self, code: str) -> int:
        """What we owe by an account; 0 where nothing was booked on it."""
        statement = text("SELECT -balance_cents FROM ledger_accounts WHERE code = :code")
        return int((await self._session.execute(statement, {"code": code})).scalar_one_or_none() or 0)
