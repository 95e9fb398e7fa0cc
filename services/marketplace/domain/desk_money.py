"""Money as operators see it: what each account holds, how sales stand, what a lead cost us by city."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from pydantic import BaseModel, computed_field

from services.marketplace.domain.ledger import CLEARING, CREDIT, GUARANTEE, LEAD_REVENUE

COST_DAYS: Final = 30
CREDITED: Final = frozenset({"liability", "revenue"})
"""Kinds of account that grow on the credit side; ours are kept as debit less credit."""
TITLES: Final = {
    CLEARING: "With the payment processor",
    LEAD_REVENUE: "Earned by leads",
    GUARANTEE: "Guarantees paid",
    CREDIT: "Owed to buyers in leads",
}


class AccountLine(BaseModel):
    """An account, or all accounts of buyers' credit as one; `balance_cents` is debit less credit."""

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


class CityCost(BaseModel):
    """What was spent on a city and its leads in the last 30 days, and on how many leads found in them."""

    city: str
    state: str
    leads: int
    cost: Decimal

    @computed_field  # type: ignore[prop-decorator]
    @property
    def per_lead(self) -> Decimal | None:
        """The cost of one lead; None where none was found."""
        return self.cost / self.leads if self.leads else None


class DeskMoney(BaseModel):
    """The money page; `difference_cents` is zero while the books balance."""

    accounts: list[AccountLine]
    difference_cents: int
    sales: list[SalesLine]
    unknown: list[UnknownSale]
    strays: StrayRefunds
    costs: list[CityCost]
