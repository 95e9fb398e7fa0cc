"""Every statement that moves a sale or its money. All moves are conditional on the state before."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.ledger import Posting, account_kind, account_owner, credit_account
from services.marketplace.repository.leads import HEAD_START_OVER, ON_SALE, WITHIN_REACH
from shared.errors import Conflict

OPEN = ("reserved", "charging", "payment_unknown")
UNSETTLED = str(OPEN)
SALE = """id, base_lead_id, contractor_id, user_id, status, price, currency, reserved_at, reserved_until, charged_at,
          charged_cents, credit_cents, plan_period_id, revealed_at, provider_ref, decline_reason, masked_fields, now() AS now"""
"""A sale as those who move it read it."""


class SaleRepository:
    """Sales, payments and ledger rows."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def reserve_lead(self, lead_id: UUID, sale_id: UUID, contractor_id: UUID) -> Row[Any] | None:
        """Take a lead that is offered to this buyer for a sale; None when it is not available any more.

        Whose place it lies in is asked of the territories themselves, not of the lead's copy.
        """
        statement = text(
            f"""
            UPDATE base_leads l SET status = 'reserved', reserved_at = now(), sale_id = :sale_id
             WHERE l.id = :lead_id AND {ON_SALE} AND {HEAD_START_OVER} AND {WITHIN_REACH}
               AND coalesce(lead_holder(l.city_id, l.zip, l.cluster_id), :contractor_id) = :contractor_id
            RETURNING l.price, l.state, l.address_key
            """  # noqa: S608 - our own constant
        )
        values = {"lead_id": lead_id, "sale_id": sale_id, "contractor_id": contractor_id}
        return (await self._session.execute(statement, values)).one_or_none()

    async def lead_exists(self, lead_id: UUID, contractor_id: UUID) -> bool:
        """Whether a lead was ever on sale for this buyer."""
        statement = text(
            f"""
            SELECT EXISTS (SELECT 1 FROM base_leads l
                            WHERE l.id = :id AND l.status IN ('available', 'reserved', 'sold') AND {WITHIN_REACH})
            """  # noqa: S608 - our own constant
        )
        values = {"id": lead_id, "contractor_id": contractor_id}
        return bool((await self._session.execute(statement, values)).scalar_one())

    async def held_by_another(self, lead_id: UUID, contractor_id: UUID) -> bool:
        """Whether a lead on sale lies in another buyer's territory."""
        statement = text(
            """
            SELECT EXISTS (SELECT 1 FROM base_leads l WHERE l.id = :id AND l.status = 'available'
                              AND lead_holder(l.city_id, l.zip, l.cluster_id) <> :contractor_id)
            """
        )
        values = {"id": lead_id, "contractor_id": contractor_id}
        return bool((await self._session.execute(statement, values)).scalar_one())

    async def in_head_start(self, lead_id: UUID, contractor_id: UUID) -> bool:
        """Whether a lead on sale is still younger than this buyer waits."""
        statement = text(
            f"""
            SELECT EXISTS (SELECT 1 FROM base_leads l
                            WHERE l.id = :id AND l.status = 'available' AND NOT {HEAD_START_OVER})
            """  # noqa: S608 - our own constant
        )
        values = {"id": lead_id, "contractor_id": contractor_id}
        return bool((await self._session.execute(statement, values)).scalar_one())

    async def live_sale(self, lead_id: UUID, contractor_id: UUID) -> bool:
        """Whether this buyer owns the lead or has it reserved."""
        statement = text(
            f"""
            SELECT EXISTS (SELECT 1 FROM sales WHERE base_lead_id = :lead_id AND contractor_id = :contractor_id
                              AND (status = 'sold' OR status IN {UNSETTLED}))
            """  # noqa: S608 - our own constant
        )
        values = {"lead_id": lead_id, "contractor_id": contractor_id}
        return bool((await self._session.execute(statement, values)).scalar_one())

    async def purse(self, contractor_id: UUID) -> Row[Any]:
        """How many sales of a contractor nobody has decided, and cents we owe it that none of them holds.

        Whoever counts on it holds the contractor's lock (`lock_contractor`).
        """
        statement = text(
            f"""
            SELECT count(*) AS open_sales,
                   (coalesce((SELECT -balance_cents FROM ledger_accounts WHERE code = :code), 0)
                  - coalesce(sum(credit_cents), 0))::bigint AS credit_cents
              FROM sales WHERE contractor_id = :id AND status IN {UNSETTLED}
            """  # noqa: S608 - our own constants
        )
        values = {"id": contractor_id, "code": credit_account(contractor_id)}
        return (await self._session.execute(statement, values)).one()

    async def free_lead(self, lead_id: UUID, sale_id: UUID) -> None:
        """Put a reserved lead back on sale."""
        statement = text(
            """
            UPDATE base_leads SET status = 'available', reserved_at = NULL, sale_id = NULL
             WHERE id = :lead_id AND status = 'reserved' AND sale_id = :sale_id
            """
        )
        await self._session.execute(statement, {"lead_id": lead_id, "sale_id": sale_id})

    async def insert_sale(self, sale_id: UUID, values: dict[str, Any]) -> Row[Any]:
        """A new reserved sale."""
        statement = text(
            """
            INSERT INTO sales (id, base_lead_id, contractor_id, user_id, status, price, reserved_until, idempotency_key,
                               decision_id, masked_fields, credit_cents, plan_period_id)
            VALUES (:id, :lead_id, :contractor_id, :user_id, 'reserved', :price, now() + make_interval(mins => :minutes),
                    :idempotency_key, :decision_id, :masked_fields, :credit_cents, CAST(:plan_period_id AS uuid))
            RETURNING id, base_lead_id, status, price, credit_cents, reserved_at, reserved_until
            """
        )
        return (await self._session.execute(statement, {"id": sale_id, **values})).one()

    async def one(self, sale_id: UUID) -> Row[Any] | None:
        """A sale, whoever bought it."""
        return await self.visible(sale_id, None)

    async def visible(self, sale_id: UUID, contractor_id: UUID | None) -> Row[Any] | None:
        """A sale of this contractor; of anybody where none is named."""
        statement = text(
            f"""
            SELECT {SALE} FROM sales
             WHERE id = :id AND (CAST(:contractor AS uuid) IS NULL OR contractor_id = CAST(:contractor AS uuid))
            """  # noqa: S608 - our own constant
        )
        return (
            await self._session.execute(statement, {"id": sale_id, "contractor": contractor_id})
        ).one_or_none()

    async def trace(self, sale_id: UUID) -> Row[Any] | None:
        """Correlation id and traceparent of the purchase, as the sale's workflow keeps them."""
        statement = text(
            """
            SELECT correlation_id, traceparent FROM core.workflow
             WHERE kind = 'sale' AND subject_id = :id ORDER BY created_at LIMIT 1
            """
        )
        return (await self._session.execute(statement, {"id": sale_id})).one_or_none()

    async def begin_charging(self, sale_id: UUID) -> Row[Any] | None:
        """The sale, if it is undecided; a reserved one is being charged from now on."""
        statement = text(
            f"""
            UPDATE sales SET status = CASE status WHEN 'reserved' THEN 'charging' ELSE status END
             WHERE id = :id AND status IN {UNSETTLED}
            RETURNING {SALE}
            """  # noqa: S608 - our own constants
        )
        return (await self._session.execute(statement, {"id": sale_id})).one_or_none()

    async def move(self, sale_id: UUID, status: str, *, allowed_from: str) -> bool:
        """Move a sale's status if it is in one of the states; False otherwise."""
        statement = text(f"UPDATE sales SET status = :status WHERE id = :id AND status IN {allowed_from}")  # noqa: S608 - our own constant
        result = await self._session.execute(statement, {"id": sale_id, "status": status})
        return bool(result.rowcount)  # type: ignore[attr-defined]

    async def mark_sold(self, sale_id: UUID, cents: int, provider_ref: str | None) -> Row[Any] | None:
        """Turn an unsettled sale into a sold one, and its lead with it; None when it was settled before.

        `cents` is the whole price, whatever part of it credit pays.
        """
        statement = text(
            f"""
            WITH sold AS (
                UPDATE sales SET status = 'sold', charged_at = now(), sold_at = now(), charged_cents = :cents,
                                 provider_ref = :provider_ref
                 WHERE id = :id AND status IN {UNSETTLED}
             RETURNING id, base_lead_id, contractor_id, price, credit_cents, plan_period_id, decision_id
            ), lead AS (
                UPDATE base_leads l SET status = 'sold', sold_at = now() FROM sold
                 WHERE l.id = sold.base_lead_id AND l.status = 'reserved' AND l.sale_id = sold.id RETURNING l.id
            ), assignment AS (
                INSERT INTO lead_assignments (sale_id, base_lead_id, contractor_id, price_paid)
                SELECT id, base_lead_id, contractor_id, price FROM sold
            )
            SELECT sold.*, (SELECT count(*) FROM lead) AS leads FROM sold
            """  # noqa: S608 - our own constant
        )
        values = {"id": sale_id, "cents": cents, "provider_ref": provider_ref}
        return (await self._session.execute(statement, values)).one_or_none()

    async def close(
        self, sale_id: UUID, status: str, *, reason: str | None, provider_ref: str | None
    ) -> Row[Any] | None:
        """End an unsettled sale without a charge (declined or released) and put its lead back on sale; None where it was ended."""
        statement = text(
            f"""
            WITH closed AS (
                UPDATE sales SET status = :status, decline_reason = :reason, released_at = now(),
                                 provider_ref = coalesce(:provider_ref, provider_ref)
                 WHERE id = :id AND status IN {UNSETTLED} RETURNING id, base_lead_id, contractor_id, plan_period_id
            )
            UPDATE base_leads l SET status = 'available', reserved_at = NULL, sale_id = NULL FROM closed
             WHERE l.id = closed.base_lead_id AND l.status = 'reserved' AND l.sale_id = closed.id
            RETURNING closed.contractor_id, closed.plan_period_id
            """  # noqa: S608 - our own constant
        )
        values = {"id": sale_id, "status": status, "reason": reason, "provider_ref": provider_ref}
        return (await self._session.execute(statement, values)).one_or_none()

    async def owes_refund(self, sale_id: UUID, charge_id: str) -> bool:
        """Whether a charge of this sale must go back: it is neither what the sale cost nor given back already."""
        statement = text(
            """
            SELECT EXISTS (
                SELECT 1 FROM sales s WHERE s.id = :id
                   AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.provider_ref = :charge_id))
            """
        )
        values = {"id": sale_id, "charge_id": charge_id}
        return bool((await self._session.execute(statement, values)).scalar_one())

    async def insert_payment(self, values: dict[str, Any]) -> UUID | None:
        """A payment row; None when this key is already booked."""
        statement = text(
            """
            INSERT INTO payments (sale_id, contractor_id, kind, amount_cents, currency, status, provider, provider_ref,
                                  idempotency_key, failure_code)
            VALUES (:sale_id, :contractor_id, :kind, :amount_cents, 'USD', :status, :provider, :provider_ref,
                    :idempotency_key, :failure_code)
            ON CONFLICT DO NOTHING RETURNING id
            """
        )
        payment: UUID | None = (await self._session.execute(statement, values)).scalar_one_or_none()
        return payment

    async def post(
        self, postings: Sequence[Posting], *, sale_id: UUID | None, payment_id: UUID | None, words: str
    ) -> None:
        """Book a transaction: every posting, debits equal credits (a trigger refuses anything else).

        An account that somebody else is just opening is not seen by the statement that waited for it, which then books
        nothing; the second one sees it.
        """
        statement = text(
            """
            WITH posting AS (
                SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:kinds AS text[]), CAST(:owners AS uuid[]),
                                     CAST(:debits AS bigint[]), CAST(:credits AS bigint[]))
                         AS p(code, kind, contractor_id, debit, credit)
            ), opened AS (
                INSERT INTO ledger_accounts (code, kind, contractor_id)
                SELECT DISTINCT code, kind, contractor_id FROM posting p
                 WHERE NOT EXISTS (SELECT 1 FROM ledger_accounts a WHERE a.code = p.code) ORDER BY code
                ON CONFLICT (code) DO NOTHING RETURNING id, code
            ), account AS (
                SELECT id, code FROM ledger_accounts WHERE code = ANY (CAST(:codes AS text[]))
                UNION ALL SELECT id, code FROM opened
            )
            INSERT INTO ledger_entries (transaction_id, account_id, debit_cents, credit_cents, sale_id, payment_id,
                                        description)
            SELECT :transaction_id, a.id, p.debit, p.credit, :sale_id, :payment_id, :words
              FROM posting p JOIN account a ON a.code = p.code
             WHERE (SELECT count(DISTINCT code) FROM posting) = (SELECT count(*) FROM account)
             ORDER BY a.code
            """
        )
        codes = [posting.account for posting in postings]
        values = {
            "transaction_id": uuid4(),
            "sale_id": sale_id,
            "payment_id": payment_id,
            "words": words,
            "codes": codes,
            "kinds": [account_kind(code) for code in codes],
            "owners": [account_owner(code) for code in codes],
            "debits": [posting.debit_cents for posting in postings],
            "credits": [posting.credit_cents for posting in postings],
        }
        for _ in range(2):
            booked = await self._session.execute(statement, values)
            if booked.rowcount == len(postings):  # type: ignore[attr-defined]
                return
        raise Conflict(f"the accounts {sorted(set(codes))} could not be opened")

    async def reveal(self, sale_ids: Sequence[UUID]) -> None:
        """Note the first reveal of sold leads; what was revealed before keeps its moment."""
        statement = text(
            """
            UPDATE sales SET revealed_at = now()
             WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'sold' AND revealed_at IS NULL
            """
        )
        await self._session.execute(statement, {"ids": list(sale_ids)})

    async def newest_sold(self, contractor_id: UUID, limit: int) -> Sequence[Row[Any]]:
        """The sales by which a buyer owns its newest leads."""
        statement = text(
            """
            SELECT id, base_lead_id, status, revealed_at, charged_at, price, masked_fields FROM sales
             WHERE contractor_id = :contractor AND status = 'sold' ORDER BY charged_at DESC, id DESC LIMIT :limit
            """
        )
        return (await self._session.execute(statement, {"contractor": contractor_id, "limit": limit})).all()

    async def sale_of_lead(self, lead_id: UUID, contractor_id: UUID) -> Row[Any] | None:
        """The sale by which a buyer owns a lead."""
        statement = text(
            """
            SELECT id, base_lead_id, status, revealed_at, charged_at, price, masked_fields FROM sales
             WHERE base_lead_id = :lead AND contractor_id = :contractor AND status = 'sold'
            """
        )
        return (
            await self._session.execute(statement, {"lead": lead_id, "contractor": contractor_id})
        ).one_or_none()

    async def unsettled(self, limit: int) -> Sequence[Row[Any]]:
        """Sales nobody decided in time, and those just released, whose charge may still come; undecided first."""
        statement = text(
            """
            SELECT s.id, s.status, s.reserved_at, w.id AS workflow_id, w.status AS workflow_status,
                   s.reserved_until < now() AS expired, w.finished_at < now() - interval '60 seconds' AS settled_down
              FROM sales s
              LEFT JOIN LATERAL (SELECT id, status, finished_at FROM core.workflow
                                  WHERE kind = 'sale' AND subject_id = s.id ORDER BY created_at DESC LIMIT 1) w ON true
             WHERE (s.status IN ('reserved', 'charging', 'payment_unknown')
                    AND (s.reserved_until < now() OR s.updated_at < now() - interval '1 minute'))
                OR (s.status = 'released' AND s.released_at > now() - interval '10 minutes')
             ORDER BY s.status = 'released', s.reserved_at LIMIT :limit
            """
        )
        return (await self._session.execute(statement, {"limit": limit})).all()

    async def buyer_email(self, sale_id: UUID) -> Row[Any] | None:
        """Who bought, and where to write to."""
        statement = text(
            """
            SELECT u.id AS user_id, u.email, u.full_name, s.contractor_id, c.state, s.price, l.city, l.state AS lead_state
              FROM sales s JOIN base_leads l ON l.id = s.base_lead_id JOIN contractors c ON c.id = s.contractor_id
              LEFT JOIN users u ON u.id = s.user_id
             WHERE s.id = :id
            """
        )
        return (await self._session.execute(statement, {"id": sale_id})).one_or_none()

    async def complaint_rate(self) -> Decimal:
        """Complaints per delivered message of the worst of the last seven days; 0 where nothing was sent."""
        statement = text(
            """
            WITH sent AS (
                SELECT sent_at::date AS day, count(*) AS n FROM notifications
                 WHERE status = 'sent' AND channel = 'email' AND sent_at > now() - interval '7 days' GROUP BY 1
            ), complained AS (
                SELECT created_at::date AS day, count(*) AS n FROM compliance.suppression
                 WHERE reason = 'complaint' AND created_at > now() - interval '7 days' GROUP BY 1
            )
            SELECT coalesce(max(c.n::numeric / greatest(coalesce(s.n, 0), 1)), 0)
              FROM complained c LEFT JOIN sent s ON s.day = c.day
            """
        )
        return Decimal((await self._session.execute(statement)).scalar_one())
