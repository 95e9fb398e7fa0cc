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

_ACCOUNT_KINDS: Final = {CLEARING: "asset", LEAD_REVENUE: "revenue", GUARANTEE: "expense"}


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of a transaction."""

    account: str
    debit_cents: int = 0
    credit_cents: int = 0


def sale_postings(cents: int) -> tuple[Posting, ...]:
    """A lead sold: the processor owes us, revenue is earned."""
    return (Posting(CLEARING, debit_cents=cents), Posting(LEAD_REVENUE, credit_cents=cents))


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
