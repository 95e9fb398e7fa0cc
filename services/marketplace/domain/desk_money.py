"""Money as operators see it: what each account holds and how sales stand."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from pydantic import BaseModel, computed_field

from services.marketplace.domain.ledger import CLEARING, CREDIT, DEFERRED, GUARANTEE, LEAD_REVENUE, PROMOTIONS

CREDITED: Final = frozenset({"liability", "revenue"})
"""Kinds of account that grow on the credit side; ours are kept as debit less credit."""
TITLES: Final = {
    CLEARING: "With the payment processor",
    LEAD_REVENUE: "Earned by leads",
    GUARANTEE: "Guarantees paid",
    PROMOTIONS: "Promo codes redeemed",
    CREDIT: "Owed to buyers in leads",
    DEFERRED: "Paid ahead in plans",
}


class AccountLine(BaseModel):
    """An account, or all accounts of a kind that each buyer has; `balance_cents` is debit less credit."""

    code: str
    kind: Literal["asset", "liability", "revenue", "expense"]
    accounts: int
    balance_cents: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def title(self) -> str:
        """What it is called."""
        return TITLES.get(self.code, self.code)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def shown_cents(self) -> int:
        """The balance on the side on which this kind of account grows."""
        return -self.balance_cents if self.kind in CREDITED else self.balance_cents


class SalesLine(BaseModel):
    """Sales of one state and their prices together."""

    status: str
    count: int
    price: Decimal


class UnknownSale(BaseModel):
    """A sale whose payment nobody knows the fate of; its lead stays reserved."""

    id: UUID
    lead_id: UUID
    contractor_id: UUID
    company_name: str
    price: Decimal
    updated_at: datetime


class StrayRefunds(BaseModel):
    """Charges that paid for nothing and went back."""

    count: int
    cents: int


class DeskMoney(BaseModel):
    """The money page; `difference_cents` is zero while the books balance."""

    accounts: list[AccountLine]
    difference_cents: int
    sales: list[SalesLine]
    unknown: list[UnknownSale]
    strays: StrayRefunds
