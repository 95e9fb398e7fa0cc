"""The postings of a sale: what is debited and credited, in cents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CLEARING: Final = "stripe:clearing"
LEAD_REVENUE: Final = "revenue:leads"

ACCOUNT_KINDS: Final = {CLEARING: "asset", LEAD_REVENUE: "revenue"}


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
