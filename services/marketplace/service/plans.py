"""Plans for buyers and operators: what is on sale, the way to the checkout, changes, and how the account stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row

from services.marketplace.domain.ledger import credit_account, deferred_account
from services.marketplace.domain.plans import (
    NAMES,
    PAYING,
    BillingView,
    LedgerLine,
    NewPlanPrice,
    PaidPeriod,
    PlanView,
    SubscriptionView,
    charged_now,
)
from services.marketplace.domain.supply import CHANGE_MINUTES
from services.marketplace.repository.locks import lock_contractor
from services.marketplace.repository.plans import PlanRepository
from services.marketplace.repository.supply import SupplyRepository
from services.marketplace.service.billing import refresh
from services.marketplace.service.sessions import own_company, signed_in
from services.marketplace.service.supply import claim
from shared.db.rows import all_rows
from shared.errors import Conflict, ProviderRejected
from shared.providers.context import calling_for
from shared.providers.payments.billing import CheckoutWish, MonthlyPrice
from shared.runtime import Resources
from shared.schemas.plan_enums import PlanCode, SubscriptionStatus
from shared.security import audit
from shared.security.policy import Action, Actor

CHECKOUT_MINUTES: Final = 60
MOST_PERIODS: Final = 24
MOST_LINES: Final = 50


class HasPlan(Conflict):
    """This company has a plan, or another checkout is open."""

    code = "has-plan"


class NoPlan(Conflict):
    """This company has no plan that could be changed."""

    code = "no-plan"


class CheckoutClosed(Conflict):
    """The checkout page cannot be paid any more."""

    code = "checkout-closed"


class ChangeRefused(Conflict):
    """The payment processor refused the change; nothing was changed."""

    code = "plan-change-refused"


class PriceExists(Conflict):
    """A price of this plan begins at that time already, or the time is in the past."""

    code = "plan-price-exists"


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where a plan is paid, and until when."""

    url: str
    until: datetime


async def on_sale(resources: Resources) -> list[PlanView]:
    """The plans with their prices of today, the cheapest first."""
    async with resources.unit_of_work() as uow:
        return [_plan(row) for row in await PlanRepository(uow.session).on_sale()]


async def all_prices(resources: Resources, actor: Actor) -> list[dict[str, Any]]:
    """Every price of every plan with its reason, the newest first."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await PlanRepository(uow.session).prices()
    return [{**_plan(row).model_dump(), "reason": row.reason, "to_come": row.to_come} for row in rows]


async def add_price(resources: Resources, actor: Actor, new: NewPlanPrice) -> PlanView:
    """A price of a plan from a time on, now where none is named; who has the plan keeps its own price.

    Raises PriceExists.
    """
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        row = await PlanRepository(uow.session).add_price(new.model_dump())
        if row is None:
            raise PriceExists("A price begins then already, or the time is past.", code=str(new.code))
        await audit.record(
            uow.session,
            actor,
            "plan.price",
            service="marketplace",
            object_type="plan",
            object_id=row.id,
            reason=new.reason,
        )
    return _plan(row)


async def subscribe(resources: Resources, actor: Actor, code: PlanCode) -> Checkout:
    """The processor's page on which the plan is paid; the same wish again leads to the same page.

    Raises HasPlan, CheckoutClosed, NoSupply.
    """
    contractor_id = own_company(actor, Action.SALE_REPORT)
    with all_rows():  # what is promised to others decides whether this plan is sold
        async with resources.unit_of_work() as uow:
            await signed_in(uow.session, actor)
            repository = PlanRepository(uow.session)
            await lock_contractor(uow.session, contractor_id)
            row = await repository.live(contractor_id)
            if row is None:
                plan = next(each for each in await repository.on_sale() if each.code == code)
                await claim(uow.session, contractor_id, plan.included_leads)
                await repository.begin(contractor_id, plan.id, CHECKOUT_MINUTES)
                await SupplyRepository(uow.session).leave(contractor_id)
                row = await repository.live(contractor_id)
    if row is None or row.status != SubscriptionStatus.CHECKOUT:
        raise HasPlan("Your company has a plan; change it instead.")
    if row.code != code:
        raise HasPlan(
            f"A checkout of the plan {NAMES[PlanCode(row.code)]} is open; pay it, or wait until it closes.",
            until=row.checkout_until.isoformat(),
        )
    return await _page(resources, row)


async def _page(resources: Resources, row: Row[Any]) -> Checkout:
    back = f"{_own_url(resources)}/my/billing"
    wish = CheckoutWish(
        reference=str(row.subscription_id),
        price=_price(row),
        until=row.checkout_until,
        success_url=f"{back}?paid=yes",
        cancel_url=back,
    )
    billing = resources.providers.billing
    with calling_for("plan_subscription", row.subscription_id):
        if row.checkout_ref:
            page = await billing.read_checkout(row.checkout_ref)
        else:
            page = await billing.checkout(wish, idempotency_key=f"checkout:{row.subscription_id}")
    if page is None or page.url is None:
        raise CheckoutClosed("This checkout is paid or has closed; look again in a minute.")
    async with resources.unit_of_work() as uow:
        await PlanRepository(uow.session).note_checkout(row.subscription_id, page.id)
    return Checkout(page.url, row.checkout_until)


async def change(resources: Resources, actor: Actor, code: PlanCode, key: str) -> None:
    """Move to another plan: a dearer one at once for the rest of the month, a cheaper one from the next month on.

    Raises NoPlan, HasPlan where it is the plan already, NoSupply, ChangeRefused.
    """
    row = await _paying(resources, actor)
    plan = next(each for each in await _rows_on_sale(resources) if each.code == code)
    if plan.id == row.id:
        raise HasPlan("Your company has this plan.")
    await _keep_more(resources, row, plan)
    try:
        await _change(resources, row, plan, key)
    finally:
        await _keep_no_more(resources, row)


async def _keep_more(resources: Resources, row: Row[Any], plan: Row[Any]) -> None:
    """Let nobody else be promised the leads that a bigger plan has more, while the processor is asked for it."""
    more = plan.included_leads - row.included_leads
    if more <= 0:
        return
    with all_rows():
        async with resources.unit_of_work() as uow:
            await lock_contractor(uow.session, row.contractor_id)
            # All it includes: what the buyer has by now is not among what is promised to others.
            await claim(uow.session, row.contractor_id, plan.included_leads)
            await SupplyRepository(uow.session).hold(row.contractor_id, plan.code, more, CHANGE_MINUTES)


async def _keep_no_more(resources: Resources, row: Row[Any]) -> None:
    """What was kept for a change is the plan's own by now, or free again."""
    async with resources.unit_of_work() as uow:
        await SupplyRepository(uow.session).leave(row.contractor_id)


async def _change(resources: Resources, row: Row[Any], plan: Row[Any], key: str) -> None:
    with calling_for("plan_subscription", row.subscription_id):
        try:
            await resources.providers.billing.change_price(
                row.subscription_ref,
                _price(plan),
                charge_now=charged_now(row.monthly_cents, plan.monthly_cents),
                idempotency_key=f"plan-change:{row.subscription_id}:{key}",
            )
        except ProviderRejected as refused:
            raise ChangeRefused(f"The plan was not changed: {refused.detail}") from refused
    await refresh(resources, row.subscription_ref)


async def cancel(resources: Resources, actor: Actor, *, end: bool, key: str) -> None:
    """End the plan with its paid month, or let it go on after all. Raises NoPlan, ChangeRefused."""
    row = await _paying(resources, actor)
    with calling_for("plan_subscription", row.subscription_id):
        try:
            await resources.providers.billing.cancel_at_period_end(
                row.subscription_ref, cancel=end, idempotency_key=f"plan-cancel:{row.subscription_id}:{key}"
            )
        except ProviderRejected as refused:
            raise ChangeRefused(f"The plan was not changed: {refused.detail}") from refused
    await refresh(resources, row.subscription_ref)


async def account(resources: Resources, actor: Actor) -> BillingView:
    """The plan of the actor's company, its paid leads, and what we owe it."""
    contractor_id = own_company(actor, Action.SALE_REPORT)
    codes = [credit_account(contractor_id), deferred_account(contractor_id)]
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = PlanRepository(uow.session)
        row = await repository.latest(contractor_id)
        periods = [
            PaidPeriod.model_validate(each, from_attributes=True)
            for each in await repository.periods(contractor_id, MOST_PERIODS)
        ]
        lines = await repository.lines(codes, MOST_LINES)
        credit, deferred = [await repository.owed(code) for code in codes]
    return BillingView(
        subscription=_subscription(row) if row else None,
        periods=periods,
        leads_left=sum(period.left for period in periods),
        credit_cents=credit,
        deferred_cents=deferred,
        lines=[LedgerLine.model_validate(line, from_attributes=True) for line in lines],
    )


async def _paying(resources: Resources, actor: Actor) -> Row[Any]:
    contractor_id = own_company(actor, Action.SALE_REPORT)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        row = await PlanRepository(uow.session).live(contractor_id)
    if row is None or row.status not in PAYING:
        raise NoPlan("Your company has no running plan.")
    return row


async def _rows_on_sale(resources: Resources) -> list[Row[Any]]:
    async with resources.unit_of_work() as uow:
        return list(await PlanRepository(uow.session).on_sale())


def _price(row: Row[Any]) -> MonthlyPrice:
    """A plan's price as the processor keeps it, found again by the row's id."""
    name = f"{NAMES[PlanCode(row.code)]}, {row.included_leads} leads a month"
    return MonthlyPrice(key=str(row.id), name=name, cents=row.monthly_cents)


def _plan(row: Row[Any]) -> PlanView:
    values = {name: getattr(row, name) for name in PlanView.model_fields if name != "name"}
    return PlanView(**values, name=NAMES[PlanCode(row.code)])


def _subscription(row: Row[Any]) -> SubscriptionView:
    values = {name: getattr(row, name) for name in SubscriptionView.model_fields if name != "plan"}
    return SubscriptionView(**values, plan=_plan(row))


def _own_url(resources: Resources) -> str:
    """Where the processor sends a buyer back to."""
    settings = resources.settings
    return str(settings.public_url or settings.service_url("marketplace")).rstrip("/")
