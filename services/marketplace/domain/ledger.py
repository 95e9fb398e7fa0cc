"""The postings of a sale: what is debited and credited, in cents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

CLEARING: Final = "stripe:clearing"
LEAD_REVENUE: Final = "revenue:leads"

GUARANTEE: Final = "expense:guarantee"
CREDIT: Final = "credit:"
"""Begins the account of what we owe one contractor in leads; its id follows."""

LEAST_CHARGE_CENTS: Final = 50

_ACCOUNT_KINDS: Final = {CLEARING: "asset", LEAD_REVENUE: "revenue", GUARANTEE: "expense"}


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
    """Money given back: the exact mirror of the sale."""
    return (Posting(LEAD_REVENUE, debit_cents=cents), Posting(CLEARING, credit_cents=cents))


def return_postings(cents: int, contractor_id: UUID) -> tuple[Posting, ...]:
    """A lead taken back: its revenue becomes what we owe the buyer in leads; no money moves."""
    return (
        Posting(LEAD_REVENUE, debit_cents=cents),
        Posting(credit_account(contractor_id), credit_cents=cents),
    )


def guarantee_postings(cents: int, contractor_id: UUID) -> tuple[Posting, ...]:
    """Jobs we promised and did not bring: an expense, and what we owe the buyer in leads."""
    return (Posting(GUARANTEE, debit_cents=cents), Posting(credit_account(contractor_id), credit_cents=cents))


def credit_account(contractor_id: UUID) -> str:
    """The code of the account of what we owe a contractor."""
    return f"{CREDIT}{contractor_id}"


def account_kind(code: str) -> str:
    """The side of the ledger an account belongs to."""
    return "liability" if code.startswith(CREDIT) else _ACCOUNT_KINDS[code]


def account_owner(code: str) -> UUID | None:
    """The contractor an account is kept for; None for our own."""
    return UUID(code.removeprefix(CREDIT)) if code.startswith(CREDIT) else None
