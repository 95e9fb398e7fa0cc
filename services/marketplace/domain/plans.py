"""Monthly plans: what an invoice pays for, when an included lead is used, and what people see of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.schemas.plan_enums import PlanCode, SubscriptionStatus

NAMES: Final = {
    PlanCode.STARTER: "Starter",
    PlanCode.PROFESSIONAL: "Professional",
    PlanCode.ENTERPRISE: "Enterprise",
}
PAYING: Final = frozenset(
    {SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE}
)
"""States in which a plan can be changed or cancelled, and its buyer has its tier."""


class PlanView(BaseModel):
    """A plan as it is sold; `unit_cents` is what one included lead costs in it."""

    code: PlanCode
    name: str
    monthly_cents: int
    included_leads: int
    unit_cents: int
    grace_days: int
    valid_from: datetime


class NewPlanPrice(BaseModel):
    """A price of a plan from a time on; its leads must come out at whole cents."""

    model_config = ConfigDict(extra="forbid")
    code: PlanCode
    monthly_cents: int = Field(ge=100, le=10_000_000)
    included_leads: int = Field(ge=1, le=10_000)
    grace_days: int = Field(ge=0, le=30)
    valid_from: datetime | None = None
    reason: str = Field(min_length=3, max_length=300)

    @model_validator(mode="after")
    def _whole_cents(self) -> NewPlanPrice:
        """A lead of a plan has a price in whole cents."""
        if self.monthly_cents % self.included_leads:
            raise ValueError(
                "monthly_cents must be a multiple of included_leads, so that a lead costs whole cents"
            )
        if self.valid_from is not None and self.valid_from.tzinfo is None:
            raise ValueError("valid_from needs a time zone")
        return self


class PaidPeriod(BaseModel):
    """The leads of one paid invoice; `held` wait for the end of an open purchase."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    amount_cents: int
    leads: int
    unit_cents: int
    bought: int
    held: int
    usable: bool
    closed_at: datetime | None

    @property
    def left(self) -> int:
        """Leads that can still be bought from this period; none once it cannot be used any more."""
        return max(0, self.leads - self.bought - self.held) if self.usable else 0


class LedgerLine(BaseModel):
    """One change of what we owe a buyer; positive where we owe more."""

    at: datetime
    account: str
    words: str
    cents: int


class SubscriptionView(BaseModel):
    """A buyer's plan and how its payment stands."""

    status: SubscriptionStatus
    plan: PlanView
    current_period_end: datetime | None
    cancel_at_period_end: bool
    past_due_since: datetime | None
    checkout_until: datetime


class BillingView(BaseModel):
    """What a buyer has, has used, and is owed."""

    subscription: SubscriptionView | None
    periods: list[PaidPeriod]
    leads_left: int
    credit_cents: int
    deferred_cents: int
    lines: list[LedgerLine]


def leads_paid(amount_cents: int, *, unit_cents: int, included: int) -> int:
    """How many leads an invoice pays for: never more than the plan includes, never one that is not wholly paid."""
    return max(0, min(included, amount_cents // unit_cents))


@dataclass(frozen=True, slots=True)
class PeriodMoney:
    """How the money of a paid period stands.

    `gone` went back to the buyer in all, `taken_back` of it was paid ahead for leads not bought, so that the rest of it
    was the price of leads in use; `used` are bought or being bought.
    """

    amount: int
    gone: int
    taken_back: int
    leads: int
    used: int
    unit: int
    is_open: bool

    @property
    def unused(self) -> int:
        """Cents paid ahead for leads that nobody uses; a closed period owes no leads any more."""
        return max(0, self.amount - self.taken_back - self.used * self.unit) if self.is_open else 0

    @property
    def lost(self) -> int:
        """Cents that went back though leads in use had earned them."""
        return self.gone - self.taken_back

    def leads_after(self, deferred: int) -> int:
        """The leads that are left when so much more of what was paid ahead is taken back."""
        return min(self.leads, (self.amount - self.taken_back - deferred) // self.unit)


@dataclass(frozen=True, slots=True)
class PeriodRefund:
    """What a refund takes: what was paid ahead for leads not bought, what was earned, and the leads that are left."""

    deferred_cents: int
    revenue_cents: int
    leads: int


def refund_of(fresh_cents: int, period: PeriodMoney) -> PeriodRefund:
    """What so much more money that goes back takes, never more than was paid: leads not used first."""
    fresh = max(0, min(fresh_cents, period.amount - period.gone))
    deferred = min(fresh, period.unused)
    leads = period.leads_after(deferred) if period.is_open else period.leads
    return PeriodRefund(deferred, fresh - deferred, leads)


def freed_by(period: PeriodMoney) -> PeriodRefund:
    """What a purchase that ended without a sale changes: its lead was not used, so money that went back was this lead's.

    No money moves: what was taken from revenue comes out of what was paid ahead instead.
    """
    deferred = min(period.lost, period.unused)
    return PeriodRefund(deferred, -deferred, period.leads_after(deferred))


def paid_back_of(period: PeriodMoney) -> PeriodRefund:
    """The part of a returned lead's price that went back to its buyer as money before: that much is not credited again."""
    covered = min(period.lost, period.unit)
    return PeriodRefund(covered, -covered, period.leads_after(covered))


def charged_now(old_cents: int, new_cents: int) -> bool:
    """Whether a change of plan is charged at once: a dearer one is, a cheaper one begins with the next period."""
    return new_cents > old_cents


def unused_value(leads: int, sold: int, *, unit_cents: int, amount_cents: int) -> tuple[int, int]:
    """What an ended period leaves: cents of its unused leads, and cents that paid for no whole lead."""
    return (leads - sold) * unit_cents, amount_cents - leads * unit_cents
