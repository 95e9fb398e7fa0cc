"""The postings of a sale: what is debited and credited, in cents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

CLEARING: Final = "stripe:clearing"
LEAD_REVENUE: Final = "revenue:leads"

GUARANTEE: Final = "expense:guarantee"
PROMOTIONS: Final = "expense:promotions"
CREDIT: Final = "credit:"
"""Begins the account of what we owe one contractor in leads; its id follows."""

DEFERRED: Final = "deferred:"
"""Begins the account of what one contractor has paid ahead for leads of its plan; its id follows."""

LEAST_CHARGE_CENTS: Final = 50

_ACCOUNT_KINDS: Final = {
    CLEARING: "asset",
    LEAD_REVENUE: "revenue",
    GUARANTEE: "expense",
    PROMOTIONS: "expense",
}


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of a transaction."""

    account: str
    debit_cents: int = 0
    credit_cents: int = 0


def credit_used(price_cents: int, spendable_cents: int) -> int:
    """How much of a price is paid by credit: all of it where the credit suffices, else what leaves a chargeable rest.

    Stripe refuses charges under 50 cents (docs.stripe.com/currencies, minimum charge amounts).
    """
    if spendable_cents >= price_cents:
        return price_cents
    return max(0, min(spendable_cents, price_cents - LEAST_CHARGE_CENTS))


def sale_postings(
    cents: int, *, credit_cents: int = 0, contractor_id: UUID | None = None
) -> tuple[Posting, ...]:
    """A lead sold: revenue is earned; the processor owes us the charge, and we owe the buyer so much less credit."""
    charged = cents - credit_cents
    paid = [Posting(CLEARING, debit_cents=charged)] if charged else []
    if credit_cents and contractor_id is not None:
        paid.append(Posting(credit_account(contractor_id), debit_cents=credit_cents))
    return (*paid, Posting(LEAD_REVENUE, credit_cents=cents))


def refund_postings(cents: int) -> tuple[Posting, ...]:
    """Money given back, or taken back by the buyer's bank: the exact mirror of the sale."""
    return (Posting(LEAD_REVENUE, debit_cents=cents), Posting(CLEARING, credit_cents=cents))


def return_postings(cents: int, contractor_id: UUID) -> tuple[Posting, ...]:
    """A lead taken back: its revenue becomes what we owe the buyer in leads; no money moves."""
    return (
        Posting(LEAD_REVENUE, debit_cents=cents),
        Posting(credit_account(contractor_id), credit_cents=cents),
    )


def loss_postings(cents: int, credit_cents: int, contractor_id: UUID) -> tuple[Posting, ...]:
    """A charge that a bank took back: revenue lost, but for credit of its lead's return that we owe no longer."""
    changes = (
        (credit_account(contractor_id), credit_cents),
        (LEAD_REVENUE, cents - credit_cents),
        (CLEARING, -cents),
    )
    return _changed(changes)


def plan_paid_postings(cents: int, contractor_id: UUID) -> tuple[Posting, ...]:
    """An invoice of a plan paid: the processor owes us, and we owe leads; nothing is earned yet."""
    return (
        Posting(CLEARING, debit_cents=cents),
        Posting(deferred_account(contractor_id), credit_cents=cents),
    )


def plan_refund_postings(deferred_cents: int, revenue_cents: int, contractor_id: UUID) -> tuple[Posting, ...]:
    """Money of a plan given back: we owe fewer leads, and what leads had earned beyond that is lost again.

    A negative `revenue_cents` was lost before and is not: a lead that seemed used was not.
    """
    gone = deferred_cents + revenue_cents
    changes = (
        (deferred_account(contractor_id), deferred_cents),
        (LEAD_REVENUE, revenue_cents),
        (CLEARING, -gone),
    )
    return _changed(changes)


def included_sale_postings(cents: int, contractor_id: UUID) -> tuple[Posting, ...]:
    """A lead of a plan sold: its part of what was paid ahead is earned."""
    return (
        Posting(deferred_account(contractor_id), debit_cents=cents),
        Posting(LEAD_REVENUE, credit_cents=cents),
    )


def included_return_postings(cents: int, contractor_id: UUID) -> tuple[Posting, ...]:
    """A lead of a plan taken back while its period is open: the exact mirror of the sale."""
    return (
        Posting(LEAD_REVENUE, debit_cents=cents),
        Posting(deferred_account(contractor_id), credit_cents=cents),
    )


def period_end_postings(unused_cents: int, rest_cents: int, contractor_id: UUID) -> tuple[Posting, ...]:
    """A paid period ended: unused leads become credit, what paid for no whole lead is earned."""
    ends = ((credit_account(contractor_id), unused_cents), (LEAD_REVENUE, rest_cents))
    given = [Posting(account, credit_cents=cents) for account, cents in ends if cents]
    total = unused_cents + rest_cents
    return (Posting(deferred_account(contractor_id), debit_cents=total), *given) if total else ()


def guarantee_postings(cents: int, contractor_id: UUID) -> tuple[Posting, ...]:
    """Jobs we promised and did not bring: an expense, and what we owe the buyer in leads."""
    return (Posting(GUARANTEE, debit_cents=cents), Posting(credit_account(contractor_id), credit_cents=cents))


def promo_postings(cents: int, contractor_id: UUID) -> tuple[Posting, ...]:
    """A promo code redeemed: an expense, and what we owe the buyer in leads."""
    return (
        Posting(PROMOTIONS, debit_cents=cents),
        Posting(credit_account(contractor_id), credit_cents=cents),
    )


def credit_account(contractor_id: UUID) -> str:
    """The code of the account of what we owe a contractor."""
    return f"{CREDIT}{contractor_id}"


def deferred_account(contractor_id: UUID) -> str:
    """The code of the account of what a contractor has paid ahead."""
    return f"{DEFERRED}{contractor_id}"


def _changed(changes: tuple[tuple[str, int], ...]) -> tuple[Posting, ...]:
    """Postings of what each account changes by, debits positive; none where it does not."""
    return tuple(
        Posting(account, debit_cents=max(0, cents), credit_cents=max(0, -cents))
        for account, cents in changes
        if cents
    )


def account_kind(code: str) -> str:
    """The side of the ledger an account belongs to."""
    return "liability" if code.startswith((CREDIT, DEFERRED)) else _ACCOUNT_KINDS[code]


def account_owner(code: str) -> UUID | None:
    """The contractor an account is kept for; None for our own."""
    kept = code.startswith((CREDIT, DEFERRED))
    return UUID(code.partition(":")[2]) if kept else None
